//! Messages and framing of the Doozer protocol, and the messages doozerd keeps on disk.
//!
//! A frame is a 4-byte big-endian signed length and then one protobuf message: [`Request`] from
//! the client, [`Response`] from the server.
//!
//! ```
//! use bytes::BytesMut;
//! use doozer_proto::{Frames, Request, Verb, encode_frame};
//!
//! let request = Request { tag: Some(1), verb: Some(Verb::Rev.into()), ..Request::default() };
//! let mut wire = BytesMut::new();
//! encode_frame(&request, &mut wire);
//!
//! let mut frames = Frames::new(1 << 20);
//! frames.extend(&wire);
//! let body = frames.next()?.expect("a whole frame was given");
//! assert_eq!(doozer_proto::decode_request(body)?, request);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decode;
mod frame;
mod reply;

pub use decode::{DecodeError, decode_request, decode_response};
pub use frame::{FRAME_HEADER_BYTES, FrameError, Frames, encode_frame};
pub use reply::Reply;

pub use generated::doozer::{Request, Response, request::Verb, response::Err as ErrCode};

/// What doozerd writes to disk and sends to its peers; no part of the client protocol.
pub use generated::peer;

/// Flags of an event or a file: it was set.
pub const FLAG_SET: i32 = 4;
/// Flags of an event: the file was deleted.
pub const FLAG_DEL: i32 = 8;

/// The port that doozerd listens on unless told otherwise.
pub const PORT_DEFAULT: u16 = 8046;

/// The verb that turns a connection into a link between two nodes; no client's to send. The original
/// answers it with `UNKNOWN_VERB`.
pub const VERB_LINK: i32 = 120;

/// In a request: whatever the file's revision is.
pub const REV_CLOBBER: i64 = -1;
/// The revision of a file that is missing.
pub const REV_MISSING: i64 = 0;
/// The revision of a directory.
pub const REV_DIR: i64 = -2;

mod generated {
    //! The types made from `proto/` at build time.
    #![expect(
        clippy::all,
        clippy::pedantic,
        unreachable_pub,
        reason = "generated code is not ours to style"
    )]

    pub mod doozer {
        //! The client protocol.
        include!(concat!(env!("OUT_DIR"), "/doozer.rs"));
    }

    pub mod peer {
        //! What doozerd writes to disk and sends to its peers.
        include!(concat!(env!("OUT_DIR"), "/peer.rs"));
    }
}
