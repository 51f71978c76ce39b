//! Renews a file that is held, until it is lost or given back.

use bytes::Bytes;
use doozer_client::{Client, Error, Event, EventKind, Watch};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::lease::{Lease, Loss};
use super::{Promise, is_unsettled};

/// Renews a file.
pub(super) struct Keeper {
    client: Client,
    path: String,
    value: Bytes,
    lease: Lease,
    promise: watch::Sender<Promise>,
    /// When to renew next.
    renew_at: Instant,
    /// What somebody else does to the file. After a failure there is none until it is renewed:
    /// the next SET tells as well.
    changes: Option<Watch>,
    /// What stood in the way last.
    trouble: Option<String>,
}

impl Keeper {
    /// Of a file that was acquired just now.
    pub(super) fn new(
        client: &Client,
        path: &str,
        value: Bytes,
        lease: Lease,
    ) -> (Self, watch::Receiver<Promise>) {
        let (promise, promised) = watch::channel(lease.promise());
        let keeper = Self {
            changes: Some(client.watch(path, lease.rev() + 1)),
            client: client.clone(),
            path: path.to_owned(),
            value,
            renew_at: lease.renew_at(),
            lease,
            promise,
            trouble: None,
        };
        (keeper, promised)
    }

    /// Runs until `stop`, or until the file is lost; returns what is known of it then.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Lease {
        let loss = loop {
            let kept = tokio::select! {
                biased;
                () = stop.cancelled() => return self.lease,
                () = sleep_until(self.lease.lost_at()) => Err(self.lease.silent(self.trouble.take())),
                event = next(&mut self.changes) => self.noticed(event),
                () = sleep_until(self.renew_at) => self.renew().await,
            };
            if let Err(loss) = kept {
                break loss;
            }
        };
        self.promise
            .send_modify(|promise| promise.loss = Some(loss));
        self.lease
    }

    /// Looks at what was done to the file. Deleting by hand is how a lock is broken.
    fn noticed(&mut self, event: Option<Result<Event, Error>>) -> Result<(), Loss> {
        match event {
            Some(Ok(event)) if event.kind == EventKind::Del => Err(Loss::Deleted),
            Some(Ok(event)) if event.value != self.value => Err(Loss::Taken { rev: event.rev }),
            Some(Ok(_own)) => Ok(()),
            Some(Err(_)) | None => {
                self.changes = None;
                Ok(())
            }
        }
    }

    /// Sends one SET, and takes in what comes of it.
    async fn renew(&mut self) -> Result<(), Loss> {
        let sent = Instant::now();
        let setting = self
            .client
            .set(&self.path, self.lease.rev(), self.value.clone());
        let answer = timeout(self.lease.patience(), setting).await;
        match answer {
            Ok(Ok(rev)) => {
                self.lease.renewed(rev, sent);
                self.promise_anew();
                return Ok(());
            }
            Ok(Err(error)) if error.is_rev_mismatch() => self.look().await?,
            Ok(Err(error)) => {
                if is_unsettled(&error) {
                    self.lease.unsettled(sent);
                }
                self.trouble = Some(error.to_string());
            }
            Err(_elapsed) => {
                self.lease.unsettled(sent);
                self.client.go_elsewhere();
                self.trouble = Some("the server does not answer".to_owned());
            }
        }
        self.renew_at = self.renew_at.max(Instant::now() + self.lease.rest());
        Ok(())
    }

    /// The file has another revision: reads whether that is from an own SET.
    async fn look(&mut self) -> Result<(), Loss> {
        let reading = self.client.get(&self.path, None);
        match timeout(self.lease.patience(), reading).await {
            Ok(Ok(file)) => {
                self.lease.found(file.rev, file.value == self.value)?;
                self.promise_anew();
            }
            Ok(Err(error)) => self.trouble = Some(error.to_string()),
            Err(_elapsed) => self.client.go_elsewhere(),
        }
        Ok(())
    }

    fn promise_anew(&mut self) {
        self.renew_at = self.lease.renew_at();
        self.promise.send_replace(self.lease.promise());
        let (client, rev) = (&self.client, self.lease.rev());
        self.changes
            .get_or_insert_with(|| client.watch(&self.path, rev + 1));
    }
}

/// The next change; never, where nothing is watched.
async fn next(changes: &mut Option<Watch>) -> Option<Result<Event, Error>> {
    match changes {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}
