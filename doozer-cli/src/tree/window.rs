//! Many requests under way at once, and never too many.

use std::future::Future;
use std::ops::ControlFlow;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// Requests under way at once: enough that a server on the other side of an ocean has work.
const REQUESTS_MAX: usize = 512;
/// Bytes of values under way at once, or one value: what the server takes in without effort.
const BYTES_MAX: usize = 8 << 20;

/// Something to do, and the bytes of values that are under way with it.
#[derive(Debug)]
pub(crate) struct Job<F> {
    pub(crate) bytes: usize,
    pub(crate) future: F,
}

/// Does all `jobs`, in any order, and hands what comes of each to `done`. After it breaks, no job
/// is begun any more, but what was begun is awaited: a mutation that is let go of may take effect.
pub(crate) async fn run<F: Future>(
    jobs: impl IntoIterator<Item = Job<F>>,
    mut done: impl FnMut(F::Output) -> ControlFlow<()>,
) {
    let mut jobs = jobs.into_iter().fuse();
    let mut under_way = FuturesUnordered::new();
    let (mut bytes, mut going_on) = (0, true);
    loop {
        while going_on && under_way.len() < REQUESTS_MAX && bytes < BYTES_MAX {
            let Some(job) = jobs.next() else { break };
            bytes += job.bytes;
            under_way.push(async move { (job.bytes, job.future.await) });
        }
        let Some((returned, output)) = under_way.next().await else {
            return;
        };
        bytes -= returned;
        going_on &= done(output).is_continue();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The most jobs that were under way at once, and how many were done.
    async fn most(count: usize, bytes: usize, stop_after: usize) -> (usize, usize) {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let job = |_| Job {
            bytes,
            future: async {
                now.set(now.get() + 1);
                most.set(most.get().max(now.get()));
                tokio::task::yield_now().await;
                now.set(now.get() - 1);
            },
        };
        let mut done = 0;
        run((0..count).map(job), |()| {
            done += 1;
            if done >= stop_after {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .await;
        assert_eq!(now.get(), 0);
        (most.get(), done)
    }

    #[tokio::test]
    async fn no_more_than_the_limits_are_under_way() {
        assert_eq!(most(3, 0, usize::MAX).await, (3, 3));
        assert_eq!(most(2000, 0, usize::MAX).await, (REQUESTS_MAX, 2000));
        assert_eq!(most(20, BYTES_MAX / 4, usize::MAX).await, (4, 20));
        assert_eq!(most(3, BYTES_MAX * 2, usize::MAX).await, (1, 3));
    }

    #[tokio::test]
    async fn what_was_begun_is_awaited_after_the_end() {
        let (_, done) = most(2000, 0, 1).await;
        assert_eq!(done, REQUESTS_MAX);
    }
}
