//! That no process of a function stays behind, however the mock ends.
//!
//! Owns one helper process: a shell that is told, over a pipe, which process groups run, and kills those that are left when the pipe
//! closes: also when the mock is killed and can do nothing any more. It has a process group of its own and takes no signals of the
//! terminal. Refuses to start functions (`process` does). Each function has a process group of its own, too, so that what it started
//! itself goes with it. What a function starts in a session of its own leaves that group, and is not known here: it stays behind, as
//! nothing but a control group of the system would hold it.
//!
//! Between the start of a process and the line that tells of it a few microseconds pass. A mock that is killed just then leaves a
//! process that finds its Runtime API gone, which ends every runtime that we know.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

const SCRIPT: &str = r#"
trap '' INT TERM HUP QUIT
groups=' '
while read -r what group; do
    case $what in
        +) groups="$groups$group " ;;
        -) case $groups in *" $group "*) groups="${groups%%" $group "*} ${groups#*" $group "}" ;; esac ;;
    esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
"#;

/// The helper, and the process groups that it knows.
#[derive(Debug)]
pub(super) struct Guard {
    helper: RefCell<Option<(Child, ChildStdin)>>,
    groups: RefCell<BTreeSet<i32>>,
}

impl Guard {
    pub(super) fn start() -> io::Result<Self> {
        let mut helper = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let stdin = helper.stdin.take().ok_or_else(|| io::Error::other("the helper has no standard input"))?;
        Ok(Self { helper: RefCell::new(Some((helper, stdin))), groups: RefCell::default() })
    }

    /// This process group runs.
    pub(super) fn add(&self, group: i32) {
        self.groups.borrow_mut().insert(group);
        self.tell(&format!("+ {group}\n"));
    }

    /// Kills what is left of a process group whose first process has ended.
    pub(super) fn bury(&self, group: i32) {
        if self.groups.borrow_mut().remove(&group) {
            kill(group);
            self.tell(&format!("- {group}\n"));
        }
    }

    /// Asks every process group to end.
    pub(super) fn ask_all(&self) {
        self.groups.borrow().iter().copied().for_each(|group| signal(group, Signal::TERM));
    }

    /// Kills every process group.
    pub(super) fn kill_all(&self) {
        self.groups.borrow().iter().copied().for_each(kill);
    }

    /// Lets the helper end, which kills what may be left.
    pub(super) fn end(&self) {
        let Some((mut helper, stdin)) = self.helper.take() else { return };
        drop(stdin);
        // It ends at once: its input has.
        let _ = helper.wait();
    }

    /// A line is far shorter than what a pipe holds, and the helper does nothing but read.
    fn tell(&self, line: &str) {
        if let Some((_, stdin)) = &mut *self.helper.borrow_mut() {
            let _ = stdin.write_all(line.as_bytes());
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// A group that is gone is no matter.
pub(super) fn kill(group: i32) {
    signal(group, Signal::KILL);
}

fn signal(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group) {
        let _ = kill_process_group(group, signal);
    }
}
