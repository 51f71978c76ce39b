//! A script as a tree.

use super::place::Place;

/// Statements, carried out one after another.
pub(crate) type Block = Vec<Statement>;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `NAME=WORD`
    Assign { name: String, value: Word },
    /// A command of the program's own table.
    Command(Line),
    /// `echo WORD …`
    Echo(Vec<Word>),
    /// `fail WORD …`
    Fail(Vec<Word>),
    /// `ensure PATH = VALUE`
    Ensure { path: Word, value: Word },
    /// `ensure-exists PATH [= VALUE]`
    EnsureExists { path: Word, value: Option<Word> },
    /// `ensure-absent PATH`
    EnsureAbsent { path: Word },
    /// `wait-for PATH [= VALUE] [timeout D]`
    WaitFor {
        path: Word,
        value: Option<Word>,
        timeout: Option<Word>,
    },
    /// `wait-members N [timeout D]`
    WaitMembers { count: Word, timeout: Option<Word> },
    /// `if COND { … } [else { … }]`
    If {
        condition: Condition,
        then: Block,
        otherwise: Block,
    },
    /// `for NAME in WORD … { … }`
    For {
        name: String,
        words: Vec<Word>,
        body: Block,
    },
    /// `retry N every D { … }`
    Retry {
        tries: Word,
        every: Word,
        body: Block,
    },
    /// `on-error { … }`
    OnError(Block),
    /// `once PATH [ttl D] { … }`
    Once { hold: Holding, body: Block },
    /// `as-leader PATH [ttl D] { … }`
    AsLeader { hold: Holding, body: Block },
}

impl Kind {
    /// How a statement is called until its words are known.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Assign { .. } => "setting a variable",
            Self::Command(_) => "running a command",
            Self::Echo(_) => "echo",
            Self::Fail(_) => "fail",
            Self::Ensure { .. } => "ensure",
            Self::EnsureExists { .. } => "ensure-exists",
            Self::EnsureAbsent { .. } => "ensure-absent",
            Self::WaitFor { .. } => "wait-for",
            Self::WaitMembers { .. } => "wait-members",
            Self::If { .. } => "if",
            Self::For { .. } => "for",
            Self::Retry { .. } => "retry",
            Self::OnError(_) => "on-error",
            Self::Once { .. } => "once",
            Self::AsLeader { .. } => "as-leader",
        }
    }
}

/// The words of a command, and its input where a here-document gives one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) words: Vec<Word>,
    pub(crate) input: Option<Word>,
}

/// The file that is held while a block runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) path: Word,
    pub(crate) time_to_live: Option<Word>,
}

/// What an `if` asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// `not COND`
    Not(Box<Condition>),
    /// `exists PATH`
    Exists(Word),
    /// `WORD == WORD`
    Equal(Word, Word),
    /// `WORD != WORD`
    Unequal(Word, Word),
    /// Whether a command succeeds.
    Succeeds(Line),
}

/// One word: what stands between blanks. It is always one argument, whatever its variables hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) place: Place,
    pub(crate) parts: Vec<Part>,
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text as it is.
    Text { text: String, quoted: bool },
    /// `$NAME`, `${NAME}`, `${NAME:-DEFAULT}`
    Variable {
        place: Place,
        name: String,
        default: Option<Vec<Part>>,
        quoted: bool,
    },
    /// `$(COMMAND)`: what the command prints.
    Output {
        place: Place,
        words: Vec<Word>,
        quoted: bool,
    },
}

impl Part {
    /// Whether it stands in quotes, or behind a backslash.
    pub(crate) fn is_quoted(&self) -> bool {
        match self {
            Self::Text { quoted, .. }
            | Self::Variable { quoted, .. }
            | Self::Output { quoted, .. } => *quoted,
        }
    }
}

impl Word {
    /// The text, where nothing of it is known only when the script runs.
    pub(crate) fn literal(&self) -> Option<String> {
        let texts = self.parts.iter().map(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            Part::Variable { .. } | Part::Output { .. } => None,
        });
        texts.collect()
    }

    /// The text of a word that may be one of the language: nothing in it is quoted.
    pub(crate) fn keyword(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [
                Part::Text {
                    text,
                    quoted: false,
                },
            ] => Some(text),
            _ => None,
        }
    }

    /// The unquoted text that it begins with.
    pub(crate) fn bare_beginning(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text {
                text,
                quoted: false,
            }) => text,
            _ => "",
        }
    }
}
