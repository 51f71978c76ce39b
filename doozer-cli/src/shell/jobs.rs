//! Commands in the background.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;

use anyhow::ensure;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::board::Board;
use crate::failure;

/// As many may run at once.
const JOBS_MAX: usize = 64;

/// Commands in the background, each with a number.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    running: Rc<RefCell<BTreeMap<usize, Job>>>,
    tasks: TaskTracker,
}

#[derive(Debug)]
struct Job {
    text: String,
    stop: CancellationToken,
}

impl Jobs {
    /// Starts `work`, which was typed as `text`. How it ends is told on `board`.
    pub(super) fn start(
        &self,
        text: &str,
        board: &Board,
        work: impl Future<Output = anyhow::Result<()>> + 'static,
    ) -> anyhow::Result<()> {
        let mut running = self.running.borrow_mut();
        ensure!(
            running.len() < JOBS_MAX,
            "there are {JOBS_MAX} jobs already: end one with kill"
        );
        let number = running.keys().last().map_or(1, |last| last + 1);
        let stop = CancellationToken::new();
        let job = Job {
            text: text.to_owned(),
            stop: stop.clone(),
        };
        board.tell(&format!("[{number}] {text}"));
        running.insert(number, job);
        let (jobs, board) = (Rc::clone(&self.running), board.clone());
        self.tasks.spawn_local(async move {
            let done = stop.run_until_cancelled(work).await;
            let job = jobs.borrow_mut().remove(&number);
            let text = job.map(|job| job.text).unwrap_or_default();
            board.tell(&ended(number, &text, done));
        });
        Ok(())
    }

    /// A line for each.
    pub(super) fn list(&self) -> Vec<String> {
        let running = self.running.borrow();
        let lines = running
            .iter()
            .map(|(number, job)| format!("[{number}] {}", job.text));
        lines.collect()
    }

    /// Ends the job `number`; whether there is one.
    pub(super) fn end(&self, number: usize) -> bool {
        let running = self.running.borrow();
        let job = running.get(&number);
        job.inspect(|job| job.stop.cancel()).is_some()
    }

    /// Ends all of them, and waits until they have.
    pub(super) async fn end_all(&self) {
        for job in self.running.borrow().values() {
            job.stop.cancel();
        }
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn ended(number: usize, text: &str, done: Option<anyhow::Result<()>>) -> String {
    match done {
        None => format!("[{number}] ended: {text}"),
        Some(Ok(())) => format!("[{number}] done: {text}"),
        Some(Err(error)) => match failure::text(&error).trim_end() {
            "" => format!(
                "[{number}] done, exit status {}: {text}",
                failure::status(&error)
            ),
            told => format!("[{number}] failed: {text}\n{told}"),
        },
    }
}
