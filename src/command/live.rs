//! The live view's terminal: its screen, its keys, and what it reads of the run.
//!
//! Owns the screen while the drive lasts, and gives it back however that ends. All that is shown comes from the counters that the progress line
//! has too, and from the run so far (`so_far`): no lane and no recorder knows that somebody looks. Refuses to draw (`report::live`). Called by
//! `drive`.

use std::io::{self, IsTerminal, Stderr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use rustix::process::{Signal, getpid, kill_process};
use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;

use super::so_far::{Reading, Scene, Seen};
use super::terminal;
use crate::engine::{Progress, Stop, Urgency};
use crate::report::live::{self, Pane, State, Theme, View};
use crate::report::progress;

/// From one picture to the next.
const FRAME: Duration = Duration::from_millis(100);
/// How long a rate is counted over.
const RATE_OVER: Span = Span::from_ms(1_000);

/// Whether there is a terminal that a view can be drawn on, and somebody at its keys.
pub(super) fn is_possible() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !dumb && io::stderr().is_terminal() && io::stdin().is_terminal()
}

/// What moves while the drive lasts.
pub(super) struct Moving {
    /// How far it is.
    pub(super) progress: Arc<Progress>,
    /// The run's clock.
    pub(super) clock: Clock,
    /// Its planned length.
    pub(super) planned: Span,
    /// Whether it was asked to end early.
    pub(super) stop: Stop,
}

/// Shows the run until `ended` is dropped; gives back what moves if the terminal will not be drawn on.
pub(super) fn show(scene: Scene, moving: Moving, ended: &Receiver<()>) -> Result<(), Moving> {
    let Ok(mut screen) = Screen::enter() else { return Err(moving) };
    let mut watcher = Watcher::of(scene, moving);
    while ended.try_recv() != Err(TryRecvError::Disconnected) {
        watcher.look();
        if screen.draw(&watcher).is_err() || !watcher.listen() {
            // A terminal that is gone takes its view with it, not the run.
            while ended.recv_timeout(FRAME) == Err(RecvTimeoutError::Timeout) {}
        }
    }
    Ok(())
}

/// Ends the run as Ctrl-C does elsewhere, so that it is told and recorded in the same way.
fn interrupt() {
    let _ = kill_process(getpid(), Signal::INT);
}

/// The terminal, taken for the view until it is dropped.
struct Screen {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    theme: Theme,
    /// What was drawn last.
    drawn: (Pane, Urgency),
}

impl Screen {
    fn enter() -> io::Result<Self> {
        enable_raw_mode()?;
        let entered = execute!(io::stderr(), EnterAlternateScreen);
        let terminal = entered.and_then(|()| Terminal::new(CrosstermBackend::new(io::stderr())));
        let theme = Theme { paint: terminal::error_paint(), marks: terminal::look().marks };
        match terminal {
            Ok(terminal) => Ok(Self { terminal, theme, drawn: (Pane::default(), Urgency::None) }),
            Err(error) => {
                leave();
                Err(error)
            }
        }
    }

    fn draw(&mut self, watcher: &Watcher) -> io::Result<()> {
        let drawn = (watcher.pane, watcher.moving.stop.urgency());
        if drawn != self.drawn {
            // Whoever asked the run to stop has written to the terminal; and a key repairs what others have written.
            self.drawn = drawn;
            execute!(io::stderr(), Clear(ClearType::All))?;
            // One that knows of nothing drawn: its own way to clear asks the terminal where the cursor is, and not all answer.
            self.terminal = Terminal::new(CrosstermBackend::new(io::stderr()))?;
        }
        let view = watcher.view();
        self.terminal.draw(|frame| live::draw(frame, &view, self.theme)).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.terminal.show_cursor();
        leave();
    }
}

/// Gives the terminal back as it was.
fn leave() {
    let _ = execute!(io::stderr(), LeaveAlternateScreen);
    let _ = disable_raw_mode();
}

/// What is known of the run, and what is looked at.
struct Watcher {
    reading: Reading,
    moving: Moving,
    seen: Seen,
    shown: progress::Progress,
    /// When and at which count the rate was last taken.
    before: (Span, u64),
    pane: Pane,
    paused: bool,
}

impl Watcher {
    fn of(scene: Scene, moving: Moving) -> Self {
        let shown = progress::Progress { planned: moving.planned, ..progress::Progress::default() };
        let (seen, reading) = (Seen::before(&scene), Reading::of(scene));
        Self { reading, moving, seen, shown, before: (Span::ZERO, 0), pane: Pane::default(), paused: false }
    }

    fn elapsed(&self) -> Span {
        Span::from_ns(self.moving.clock.now().as_ns())
    }

    /// Looks at the run, unless the view stands still.
    fn look(&mut self) {
        if self.paused {
            return;
        }
        let elapsed = self.elapsed();
        let read = self.moving.progress.read();
        let since = elapsed.saturating_sub(self.before.0);
        if since >= RATE_OVER {
            self.shown.per_s = (read.sent - self.before.1) as f64 / since.as_secs_f64();
            self.shown.lag = Some(Span::ZERO);
            self.before = (elapsed, read.sent);
        }
        let lag = self.shown.lag.unwrap_or_default().max(read.lag);
        self.shown = progress::Progress {
            elapsed,
            intended: read.intended,
            sent: read.sent,
            answered: read.answered,
            failed: read.failed,
            lag: Some(lag),
            ..self.shown
        };
        if let Some(seen) = self.reading.again(self.moving.clock) {
            self.seen = seen;
        }
    }

    fn view(&self) -> View<'_> {
        let state = match self.moving.stop.urgency() {
            Urgency::Graceful | Urgency::AtOnce => State::Stopping,
            Urgency::None if self.paused => State::Paused,
            Urgency::None => State::Following,
        };
        let Seen { record, seconds, now, so_far, verdicts } = &self.seen;
        View { progress: self.shown, record, seconds, now: now.clone(), so_far: so_far.clone(), verdicts, pane: self.pane, state }
    }

    /// Waits for a key until the next picture is due, and does what it says; `false` if the terminal is gone.
    fn listen(&mut self) -> bool {
        match event::poll(FRAME) {
            Ok(false) => true,
            Ok(true) => event::read().map(|event| self.on_event(&event)).is_ok(),
            Err(_) => false,
        }
    }

    fn on_event(&mut self, event: &Event) {
        if let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press | KeyEventKind::Repeat, .. }) = event {
            self.on_key(*code, *modifiers);
        }
    }

    fn on_key(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "a keyboard has more keys than we have uses for")]
        match code {
            // The terminal does not make a signal of it any more.
            KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => interrupt(),
            KeyCode::Char('q') => interrupt(),
            KeyCode::Char(' ' | 'p') => self.paused = !self.paused,
            KeyCode::Tab => self.pane = self.pane.next(),
            KeyCode::Char(key) => {
                let at = key.to_digit(10).and_then(|digit| digit.checked_sub(1));
                self.pane = at.and_then(|at| Pane::ALL.get(at as usize).copied()).unwrap_or(self.pane);
            }
            _ => {}
        }
    }
}
