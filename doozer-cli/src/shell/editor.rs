//! The line editor. It waits for keys, so it has a thread of its own.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;
use rustyline::config::BellStyle;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Behavior, ColorMode, CompletionType, Config, ExternalPrinter};
use tokio::sync::mpsc;

use super::history;
use super::keys::Keys;

/// Lines of the history that are kept.
const HISTORY_LINES_MAX: usize = 10_000;
/// What is asked of the editor, and what it says: never more than one of each at once, and a line
/// to remember.
const ASKED_MAX: usize = 4;

/// Prints above the prompt, while there is one.
pub(super) struct Printer(Box<dyn ExternalPrinter + Send>);

/// How the terminal is used.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) colour: bool,
    /// Whether standard output is the terminal; else the prompt goes to the terminal itself.
    pub(super) is_looked_at: bool,
    pub(super) history: Option<PathBuf>,
}

/// A prompt, plain and coloured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) plain: String,
    pub(super) coloured: String,
}

/// What came of a prompt.
#[derive(Debug)]
pub(super) enum Typed {
    /// A line, or more where its commands have several.
    Line(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D, or the terminal has gone.
    End,
}

enum Asked {
    Read(Prompt),
    Remember(String),
}

/// The line editor.
#[derive(Debug)]
pub(super) struct Editor {
    asked: mpsc::Sender<Asked>,
    typed: mpsc::Receiver<Typed>,
}

impl Editor {
    /// Starts it. The printer is there if the terminal is one that can be printed on so.
    pub(super) fn start(setting: &Setting, keys: Keys) -> anyhow::Result<(Self, Option<Printer>)> {
        let terminal = config(setting).and_then(Terminal::with_config);
        let mut terminal = terminal.context("cannot use the terminal")?;
        terminal.set_helper(Some(keys));
        let printer = terminal.create_external_printer().ok();
        let history = setting.history.clone();
        let (asked, asks) = mpsc::channel(ASKED_MAX);
        let (answers, typed) = mpsc::channel(ASKED_MAX);
        thread::Builder::new()
            .name("editor".to_owned())
            .spawn(move || serve(terminal, history.as_deref(), asks, &answers))
            .context("cannot start a thread for the line editor")?;
        let printer = printer.map(|printer| Printer(Box::new(printer)));
        Ok((Self { asked, typed }, printer))
    }

    /// What the user types at `prompt`.
    pub(super) async fn read(&mut self, prompt: Prompt) -> Typed {
        match self.asked.send(Asked::Read(prompt)).await {
            Ok(()) => self.typed.recv().await.unwrap_or(Typed::End),
            Err(_ended) => Typed::End,
        }
    }

    /// Puts a line into the history, unless it holds a secret.
    pub(super) async fn remember(&self, line: &str) {
        if !history::is_secret(line) {
            // Fails when the thread has ended, which the next prompt tells.
            drop(self.asked.send(Asked::Remember(line.to_owned())).await);
        }
    }
}

impl Printer {
    /// Prints lines above the prompt. It may take until the next one.
    pub(super) fn print(&mut self, lines: String) -> anyhow::Result<()> {
        Ok(self.0.print(lines)?)
    }
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Printer")
    }
}

type Terminal = rustyline::Editor<Keys, FileHistory>;

fn config(setting: &Setting) -> rustyline::Result<Config> {
    let config = Config::builder()
        .max_history_size(HISTORY_LINES_MAX)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .bell_style(BellStyle::None)
        .color_mode(if setting.colour {
            ColorMode::Enabled
        } else {
            ColorMode::Disabled
        })
        .behavior(if setting.is_looked_at {
            Behavior::Stdio
        } else {
            Behavior::PreferTerm
        })
        .build();
    Ok(config)
}

/// Answers until nobody asks any more.
fn serve(
    mut terminal: Terminal,
    history: Option<&Path>,
    mut asks: mpsc::Receiver<Asked>,
    answers: &mpsc::Sender<Typed>,
) {
    if let Some(history) = history {
        // There is none the first time.
        drop(terminal.load_history(history));
    }
    while let Some(asked) = asks.blocking_recv() {
        match asked {
            Asked::Read(prompt) => {
                let typed = typed(terminal.readline(&(prompt.plain, prompt.coloured)));
                if answers.blocking_send(typed).is_err() {
                    return;
                }
            }
            Asked::Remember(line) => remember(&mut terminal, history, &line),
        }
    }
}

fn typed(read: rustyline::Result<String>) -> Typed {
    match read {
        Ok(line) => Typed::Line(line),
        Err(ReadlineError::Interrupted) => Typed::Interrupt,
        Err(_no_more) => Typed::End,
    }
}

/// A history that cannot be written is not worth a word at every line.
fn remember(terminal: &mut Terminal, history: Option<&Path>, line: &str) {
    let added = terminal.add_history_entry(line).unwrap_or(false);
    if let (true, Some(path)) = (added, history) {
        drop(history::make_folder(path));
        drop(terminal.append_history(path));
    }
}
