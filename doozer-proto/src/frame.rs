//! Cuts a stream of bytes into frames, and puts messages into frames.

use bytes::{Buf, BufMut, BytesMut};
use prost::Message;
use thiserror::Error;

/// Bytes of a frame's header: a big-endian signed length.
pub const FRAME_HEADER_BYTES: usize = 4;

/// Why a stream of bytes is not a stream of frames. There is no way to go on after it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The header's length is below zero.
    #[error("frame length {0} is below zero")]
    Negative(i32),
    /// The header's length is over the limit.
    #[error("frame of {length} bytes is over the limit of {limit}")]
    TooLong {
        /// The length that the header names.
        length: usize,
        /// The most that is taken.
        limit: usize,
    },
}

/// Bytes received, taken out frame by frame.
///
/// No more than one frame and what arrived with it is held: the limit is checked on the header,
/// before the body is waited for.
#[derive(Debug)]
pub struct Frames {
    buffer: BytesMut,
    /// Bytes of the frame given out last, dropped by the next call.
    given: usize,
    frame_bytes_max: usize,
}

impl Frames {
    /// An empty buffer that takes frames with bodies of up to `frame_bytes_max` bytes.
    pub fn new(frame_bytes_max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            given: 0,
            frame_bytes_max,
        }
    }

    /// Takes frames with bodies of up to so many bytes from now on.
    pub fn set_frame_bytes_max(&mut self, frame_bytes_max: usize) {
        self.frame_bytes_max = frame_bytes_max;
    }

    /// Adds bytes as they came.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.drop_given();
        self.buffer.extend_from_slice(bytes);
    }

    /// The buffer to read more bytes into, behind those that are there.
    pub fn buffer_mut(&mut self) -> &mut BytesMut {
        self.drop_given();
        &mut self.buffer
    }

    /// The body of the next frame, or nothing while it is not whole.
    #[expect(clippy::should_implement_trait, reason = "it lends from the buffer")]
    pub fn next(&mut self) -> Result<Option<&[u8]>, FrameError> {
        self.drop_given();
        let Some(header) = self.buffer.first_chunk::<FRAME_HEADER_BYTES>() else {
            return Ok(None);
        };
        let length = i32::from_be_bytes(*header);
        let length = usize::try_from(length).map_err(|_negative| FrameError::Negative(length))?;
        if length > self.frame_bytes_max {
            return Err(FrameError::TooLong {
                length,
                limit: self.frame_bytes_max,
            });
        }
        let end = FRAME_HEADER_BYTES + length;
        if self.buffer.len() < end {
            return Ok(None);
        }
        self.given = end;
        Ok(Some(&self.buffer[FRAME_HEADER_BYTES..end]))
    }

    /// Bytes that the frame at the head needs in all, once its header is there and within bounds.
    pub fn wanted_bytes(&self) -> Option<usize> {
        let header = self.buffer[self.given..].first_chunk::<FRAME_HEADER_BYTES>()?;
        let length = usize::try_from(i32::from_be_bytes(*header)).ok()?;
        Some(FRAME_HEADER_BYTES + length)
    }

    /// Bytes held that are not yet given out.
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len() - self.given
    }

    /// Gives the memory back when nothing is held and more than `keep` bytes were reserved.
    pub fn shrink(&mut self, keep: usize) {
        self.drop_given();
        if self.buffer.is_empty() && self.buffer.capacity() > keep {
            self.buffer = BytesMut::new();
        }
    }

    fn drop_given(&mut self) {
        self.buffer.advance(std::mem::take(&mut self.given));
    }
}

/// Appends `message` to `out` as one frame.
pub fn encode_frame(message: &impl Message, out: &mut BytesMut) {
    let length = message.encoded_len();
    out.reserve(FRAME_HEADER_BYTES + length);
    out.put_i32(i32::try_from(length).expect("invariant: a message is under 2 GiB"));
    message.encode(out).expect("invariant: room was reserved");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &[Result<Option<&[u8]>, FrameError>]) {
        let mut frames = Frames::new(4);
        frames.extend(bytes);
        for want in expected {
            assert_eq!(&frames.next(), want);
        }
    }

    #[test]
    fn frames_are_cut_at_their_lengths() {
        check(
            &[0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 2, 8, 9],
            &[Ok(Some(&[7])), Ok(Some(&[])), Ok(Some(&[8, 9])), Ok(None)],
        );
    }

    #[test]
    fn a_frame_that_is_not_whole_is_waited_for() {
        check(&[0, 0], &[Ok(None)]);
        check(&[0, 0, 0, 3, 1, 2], &[Ok(None), Ok(None)]);
    }

    #[test]
    fn a_length_out_of_bounds_is_refused_before_its_body() {
        check(&[0xff, 0xff, 0xff, 0xfe], &[Err(FrameError::Negative(-2))]);
        check(
            &[0, 0, 0, 5],
            &[Err(FrameError::TooLong {
                length: 5,
                limit: 4,
            })],
        );
        check(
            &[0x7f, 0xff, 0xff, 0xff],
            &[Err(FrameError::TooLong {
                length: i32::MAX as usize,
                limit: 4,
            })],
        );
    }

    #[test]
    fn bytes_may_come_one_by_one() {
        let mut frames = Frames::new(4);
        for byte in [0, 0, 0, 2, 5] {
            frames.extend(&[byte]);
            assert_eq!(frames.next(), Ok(None));
        }
        frames.extend(&[6]);
        assert_eq!(frames.next(), Ok(Some(&[5, 6][..])));
        assert_eq!(frames.pending_bytes(), 0);
    }
}
