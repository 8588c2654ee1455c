//! The live view on a real terminal: it shows the run, follows its keys, and gives the terminal back.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

use crate::page::FIVE_MINUTES;
use crate::program::{Bench, at_once, quiet};

/// How long something on the screen is waited for.
const PATIENCE: Span = Span::from_secs(60);

/// Runs a program on a terminal of its own, with our pipes as its keyboard and screen.
const ON_A_TERMINAL: &str = "
import fcntl, os, pty, struct, sys, termios
def sized(fd):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
    return os.read(fd, 65536)
os.environ['TERM'] = 'xterm-256color'
os.environ['LC_ALL'] = 'C.UTF-8'
status = pty.spawn(sys.argv[1:], sized)
sys.exit(os.waitstatus_to_exitcode(status))
";

/// What entering and leaving the other screen looks like to the terminal.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

struct OnTerminal {
    child: Child,
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl OnTerminal {
    fn start(bench: &Bench, line: &[&str]) -> Self {
        let program = bench.command([""; 0]);
        let mut command = Command::new("python3");
        command.args(["-c", ON_A_TERMINAL]).arg(program.get_program()).args(line);
        command.current_dir(bench.path("")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("python3 starts");
        let (keys, mut output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let (told, screen) = channel();
        thread::spawn(move || {
            let mut some = [0; 8_192];
            while let Ok(n @ 1..) = output.read(&mut some) {
                if told.send(some[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keys, screen, seen: String::new() }
    }

    /// Waits until this was written to the screen since the last time.
    fn until(&mut self, text: &str) -> &mut Self {
        let begun = Clock::starting_now();
        while !self.seen.contains(text) {
            // A view that goes on writes for ever.
            let patient = begun.now() < Instant::ZERO + PATIENCE;
            let more = self.screen.recv_timeout(Duration::from_secs(60)).ok().filter(|_| patient);
            let more = more.unwrap_or_else(|| panic!("no {text:?} in {:?}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
        let at = self.seen.find(text).expect("it was found") + text.len();
        self.seen.drain(..at);
        self
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("the terminal takes keys");
        self
    }

    fn ended(mut self) -> Option<i32> {
        drop(self.keys);
        self.child.wait().expect("it ends").code()
    }
}

#[test]
fn the_view_follows_the_run_and_its_keys_and_gives_the_terminal_back() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", &at_once(FIVE_MINUTES));
    let mut run = OnTerminal::start(&bench, &["run", "service.yaml", "-o", "out"]);
    // Blanks are not drawn: one word each.
    run.until(ENTER).until("response").until("generator");
    run.press("2").until("believed?");
    run.press("3").until("darker");
    run.press(" ").until("PAUSED");
    run.press(" 1").until("whose");
    run.press("q").until(LEAVE).until("INTERRUPTED");
    assert_eq!(run.ended(), Some(130));
    assert!(bench.path("out/run.json").is_file() && bench.path("out/report.html").is_file());
}

#[test]
fn a_run_of_a_moment_and_plain_progress_leave_the_terminal_as_it_was() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", &at_once(FIVE_MINUTES));
    let mut run =
        OnTerminal::start(&bench, &["run", "service.yaml", "-d", "2s", "--warmup", "0s", "--drive-only", "-o", "short"]);
    run.until(ENTER).until(LEAVE).until("NOTHING CLAIMED");
    assert_eq!(run.ended(), Some(0));
    let mut run = OnTerminal::start(
        &bench,
        &["run", "service.yaml", "-d", "2s", "--warmup", "0s", "--drive-only", "--plain", "-o", "plain"],
    );
    run.until("sent").until("NOTHING CLAIMED");
    assert!(!run.seen.contains(ENTER));
    assert_eq!(run.ended(), Some(0));
}
