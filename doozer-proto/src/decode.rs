//! Reads messages as the original does: unknown fields, and known ones of a wrong type, are skipped.

use bytes::Buf;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};
use thiserror::Error;

use crate::{Request, Response};

/// A body that is no protobuf message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a protobuf message")]
pub struct DecodeError(#[from] prost::DecodeError);

/// Reads a request.
///
/// A field of an unknown number, or of a known number and another wire type, is skipped. Of a
/// field that comes twice the last counts. A path need not be UTF-8.
pub fn decode_request(body: &[u8]) -> Result<Request, DecodeError> {
    decode(body, |tag| match tag {
        1 | 2 | 6 | 7 | 9 => Some(WireType::Varint),
        4 | 5 => Some(WireType::LengthDelimited),
        _ => None,
    })
}

/// Reads a response, by the rules of [`decode_request`].
pub fn decode_response(body: &[u8]) -> Result<Response, DecodeError> {
    decode(body, |tag| match tag {
        1 | 2 | 3 | 8 | 100 => Some(WireType::Varint),
        5 | 6 | 101 => Some(WireType::LengthDelimited),
        _ => None,
    })
}

fn decode<M: Message + Default>(
    mut body: &[u8],
    wire_type_of: impl Fn(u32) -> Option<WireType>,
) -> Result<M, DecodeError> {
    let mut message = M::default();
    while body.has_remaining() {
        let (tag, wire_type) = decode_key(&mut body)?;
        let context = DecodeContext::default();
        if wire_type_of(tag) == Some(wire_type) {
            message.merge_field(tag, wire_type, &mut body, context)?;
        } else {
            skip_field(wire_type, tag, &mut body, context)?;
        }
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::Verb;

    fn rev_request() -> Request {
        Request {
            tag: Some(9),
            verb: Some(Verb::Rev.into()),
            ..Request::default()
        }
    }

    #[test]
    fn an_unknown_field_is_skipped() {
        let body = [0x08, 9, 0x10, 5, 0x90, 0x03, 7];
        assert_eq!(decode_request(&body), Ok(rev_request()));
    }

    #[test]
    fn a_known_field_of_a_wrong_type_is_skipped() {
        // tag as a string, path as a varint, rev as a fixed64.
        let body = [
            0x0a, 2, b'x', b'y', 0x08, 9, 0x20, 1, 0x10, 5, 0x49, 1, 2, 3, 4, 5, 6, 7, 8,
        ];
        assert_eq!(decode_request(&body), Ok(rev_request()));
    }

    #[test]
    fn the_last_of_a_repeated_field_counts() {
        let body = [0x08, 1, 0x08, 9, 0x10, 1, 0x10, 5];
        assert_eq!(decode_request(&body), Ok(rev_request()));
    }

    #[test]
    fn a_path_need_not_be_utf8() {
        let body = [0x22, 2, b'/', 0xff];
        let want = Request {
            path: Some(Bytes::from_static(b"/\xff")),
            ..Request::default()
        };
        assert_eq!(decode_request(&body), Ok(want));
    }

    #[test]
    fn rubbish_is_an_error() {
        for body in [&[0xff, 0xff][..], &[0x22, 200, 1], &[0x0f], &[0x08]] {
            assert!(decode_request(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_tag_or_verb_below_zero_is_ten_bytes_long() {
        let want = Request {
            tag: Some(-5),
            verb: Some(-1),
            ..Request::default()
        };
        assert_eq!(decode_request(&want.encode_to_vec()), Ok(want));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let lenient = decode_request(&body);
            if let Ok(strict) = Request::decode(&body[..]) {
                prop_assert_eq!(lenient, Ok(strict));
            }
        }
    }
}
