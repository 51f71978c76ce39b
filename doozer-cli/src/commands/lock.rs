//! `lock PATH -- CMD`: runs a command while this program, and no other, holds a file.

use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use doozer_client::Client;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Call, Command};
use crate::args::{Flag, Invocation, read_duration};
use crate::failure::{self, EXIT_TIMEOUT, Ended};
use crate::hold::child::{self, Signals};
use crate::hold::{self, AcquireError, Claim, Held, HoldOptions, Loss, TimeToLive, Value};
use crate::server::Server;
use crate::session::Session;

/// After how long of waiting the user is told whom for.
const SAY_AFTER: Duration = Duration::from_secs(1);

/// How long whoever falls silent keeps the file.
pub(super) const TTL: Flag = Flag {
    name: "ttl",
    value: Some("DURATION"),
    help: "Take a holder for dead that was silent for that long, from 1s to 24h (15s)",
};

/// How long to contend.
pub(super) const WAIT: Flag = Flag {
    name: "wait",
    value: Some("DURATION"),
    help: "Give up after that long, 0 at once (exit status 5); for ever unless given",
};

pub(super) const COMMAND: Command = Command {
    name: "lock",
    arguments: &["PATH", "-- CMD..."],
    summary: "Run a command while holding a lock",
    details:
        "Waits until no other program holds the file PATH, holds it, and runs CMD. The file is deleted
when CMD has ended, however it ends; the exit status is CMD's, 128 and a signal's number for a
signal. Signals are passed on to CMD. Should this program be killed, CMD is too.

A holder that is silent for its --ttl is taken over. When the lock is lost, CMD is told to end
(TERM), killed before the --ttl is over, and the exit status is not 0.

CMD finds the file's path in DOOZER_LOCK_PATH, and in DOOZER_LOCK_REV the revision at which the
lock was taken: `doozer set FILE $DOOZER_LOCK_REV` succeeds only if nobody has written FILE since.",
    options: &[TTL, WAIT],
    formats: false,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    hold_for_child(call, Value::Claim).await
}

/// Holds the file that is the first argument while the command behind `--` runs.
pub(super) async fn hold_for_child(call: Call<'_>, value: Value) -> anyhow::Result<()> {
    let (session, invocation) = (call.session, call.invocation);
    let options = options(invocation, value)?;
    let path = session.path(invocation.word(0));
    let mut signals = Signals::catch().context("cannot catch signals")?;
    let held = match acquire(session, &path, options, &mut signals).await? {
        Acquired::Held(held) => held,
        Acquired::Stopped(signal, held) => {
            if let Some(held) = held {
                give_back(session, held).await;
            }
            return Err(Ended(child::exit_code(signal)).into());
        }
    };
    let ended = child::run(&invocation.child, &held, &mut signals).await;
    if let Ok(child::Ended {
        loss: Some(loss), ..
    }) = &ended
    {
        session.note(format_args!("Error: {path} was lost: {loss}"));
    }
    give_back(session, held).await;
    let ended = ended?;
    match (ended.code, ended.loss) {
        (0, None) => Ok(()),
        (0, Some(_)) => Err(Ended(EXIT_LOST).into()),
        (code, _) => Err(Ended(code).into()),
    }
}

/// The exit status when the file was lost, and the child saw nothing wrong in being told to end.
const EXIT_LOST: u8 = 2;

fn options(invocation: &Invocation, value: Value) -> anyhow::Result<HoldOptions> {
    let flags = &invocation.flags;
    let time_to_live = flags.value(TTL.name, |typed| {
        let time = read_duration(typed).map_err(|error| error.to_string())?;
        TimeToLive::new(time).map_err(|error| error.to_string())
    })?;
    Ok(HoldOptions {
        value,
        time_to_live: time_to_live.unwrap_or_default(),
        wait: flags.value(WAIT.name, read_duration)?,
        give_up: CancellationToken::new(),
    })
}

enum Acquired {
    Held(Held),
    /// A signal came first; in the same moment the file may have been acquired.
    Stopped(i32, Option<Held>),
}

/// Contends for the file until it is held, or a signal asks to end.
async fn acquire(
    session: &Session,
    path: &str,
    options: HoldOptions,
    signals: &mut Signals,
) -> anyhow::Result<Acquired> {
    let server: Rc<Server> = tokio::select! {
        server = session.server() => server?,
        signal = signals.ending() => return Ok(Acquired::Stopped(signal, None)),
    };
    let give_up = options.give_up.clone();
    let acquiring = hold::acquire(&server.client, path, options);
    tokio::pin!(acquiring);
    let mut saying = std::pin::pin!(say_whom_for(session, &server.client, path));
    let mut has_said = false;
    loop {
        tokio::select! {
            held = &mut acquiring => {
                return held.map(Acquired::Held).map_err(|error| server.at(told(error)));
            }
            signal = signals.ending() => {
                give_up.cancel();
                return Ok(Acquired::Stopped(signal, acquiring.await.ok()));
            }
            () = &mut saying, if !has_said => has_said = true,
        }
    }
}

/// A refusal of the server is told as those of other commands.
fn told(error: AcquireError) -> anyhow::Error {
    match error {
        AcquireError::Client(error) => error.into(),
        error @ AcquireError::WaitOver { .. } => failure::ending(error.into(), EXIT_TIMEOUT),
        error => error.into(),
    }
}

/// Tells the user, after a while, who holds the file.
async fn say_whom_for(session: &Session, client: &Client, path: &str) {
    sleep(SAY_AFTER).await;
    let Ok(file) = client.get(path, None).await else {
        return;
    };
    if let Some(claim) = Claim::read(&file.value) {
        session.note(format_args!("waiting for {path}, held by {claim}"));
    }
}

/// Gives the file back, and tells the user where that fails: the child's end is what counts.
async fn give_back(session: &Session, held: Held) {
    use hold::GiveBackError::Lost;
    match held.release().await {
        // That was told already.
        Ok(())
        | Err(Lost {
            loss: Loss::Taken { .. } | Loss::Deleted,
            ..
        }) => {}
        Err(error) => session.note(format_args!("Error: {:#}", anyhow::Error::from(error))),
    }
}
