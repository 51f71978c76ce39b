//! What the engine runs on: tokio; in a simulation with random numbers that a seed repeats.

#[cfg(not(feature = "simulation"))]
pub use openraft::TokioRuntime as Runtime;
#[cfg(feature = "simulation")]
pub use simulated::Runtime;

#[cfg(feature = "simulation")]
mod simulated {
    use std::time::Duration;

    use futures_util::FutureExt;
    use openraft::rt::deterministic_rng::DeterministicRng;
    use openraft::{AsyncRuntime, OptionalSend, TokioRuntime};

    use crate::random;

    /// Only its generator is used: it keeps its state with each task, and ours must be drawn from
    /// by tasks of our own too.
    type Seeded = DeterministicRng<TokioRuntime>;

    /// tokio, but for the random numbers.
    #[derive(Debug)]
    pub struct Runtime(TokioRuntime);

    impl AsyncRuntime for Runtime {
        type JoinError = <TokioRuntime as AsyncRuntime>::JoinError;
        type JoinHandle<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::JoinHandle<T>;
        type Sleep = <TokioRuntime as AsyncRuntime>::Sleep;
        type Instant = <TokioRuntime as AsyncRuntime>::Instant;
        type TimeoutError = <TokioRuntime as AsyncRuntime>::TimeoutError;
        type Timeout<R, T: Future<Output = R> + OptionalSend> =
            <TokioRuntime as AsyncRuntime>::Timeout<R, T>;
        type ThreadLocalRng = <Seeded as AsyncRuntime>::ThreadLocalRng;
        type Mpsc = <TokioRuntime as AsyncRuntime>::Mpsc;
        type Watch = <TokioRuntime as AsyncRuntime>::Watch;
        type Oneshot = <TokioRuntime as AsyncRuntime>::Oneshot;
        type Mutex<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::Mutex<T>;

        fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
        where
            T: Future + OptionalSend + 'static,
            T::Output: OptionalSend + 'static,
        {
            TokioRuntime::spawn(future)
        }

        fn sleep(duration: Duration) -> Self::Sleep {
            TokioRuntime::sleep(duration)
        }

        fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
            TokioRuntime::sleep_until(deadline)
        }

        fn timeout<R, F: Future<Output = R> + OptionalSend>(
            duration: Duration,
            future: F,
        ) -> Self::Timeout<R, F> {
            TokioRuntime::timeout(duration, future)
        }

        fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
            deadline: Self::Instant,
            future: F,
        ) -> Self::Timeout<R, F> {
            TokioRuntime::timeout_at(deadline, future)
        }

        fn is_panic(join_error: &Self::JoinError) -> bool {
            TokioRuntime::is_panic(join_error)
        }

        fn thread_rng() -> Self::ThreadLocalRng {
            let seed = random::bytes().expect("invariant: a simulation never lacks them");
            Seeded::scope(u64::from_le_bytes(seed), async { Seeded::thread_rng() })
                .now_or_never()
                .expect("invariant: nothing in it waits")
        }

        fn new(threads: usize) -> Self {
            Self(TokioRuntime::new(threads))
        }

        fn block_on<F, T>(&mut self, future: F) -> T
        where
            F: Future<Output = T>,
        {
            self.0.block_on(future)
        }
    }
}
