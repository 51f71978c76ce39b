//! The loops of one connection: read answers, write requests, probe a silent server.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use doozer_proto::{Frames, Verb, decode_response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::channel::Channel;
use super::socket::{Reader, Writer};
use crate::{ConnectionLost, request};

/// Bytes to read at once.
const READ_BYTES: usize = 16 << 10;
/// Memory that the read buffer may keep while it is empty.
const READ_BYTES_KEPT: usize = 256 << 10;
/// Silence, while answers are awaited, after which the server is asked whether it is there. A WAIT
/// may be silent for ever, and so may a connection whose other end has no power.
const PROBE_AFTER: Duration = Duration::from_secs(5);
/// How long the answer to that may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves `channel` until the connection ends.
pub(super) async fn run(
    channel: &Channel,
    reader: Reader,
    writer: Writer,
    frame_bytes_max: usize,
) -> ConnectionLost {
    tokio::select! {
        end = read(channel, reader, frame_bytes_max) => end,
        end = write(channel, writer) => end,
        end = probe(channel) => end,
        () = channel.stop.cancelled() => ConnectionLost::ByClient,
    }
}

async fn read(channel: &Channel, mut reader: Reader, frame_bytes_max: usize) -> ConnectionLost {
    let mut frames = Frames::new(frame_bytes_max);
    loop {
        let buffer = frames.buffer_mut();
        buffer.reserve(READ_BYTES);
        match reader.read_buf(buffer).await {
            Ok(0) => return ConnectionLost::ByServer,
            Ok(_) => channel.heard.fetch_add(1, Relaxed),
            Err(error) => return error.into(),
        };
        if let Err(end) = deliver(channel, &mut frames) {
            return end;
        }
        frames.shrink(READ_BYTES_KEPT);
    }
}

fn deliver(channel: &Channel, frames: &mut Frames) -> Result<(), ConnectionLost> {
    while let Some(body) = frames.next()? {
        channel.answer(decode_response(body)?);
    }
    Ok(())
}

async fn write(channel: &Channel, mut writer: Writer) -> ConnectionLost {
    loop {
        channel.wake.notified().await;
        // Tasks that were woken together get to add their requests to the same write.
        tokio::task::yield_now().await;
        let (bytes, room) = channel.ledger().take_outbox();
        let written = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        if let Err(error) = written.await {
            return error.into();
        }
        channel.room.add_permits(room);
    }
}

/// Ends when nothing is heard although answers are awaited, and even a probe has none.
async fn probe(channel: &Channel) -> ConnectionLost {
    // Tag 0 is never given to a request, so the answer finds nobody and is passed over.
    let probe = doozer_proto::Request {
        tag: Some(0),
        ..request::of(Verb::Rev)
    };
    loop {
        let heard = channel.heard.load(Relaxed);
        sleep(PROBE_AFTER).await;
        if channel.heard.load(Relaxed) != heard || !channel.ledger().is_awaited() {
            continue;
        }
        channel.ledger().push_probe(&probe);
        channel.wake.notify_one();
        sleep(PROBE_TIMEOUT).await;
        if channel.heard.load(Relaxed) == heard {
            return ConnectionLost::Silent(PROBE_AFTER + PROBE_TIMEOUT);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use doozer_proto::{Response, encode_frame};
    use tokio::io::{DuplexStream, duplex, split};
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// Serves a WAIT until the connection ends; a probe is answered while `answers` are left.
    async fn check(answers: usize, want: Duration) {
        let (ours, theirs) = duplex(1 << 10);
        let (reader, writer) = split(ours);
        let channel = Channel::new(CancellationToken::new());
        let began = Instant::now();
        let serving = async {
            let end = run(&channel, Box::new(reader), Box::new(writer), 1 << 10).await;
            channel.end(&end);
            end
        };
        let request = request::of_path(Verb::Wait, "/a", Some(1));
        let waiting = channel.ask(&request);
        let (end, waited, _peer) = tokio::join!(serving, waiting, answer(theirs, answers));
        assert!(matches!(end, ConnectionLost::Silent(_)), "{end:?}");
        assert!(waited.is_err());
        assert_eq!(began.elapsed(), want);
    }

    async fn answer(mut stream: DuplexStream, mut answers: usize) -> DuplexStream {
        let mut out = BytesMut::new();
        let response = Response {
            tag: Some(0),
            rev: Some(1),
            ..Response::default()
        };
        encode_frame(&response, &mut out);
        let mut frames = Frames::new(1 << 10);
        while answers > 0 {
            stream.read_buf(frames.buffer_mut()).await.unwrap();
            let bodies = std::iter::from_fn(|| frames.next().unwrap().map(<[u8]>::to_vec));
            let requests = bodies.map(|body| doozer_proto::decode_request(&body).unwrap());
            for _probe in requests.filter(|request| request.verb == Some(Verb::Rev.into())) {
                stream.write_all(&out).await.unwrap();
                answers -= 1;
            }
        }
        stream
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_even_answer_a_probe_is_given_up() {
        check(0, PROBE_AFTER + PROBE_TIMEOUT).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_answers_probes_may_be_silent_otherwise() {
        let each = PROBE_AFTER + PROBE_TIMEOUT;
        check(3, each * 4).await;
    }
}
