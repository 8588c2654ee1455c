//! The common target of the benchmark: nginx, one worker, a fixed 200, on a core of its own.
//!
//! Owns its configuration for each protocol, with a certificate made for the moment. Refuses other answers.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::tools::Speech;

/// A running nginx; ends when dropped.
pub(crate) struct Nginx {
    child: Child,
    url: String,
    port: u16,
    // Its configuration and logs live as long as it does.
    _folder: TempDir,
}

/// Starts nginx pinned to `core`; it speaks HTTP/1.1 in the clear.
pub(crate) fn start(core: &str) -> Result<Nginx, String> {
    start_speaking(core, Speech::Http1)
}

/// Starts nginx pinned to `core`.
pub(crate) fn start_speaking(core: &str, speech: Speech) -> Result<Nginx, String> {
    let folder = crate::figures::folder()?;
    let port = free_port()?;
    let (scheme, listens, settings) = match speech {
        Speech::Http1 => ("http", "", String::new()),
        Speech::Http2 => ("http", " http2", String::new()),
        Speech::Tls => ("https", " ssl", certificate(&folder)?),
    };
    let path = folder.path().display();
    let config = format!(
        "worker_processes 1; daemon off; pid {path}/nginx.pid; error_log {path}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;\n\
         client_body_temp_path {path}/b; proxy_temp_path {path}/p; fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; scgi_temp_path {path}/s;\n\
         server {{ listen 127.0.0.1:{port} backlog=4096{listens}; {settings}location / {{ default_type text/plain; return 200 'ok'; }} }} }}\n"
    );
    let file = folder.path().join("nginx.conf");
    fs::write(&file, config).map_err(|error| format!("cannot write nginx's configuration: {error}"))?;
    let child = Command::new("taskset")
        .args(["-c", core, "nginx", "-p"])
        .arg(folder.path())
        .arg("-c")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("nginx or taskset does not start ({error}): install nginx and util-linux"))?;
    let nginx = Nginx { child, url: format!("{scheme}://127.0.0.1:{port}"), port, _folder: folder };
    nginx.wait_until_it_listens()?;
    Ok(nginx)
}

impl Nginx {
    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    fn wait_until_it_listens(&self) -> Result<(), String> {
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            // A benchmark may wait for a foreign program; it has no other sign of life.
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        Err("nginx does not listen after 4 s: is it installed?".to_owned())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its worker on SIGTERM; a kill would leave the worker behind.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no free port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

/// The settings of TLS 1.3 with a certificate that signs itself.
fn certificate(folder: &TempDir) -> Result<String, String> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]);
    let made = made.map_err(|error| format!("no certificate: {error}"))?;
    let written = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).map(|()| path.display().to_string()).map_err(|error| format!("cannot write {name}: {error}"))
    };
    let certificate = written("certificate.pem", made.cert.pem())?;
    let key = written("key.pem", made.signing_key.serialize_pem())?;
    Ok(format!("ssl_protocols TLSv1.3; ssl_certificate {certificate}; ssl_certificate_key {key}; "))
}
