//! What commands run in: the server, the terminal, the directory. One for a run of the program, a
//! script or a shell.

mod path;
mod progress;
mod reach;
mod terminal;

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use indicatif::WeakProgressBar;

use crate::args::{Environment, Invocation, Target};
use crate::config::Config;
use crate::server::{Reach, Server};

pub(crate) use path::absolute as absolute_path;
pub(crate) use progress::Progress;
use reach::{ReadConfig, Sources};
pub(crate) use terminal::Terminal;

/// Other clusters' servers that connections are kept to. One that comes later has its own.
const OTHERS_MAX: usize = 16;

/// What commands run in. Each command line has one of its own, which shares all with the one that
/// it was made of, but for what its options change.
#[derive(Clone)]
pub(crate) struct Session {
    shared: Rc<Shared>,
    cluster: Rc<Cluster>,
    line: Rc<Line>,
}

/// What all command lines share.
struct Shared {
    environment: Environment,
    config: OnceCell<Config>,
    terminal: Terminal,
    /// The shell's; outside a shell there is none.
    directory: RefCell<Option<String>>,
    notes: RefCell<Notes>,
    /// The bar that is drawn, to be out of the way of what is told.
    bar: RefCell<WeakProgressBar>,
    /// Servers of other clusters, by what was typed.
    others: RefCell<Vec<(String, Rc<Server>)>>,
}

/// Whom command lines ask.
struct Cluster {
    target: Target,
    server: tokio::sync::OnceCell<Rc<Server>>,
}

/// What one command line says besides.
#[derive(Default)]
struct Line {
    /// The command and its arguments, for those who read what went wrong.
    told: String,
    /// How long an answer is waited for (`-t`).
    limit: Option<Duration>,
    /// Whether a revision to come is asked for (`-r`).
    waits_for_rev: bool,
}

/// Where notes go: to standard error, unless a shell takes them.
#[derive(Default)]
struct Notes(Option<TakeNote>);

type TakeNote = Box<dyn Fn(&str)>;

impl Session {
    /// One for this program, where `environment` holds.
    pub(crate) fn new(environment: Environment) -> Self {
        Self {
            shared: Rc::new(Shared {
                terminal: Terminal::of_program(&environment),
                environment,
                config: OnceCell::new(),
                directory: RefCell::default(),
                notes: RefCell::default(),
                bar: RefCell::default(),
                others: RefCell::default(),
            }),
            cluster: Rc::new(Cluster::of(Target::default())),
            line: Rc::default(),
        }
    }

    /// The one of the command line `invocation`: its options, and what this one says where they say
    /// nothing. It shares the connection unless it names another server.
    pub(crate) fn of_line(&self, invocation: &Invocation) -> Self {
        Self {
            shared: Rc::clone(&self.shared),
            cluster: self.cluster_of(&invocation.target),
            line: Rc::new(Line {
                told: invocation.to_string(),
                limit: invocation.limit,
                waits_for_rev: invocation.rev.is_some(),
            }),
        }
    }

    /// One that asks the server that `target` names, or else this one's, and waits for no answer
    /// longer than `limit`.
    pub(crate) fn elsewhere(&self, target: &Target, limit: Duration) -> Self {
        Self {
            shared: Rc::clone(&self.shared),
            cluster: self.cluster_of(target),
            line: Rc::new(Line {
                limit: Some(limit),
                ..Line::default()
            }),
        }
    }

    fn cluster_of(&self, target: &Target) -> Rc<Cluster> {
        if target.is_open() {
            Rc::clone(&self.cluster)
        } else {
            Rc::new(Cluster::of(target.or(&self.cluster.target)))
        }
    }

    /// The server, connected at first use, then shared; the client in it reconnects by itself.
    pub(crate) async fn server(&self) -> anyhow::Result<Rc<Server>> {
        let connected = self.cluster.server.get_or_try_init(|| self.connect()).await;
        let server = connected.with_context(|| self.line.told.clone())?;
        Ok(Rc::new(server.with_request_timeout(self.request_timeout())))
    }

    /// The server, if it was connected to.
    pub(crate) fn connected(&self) -> Option<Rc<Server>> {
        self.cluster.server.get().cloned()
    }

    async fn connect(&self) -> anyhow::Result<Rc<Server>> {
        Ok(Rc::new(Server::connect(self.reach().await?).await?))
    }

    /// Where the server is and how it is spoken to, for those who connect by themselves.
    pub(crate) async fn reach(&self) -> anyhow::Result<Reach> {
        self.reach_of(&self.cluster.target).await
    }

    async fn reach_of(&self, target: &Target) -> anyhow::Result<Reach> {
        let reach = self.sources(target, &|| self.config()).reach().await?;
        Ok(self.in_time(reach))
    }

    fn sources<'a>(&'a self, target: &'a Target, config: ReadConfig<'a>) -> Sources<'a> {
        Sources {
            target,
            environment: &self.shared.environment,
            config,
        }
    }

    /// The user's profiles, read once.
    pub(crate) fn config(&self) -> anyhow::Result<&Config> {
        if let Some(config) = self.shared.config.get() {
            return Ok(config);
        }
        let config = Config::load(self.shared.environment.config_home.as_deref())?;
        Ok(self.shared.config.get_or_init(|| config))
    }

    /// The name of the profile that is in effect, if one is.
    pub(crate) fn profile(&self) -> anyhow::Result<Option<String>> {
        let config = || self.config();
        let sources = self.sources(&self.cluster.target, &config);
        Ok(sources.profile()?.map(|(name, _)| name.to_owned()))
    }

    /// Another cluster's server, named by a profile's name, a `doozer:` URI or HOST:PORT.
    pub(crate) async fn other(&self, place: &str) -> anyhow::Result<Rc<Server>> {
        let others = &self.shared.others;
        let known =
            |(name, server): &(String, Rc<Server>)| (name == place).then(|| Rc::clone(server));
        if let Some(server) = others.borrow().iter().find_map(known) {
            return Ok(server);
        }
        let target = reach::target_of(place, &|| self.config())?;
        let reach = self.reach_of(&target).await?;
        let name = reach.name.clone();
        let server = Server::connect(reach).await.context(name)?;
        let server = Rc::new(server);
        let mut others = others.borrow_mut();
        if others.len() < OTHERS_MAX {
            others.push((place.to_owned(), Rc::clone(&server)));
        }
        Ok(server)
    }

    fn in_time(&self, mut reach: Reach) -> Reach {
        if let Some(limit) = self.line.limit {
            reach.options.dial_timeout = reach.options.dial_timeout.min(limit);
        }
        reach.options.request_timeout = self.request_timeout();
        reach
    }

    /// A revision to come may be a long time coming.
    fn request_timeout(&self) -> Option<Duration> {
        match (self.line.limit, self.line.waits_for_rev) {
            (Some(limit), _) => Some(limit),
            (None, true) => None,
            (None, false) => doozer_client::Options::default().request_timeout,
        }
    }

    /// A typed path or glob made absolute: a relative one starts at the shell's directory, `/`
    /// outside a shell. `.` and `..` are what they are to a shell, never above `/`.
    pub(crate) fn path(&self, typed: &str) -> String {
        path::absolute(&self.directory(), typed)
    }

    /// A path or glob of one of the original's commands: as typed, but in a shell, where it is as
    /// others are.
    pub(crate) fn original_path(&self, typed: &str) -> String {
        let in_shell = self.shared.directory.borrow().is_some();
        if in_shell {
            self.path(typed)
        } else {
            typed.to_owned()
        }
    }

    /// The shell's directory, `/` outside a shell.
    pub(crate) fn directory(&self) -> String {
        let directory = self.shared.directory.borrow();
        directory.as_deref().unwrap_or("/").to_owned()
    }

    /// Makes `path` the directory, as a shell does.
    pub(crate) fn set_directory(&self, path: String) {
        *self.shared.directory.borrow_mut() = Some(path);
    }

    /// Where this program keeps what it remembers from one run to the next.
    pub(crate) fn state_folder(&self) -> Option<PathBuf> {
        let home = self.shared.environment.state_home.as_ref();
        home.map(|home| home.join("doozer"))
    }

    /// What the standard streams are.
    pub(crate) fn terminal(&self) -> Terminal {
        self.shared.terminal
    }

    /// Tells the user a line: on standard error, or where the shell wants it. Never data.
    pub(crate) fn note(&self, line: impl fmt::Display) {
        let line = line.to_string();
        if let Notes(Some(take)) = &*self.shared.notes.borrow() {
            return take(&line);
        }
        let tell = || {
            // Nobody is left to tell when standard error is closed.
            drop(writeln!(io::stderr(), "{line}"));
        };
        match self.shared.bar.borrow().upgrade() {
            Some(bar) => bar.suspend(tell),
            None => tell(),
        }
    }

    /// Gives all notes to `take`, as a shell does that has a prompt in the way.
    pub(crate) fn take_notes(&self, take: impl Fn(&str) + 'static) {
        *self.shared.notes.borrow_mut() = Notes(Some(Box::new(take)));
    }

    /// Asks yes or no on the terminal. Where nobody can be asked it fails, and says that `instead`,
    /// as `--force`, is the way to do without.
    pub(crate) async fn confirm(&self, question: &str, instead: &str) -> anyhow::Result<bool> {
        self.terminal().confirm(question, instead).await
    }

    /// Asks on the terminal, and gives what is typed. Fails where nobody can be asked.
    pub(crate) async fn ask(&self, question: &str) -> anyhow::Result<String> {
        self.terminal().ask(question).await
    }

    /// What edits a text file, as a command of sh that its name can be added to.
    pub(crate) fn editor(&self) -> String {
        let editor = self.shared.environment.editor.clone();
        editor.unwrap_or_else(|| "vi".to_owned())
    }

    /// A bar on standard error, which shows itself on a terminal alone and after a second. A
    /// `length` of 0 is one that is not known.
    pub(crate) fn progress(&self, length: u64, what: &str) -> Progress {
        let progress = Progress::new(self.terminal(), length, what);
        *self.shared.bar.borrow_mut() = progress.weak();
        progress
    }
}

impl Cluster {
    fn of(target: Target) -> Self {
        Self {
            target,
            server: tokio::sync::OnceCell::new(),
        }
    }
}

/// The target may hold a secret: nothing of it is shown.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("line", &self.line.told)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_original_is_left_alone_but_in_a_shell() {
        let session = Session::new(Environment::default());
        assert_eq!(session.original_path("a/../b/"), "a/../b/");
        assert_eq!(session.path("a/../b/"), "/b");
        session.set_directory("/d".to_owned());
        assert_eq!(session.original_path("a"), "/d/a");
        assert_eq!(session.path("../a"), "/a");
    }

    #[test]
    fn notes_go_where_a_shell_takes_them() {
        let session = Session::new(Environment::default());
        let taken = Rc::new(RefCell::new(String::new()));
        let into = Rc::clone(&taken);
        session.take_notes(move |line| into.borrow_mut().push_str(line));
        session.note(format_args!("{} files", 3));
        assert_eq!(*taken.borrow(), "3 files");
    }
}
