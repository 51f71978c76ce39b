//! Lines from a terminal: with a prompt.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use super::colours::{BOLD_BLUE, GREEN, RED, YELLOW, paint};
use super::editor::{Editor, Prompt, Setting, Typed};
use super::execute::INTERRUPTED;
use super::keys::Keys;
use super::link::{Link, State};
use super::names::Names;
use super::{Flow, Shell, history};
use crate::output::Output;

/// What a program that was asked to end ends with, as in sh: 128 and the signal's number.
const EXIT_TERMINATED: u8 = 143;
const EXIT_HANGUP: u8 = 129;

/// Runs what the user types, and returns the exit status.
pub(super) async fn run(shell: &Shell, given: &mut Output) -> anyhow::Result<u8> {
    // Ctrl-C is never the end of the shell, not even between two commands.
    let _interrupts = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let terminal = shell.session.terminal();
    let board = &shell.board;
    shell.session.take_notes({
        let board = board.clone();
        move |line| board.tell(line)
    });
    let (names, asked) = Names::new();
    let setting = Setting {
        colour: terminal.colours_output(),
        is_looked_at: terminal.is_looked_at(),
        history: shell
            .session
            .state_folder()
            .map(|folder| folder.join(history::FILE)),
    };
    let (editor, printer) = Editor::start(&setting, Keys::new(names.clone(), setting.colour))?;
    board.tell(&format!(
        "doozer {}: `help` tells what there is, Ctrl-D leaves",
        env!("CARGO_PKG_VERSION")
    ));
    let link = Link::new(&shell.session);
    link.connect(board).await;
    let typing = Typing {
        shell,
        link: &link,
        names: &names,
        editor,
        ends_line: Rc::new(Cell::new(true)),
    };
    tokio::select! {
        status = typing.run(given) => status,
        status = ended() => Ok(status),
        () = board.show(printer) => Ok(0),
        () = link.keep_looking(board) => Ok(0),
        () = names.answer(&shell.session, asked) => Ok(0),
    }
}

/// Waits for a signal to end.
async fn ended() -> u8 {
    let streams = (
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut terminate), Ok(mut hangup)) = streams else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => EXIT_TERMINATED,
        _ = hangup.recv() => EXIT_HANGUP,
    }
}

struct Typing<'a> {
    shell: &'a Shell,
    link: &'a Link,
    names: &'a Names,
    editor: Editor,
    /// Whether what was printed last ended a line.
    ends_line: Rc<Cell<bool>>,
}

impl Typing<'_> {
    async fn run(mut self, given: &mut Output) -> anyhow::Result<u8> {
        let terminal = self.shell.session.terminal();
        let mut shown = Output::to_terminal(Screen(Rc::clone(&self.ends_line)), terminal);
        let output = if terminal.is_looked_at() {
            &mut shown
        } else {
            given
        };
        let mut flow = Flow::On;
        while flow == Flow::On {
            flow = match self.next_line().await {
                Typed::End => Flow::Exit(0),
                Typed::Interrupt => Flow::On,
                Typed::Line(line) => {
                    self.editor.remember(&line).await;
                    let flow = self.shell.line(&line, output).await;
                    // The terminal has shown ^C.
                    let interrupted = self.shell.status.get() == INTERRUPTED;
                    self.ends_line.set(self.ends_line.get() && !interrupted);
                    flow
                }
            };
        }
        self.shell.jobs.end_all().await;
        match flow {
            Flow::On => Ok(0),
            Flow::Exit(status) => Ok(status),
        }
    }

    async fn next_line(&mut self) -> Typed {
        if !self.ends_line.replace(true) {
            // The prompt would else overwrite what was printed.
            drop(writeln!(io::stdout()));
        }
        self.link.update().await;
        self.names.expire(self.shell.session.directory());
        let prompt = self.prompt();
        self.shell.board.begin_prompt();
        let typed = self.editor.read(prompt).await;
        self.shell.board.end_prompt();
        typed
    }

    fn prompt(&self) -> Prompt {
        let (name, directory) = (self.link.name(), self.shell.session.directory());
        let state = self.link.state();
        let mark = state
            .mark()
            .map(|mark| format!(" ({mark})"))
            .unwrap_or_default();
        let status = match self.shell.status.get() {
            0 => String::new(),
            status => format!(" [{status}]"),
        };
        let colour = match state {
            State::Connected => GREEN,
            State::ReadOnly => YELLOW,
            State::NoAccess | State::NotConnected => RED,
        };
        Prompt {
            plain: format!("{name}:{directory}{mark}{status}> "),
            coloured: format!(
                "{}:{}{}{}> ",
                paint(colour, &name),
                paint(BOLD_BLUE, &directory),
                paint(colour, &mark),
                paint(RED, &status),
            ),
        }
    }
}

/// Standard output, which remembers whether a line has ended.
struct Screen(Rc<Cell<bool>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = io::stdout().write(bytes)?;
        if let Some(last) = bytes[..written].last() {
            self.0.set(*last == b'\n');
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}
