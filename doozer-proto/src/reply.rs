//! A response that borrows what it carries, so that a value goes from the tree to the socket's
//! buffer in one copy.

use bytes::{BufMut, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use crate::FRAME_HEADER_BYTES;

/// A [`Response`](crate::Response) of borrowed parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The request's tag; absent when the request had none.
    pub tag: Option<i32>,
    /// What happened to the file: [`FLAG_SET`](crate::FLAG_SET) and its like.
    pub flags: Option<i32>,
    /// A revision: of the store, a file or an event.
    pub rev: Option<i64>,
    /// A path, or a name in a directory.
    pub path: Option<&'a [u8]>,
    /// A file's value.
    pub value: Option<&'a [u8]>,
    /// A file's bytes, or a directory's entries.
    pub len: Option<i32>,
    /// An [`ErrCode`](crate::ErrCode).
    pub err_code: Option<i32>,
    /// Explains the error.
    pub err_detail: Option<&'a [u8]>,
}

impl Reply<'_> {
    /// Appends the response to `out` as one frame, byte for byte as
    /// [`encode_frame`](crate::encode_frame) would.
    pub fn encode_frame(&self, out: &mut BytesMut) {
        let length = self.encoded_len();
        out.reserve(FRAME_HEADER_BYTES + length);
        out.put_i32(i32::try_from(length).expect("invariant: a message is under 2 GiB"));
        put_int(out, 1, self.tag.map(i64::from));
        put_int(out, 2, self.flags.map(i64::from));
        put_int(out, 3, self.rev);
        put_bytes(out, 5, self.path);
        put_bytes(out, 6, self.value);
        put_int(out, 8, self.len.map(i64::from));
        put_int(out, 100, self.err_code.map(i64::from));
        put_bytes(out, 101, self.err_detail);
    }

    fn encoded_len(&self) -> usize {
        int_len(1, self.tag.map(i64::from))
            + int_len(2, self.flags.map(i64::from))
            + int_len(3, self.rev)
            + bytes_len(5, self.path)
            + bytes_len(6, self.value)
            + int_len(8, self.len.map(i64::from))
            + int_len(100, self.err_code.map(i64::from))
            + bytes_len(101, self.err_detail)
    }
}

fn put_int(out: &mut BytesMut, tag: u32, value: Option<i64>) {
    if let Some(value) = value {
        encode_key(tag, WireType::Varint, out);
        encode_varint(value.cast_unsigned(), out);
    }
}

fn put_bytes(out: &mut BytesMut, tag: u32, value: Option<&[u8]>) {
    if let Some(value) = value {
        encode_key(tag, WireType::LengthDelimited, out);
        encode_varint(value.len() as u64, out);
        out.put_slice(value);
    }
}

fn int_len(tag: u32, value: Option<i64>) -> usize {
    value.map_or(0, |value| {
        key_len(tag) + encoded_len_varint(value.cast_unsigned())
    })
}

fn bytes_len(tag: u32, value: Option<&[u8]>) -> usize {
    value.map_or(0, |value| {
        key_len(tag) + encoded_len_varint(value.len() as u64) + value.len()
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{Response, encode_frame};

    type Bytesish = Option<Vec<u8>>;

    fn bytes() -> impl Strategy<Value = Bytesish> {
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300))
    }

    proptest! {
        #[test]
        fn a_reply_is_the_response_byte_for_byte(
            ints in any::<(Option<i32>, Option<i32>, Option<i64>, Option<i32>, Option<i32>)>(),
            path in bytes(), value in bytes(), err_detail in bytes(),
        ) {
            let (tag, flags, rev, len, err_code) = ints;
            let response = Response {
                tag, flags, rev, len, err_code,
                path: path.clone().map(Bytes::from),
                value: value.clone().map(Bytes::from),
                err_detail: err_detail.clone().map(Bytes::from),
            };
            let reply = Reply {
                tag, flags, rev, len, err_code,
                path: path.as_deref(), value: value.as_deref(), err_detail: err_detail.as_deref(),
            };
            let (mut want, mut got) = (BytesMut::new(), BytesMut::new());
            encode_frame(&response, &mut want);
            reply.encode_frame(&mut got);
            prop_assert_eq!(got, want);
        }
    }
}
