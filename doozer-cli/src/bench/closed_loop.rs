//! Keeps a number of requests in flight on a connection: each answer is followed by a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::plan::Plan;
use super::run::Run;

/// How long to wait before connecting again.
const RECONNECT_AFTER: Duration = Duration::from_millis(100);

/// Sends what `plan` says over connection number `number` until it is done or the run is over.
pub(super) async fn drive(run: Arc<Run>, number: usize, mut plan: Plan, depth: usize) {
    while !run.is_over() {
        let Some(connection) = run.connect(number).await else {
            tokio::time::sleep(RECONNECT_AFTER).await;
            continue;
        };
        let mut lane = Lane {
            run: &run,
            number,
            connection,
            sent: vec![Instant::now(); depth],
            in_flight: 0,
        };
        if lane.drive(&mut plan).await.is_ok() {
            return;
        }
        let mut tally = run.tallies.of(number);
        tally.in_flight -= lane.in_flight;
        tally.error("CONNECTION_LOST", lane.in_flight.max(1));
    }
}

/// A connection at work.
struct Lane<'a> {
    run: &'a Run,
    number: usize,
    connection: Connection,
    /// When the request with each tag was sent.
    sent: Vec<Instant>,
    in_flight: u64,
}

impl Lane<'_> {
    /// Until the plan is done, or the run over and everything answered.
    async fn drive(&mut self, plan: &mut Plan) -> std::io::Result<()> {
        let now = Instant::now();
        for tag in 0..self.sent.len() {
            self.send(plan, tag, now);
        }
        self.run.tallies.of(self.number).in_flight += self.in_flight;
        while self.in_flight > 0 {
            self.connection.turn().await?;
            self.answers(plan)?;
        }
        Ok(())
    }

    /// Counts all answers that came, and puts a request in the place of each.
    fn answers(&mut self, plan: &mut Plan) -> std::io::Result<()> {
        let now = Instant::now();
        let goes_on = !self.run.is_over();
        let run = self.run;
        let mut tally = run.tallies.of(self.number);
        let before = self.in_flight;
        let result = loop {
            let response = match self.connection.next() {
                Ok(Some(response)) => response,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            let tag = usize::try_from(response.tag.unwrap_or_default()).unwrap_or(usize::MAX);
            let Some(sent) = self.sent.get(tag) else {
                break Err(std::io::Error::other("an answer to no request"));
            };
            tally.answer(&response, now - *sent);
            self.in_flight = self.in_flight.saturating_sub(1);
            if goes_on {
                self.send(plan, tag, now);
            }
        };
        tally.in_flight = tally.in_flight + self.in_flight - before;
        result
    }

    fn send(&mut self, plan: &mut Plan, tag: usize, now: Instant) {
        let Some(mut request) = plan.next() else {
            return;
        };
        request.tag = i32::try_from(tag).ok();
        self.connection.push(&request);
        self.sent[tag] = now;
        self.in_flight += 1;
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use doozer_proto::{Frames, Response, decode_request, encode_frame};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinSet;
    use tokio_util::sync::CancellationToken;

    use super::super::load::{Load, Workload};
    use super::super::run::Endpoint;
    use super::*;

    /// Answers requests until there were `most` of them, all that came in a read in one write.
    async fn serve(mut stream: TcpStream, most: usize) {
        let (mut frames, mut answered) = (Frames::new(1 << 20), 0);
        while answered < most {
            if stream.read_buf(frames.buffer_mut()).await.unwrap() == 0 {
                return;
            }
            let mut answers = BytesMut::new();
            while let Some(body) = frames.next().unwrap() {
                let answer = Response {
                    tag: decode_request(body).unwrap().tag,
                    ..Response::default()
                };
                encode_frame(&answer, &mut answers);
                answered += 1;
            }
            stream.write_all(&answers).await.unwrap();
        }
        // The client's last requests are taken, or the end would be a reset that overtakes answers.
        stream.shutdown().await.unwrap();
        while stream.read_buf(frames.buffer_mut()).await.unwrap_or(0) > 0 {}
    }

    fn load(keys: u32) -> Arc<Load> {
        Arc::new(Load {
            workload: Workload::Set,
            connections: 1,
            depth: 4,
            keys,
            value_bytes: 3,
            time: Duration::from_secs(1),
            prefix: "/p".to_owned(),
            clean: false,
            json: false,
        })
    }

    /// Makes 100 files, 4 at a time, through a server whose connections answer `most` requests
    /// each, one after another; how many succeeded, and what went wrong.
    async fn check(most: &[usize], successes: u64, errors: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint {
            addresses: vec![listener.local_addr().unwrap().to_string()],
            secret: None,
        };
        let load = load(100);
        let run = Run::begin(&load, &endpoint);
        let mut tasks = JoinSet::new();
        tasks.spawn(drive(Arc::clone(&run), 0, Plan::fill(load, 0, 1), 4));
        let server = async {
            for most in most {
                serve(listener.accept().await.unwrap().0, *most).await;
            }
            std::future::pending::<()>().await;
        };
        let stop = CancellationToken::new();
        let (tally, _took) = tokio::select! {
            ended = run.end(tasks, None, &stop) => ended,
            () = server => unreachable!("it never ends"),
        };
        let found = (tally.latency.len(), tally.errors_told());
        assert_eq!(found, (successes, errors.to_owned()));
    }

    #[tokio::test]
    async fn every_request_is_answered_once() {
        check(&[usize::MAX], 100, "").await;
    }

    #[tokio::test]
    async fn what_was_in_flight_on_a_lost_connection_is_counted_and_the_rest_goes_on() {
        check(&[20, usize::MAX], 96, "4 CONNECTION_LOST").await;
    }
}
