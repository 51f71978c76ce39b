//! The client protocol by hand: requests with any fields, responses with the fields that were
//! present and their order.

use std::fmt;

/// Verbs by their numbers.
pub mod verb {
    pub const GET: i32 = 1;
    pub const SET: i32 = 2;
    pub const DEL: i32 = 3;
    pub const REV: i32 = 5;
    pub const WAIT: i32 = 6;
    pub const NOP: i32 = 7;
    pub const WALK: i32 = 9;
    pub const GETDIR: i32 = 14;
    pub const STAT: i32 = 16;
    pub const SELF: i32 = 20;
    pub const ACCESS: i32 = 99;
}

/// Error codes by their numbers.
pub mod error {
    pub const UNKNOWN_VERB: i32 = 2;
    pub const READONLY: i32 = 3;
    pub const TOO_LATE: i32 = 4;
    pub const REV_MISMATCH: i32 = 5;
    pub const BAD_PATH: i32 = 6;
    pub const MISSING_ARG: i32 = 7;
    pub const RANGE: i32 = 8;
    pub const NOTDIR: i32 = 20;
    pub const ISDIR: i32 = 21;
    pub const NOENT: i32 = 22;
    pub const OTHER: i32 = 127;
}

/// A request; what is `None` is not on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub tag: Option<i32>,
    pub verb: Option<i32>,
    pub path: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub other_tag: Option<i32>,
    pub offset: Option<i32>,
    pub rev: Option<i64>,
}

impl Request {
    pub fn new(verb: i32) -> Self {
        Self {
            verb: Some(verb),
            ..Self::default()
        }
    }

    pub fn get(path: &str) -> Self {
        Self::new(verb::GET).path(path)
    }

    pub fn set(path: &str, rev: i64, value: impl AsRef<[u8]>) -> Self {
        Self::new(verb::SET).path(path).rev(rev).value(value)
    }

    pub fn del(path: &str, rev: i64) -> Self {
        Self::new(verb::DEL).path(path).rev(rev)
    }

    pub fn wait(glob: &str, rev: i64) -> Self {
        Self::new(verb::WAIT).path(glob).rev(rev)
    }

    pub fn walk(glob: &str, offset: i32) -> Self {
        Self::new(verb::WALK).path(glob).offset(offset)
    }

    pub fn getdir(path: &str, offset: i32) -> Self {
        Self::new(verb::GETDIR).path(path).offset(offset)
    }

    pub fn stat(path: &str) -> Self {
        Self::new(verb::STAT).path(path)
    }

    pub fn access(secret: &str) -> Self {
        Self::new(verb::ACCESS).value(secret)
    }

    #[must_use]
    pub fn tag(self, tag: i32) -> Self {
        Self {
            tag: Some(tag),
            ..self
        }
    }

    #[must_use]
    pub fn path(self, path: impl AsRef<[u8]>) -> Self {
        Self {
            path: Some(path.as_ref().to_vec()),
            ..self
        }
    }

    #[must_use]
    pub fn value(self, value: impl AsRef<[u8]>) -> Self {
        Self {
            value: Some(value.as_ref().to_vec()),
            ..self
        }
    }

    #[must_use]
    pub fn offset(self, offset: i32) -> Self {
        Self {
            offset: Some(offset),
            ..self
        }
    }

    #[must_use]
    pub fn rev(self, rev: i64) -> Self {
        Self {
            rev: Some(rev),
            ..self
        }
    }

    /// The message, fields in ascending order, as the old clients send it.
    pub fn message(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_number(&mut out, 1, self.tag.map(i64::from));
        put_number(&mut out, 2, self.verb.map(i64::from));
        put_bytes(&mut out, 4, self.path.as_deref());
        put_bytes(&mut out, 5, self.value.as_deref());
        put_number(&mut out, 6, self.other_tag.map(i64::from));
        put_number(&mut out, 7, self.offset.map(i64::from));
        put_number(&mut out, 9, self.rev);
        out
    }

    /// The message with its header.
    pub fn frame(&self) -> Vec<u8> {
        frame(&self.message())
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<i32>| number.map(i64::from);
        let numbers = [
            ("verb", number(self.verb)),
            ("tag", number(self.tag)),
            ("other_tag", number(self.other_tag)),
            ("offset", number(self.offset)),
            ("rev", self.rev),
        ];
        f.write_str("request")?;
        for (name, number) in numbers
            .iter()
            .filter_map(|(name, number)| Some((name, (*number)?)))
        {
            write!(f, " {name} {number}")?;
        }
        for (name, bytes) in [("path", &self.path), ("value", &self.value)] {
            if let Some(bytes) = bytes {
                write!(f, " {name} \"{}\"", bytes.escape_ascii())?;
            }
        }
        Ok(())
    }
}

/// A header and `message`.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message of a test fits a frame");
    [&length.to_be_bytes(), message].concat()
}

/// A response as it stood on the wire: `None` was not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub tag: Option<i32>,
    pub flags: Option<i32>,
    pub rev: Option<i64>,
    pub path: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub len: Option<i32>,
    pub err_code: Option<i32>,
    pub err_detail: Option<Vec<u8>>,
    /// The numbers of the fields in the order they came.
    pub order: Vec<u64>,
}

impl Response {
    /// Reads a message; says what is wrong with it if it is not what old clients can read.
    pub fn parse(message: &[u8]) -> Result<Self, String> {
        let mut response = Self::default();
        let mut rest = message;
        while !rest.is_empty() {
            let key = take_varint(&mut rest)?;
            response.order.push(key >> 3);
            response.take_field(key, &mut rest)?;
        }
        Ok(response)
    }

    /// `path` as text.
    pub fn path_text(&self) -> String {
        String::from_utf8_lossy(self.path.as_deref().unwrap_or_default()).into_owned()
    }

    /// `value` as text.
    pub fn value_text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }

    /// `err_detail` as text.
    pub fn detail(&self) -> String {
        String::from_utf8_lossy(self.err_detail.as_deref().unwrap_or_default()).into_owned()
    }

    /// The revision; panics with the whole response where there is none.
    pub fn revision(&self) -> i64 {
        assert_eq!(
            self.err_code, None,
            "an error instead of a revision: {self:?}"
        );
        self.rev
            .unwrap_or_else(|| panic!("no revision in {self:?}"))
    }

    fn take_field(&mut self, key: u64, rest: &mut &[u8]) -> Result<(), String> {
        match (key >> 3, key & 7) {
            (1, 0) => self.tag = Some(take_int32(rest)?),
            (2, 0) => self.flags = Some(take_int32(rest)?),
            (3, 0) => self.rev = Some(take_varint(rest)?.cast_signed()),
            (5, 2) => self.path = Some(take_bytes(rest)?),
            (6, 2) => self.value = Some(take_bytes(rest)?),
            (8, 0) => self.len = Some(take_int32(rest)?),
            (100, 0) => self.err_code = Some(take_int32(rest)?),
            (101, 2) => self.err_detail = Some(take_bytes(rest)?),
            (number, wire_type) => {
                return Err(format!("field {number} of wire type {wire_type}"));
            }
        }
        Ok(())
    }
}

fn put_number(out: &mut Vec<u8>, field: u64, number: Option<i64>) {
    if let Some(number) = number {
        put_varint(out, field << 3);
        put_varint(out, number.cast_unsigned());
    }
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: Option<&[u8]>) {
    if let Some(bytes) = bytes {
        put_varint(out, (field << 3) | 2);
        put_varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    }
}

/// Appends `number` as protobuf writes numbers.
pub fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).expect("seven bits"));
}

fn take_varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or("a number is cut")?;
        *rest = tail;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err("a number is longer than 10 bytes".to_owned())
}

/// A negative int32 must be written as ten bytes, as proto2 does: anything else is out of range.
fn take_int32(rest: &mut &[u8]) -> Result<i32, String> {
    let number = take_varint(rest)?.cast_signed();
    i32::try_from(number).map_err(|_out_of_range| format!("{number} is no int32"))
}

fn take_bytes(rest: &mut &[u8]) -> Result<Vec<u8>, String> {
    let length = usize::try_from(take_varint(rest)?).map_err(|error| error.to_string())?;
    let (bytes, tail) = rest.split_at_checked(length).ok_or("a field is cut")?;
    *rest = tail;
    Ok(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_in_ascending_order() {
        let request = Request::set("/x", -1, "v").tag(3);
        let expected =
            b"\x08\x03\x10\x02\x22\x02/x\x2a\x01v\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(request.message(), expected);
        assert_eq!(request.frame()[..4], [0, 0, 0, 22]);
    }

    #[test]
    fn a_response_keeps_presence_and_order() {
        let response = Response::parse(b"\x18\x07\x08\x00\x32\x00").expect("a good message");
        assert_eq!(response.order, [3, 1, 6]);
        assert_eq!((response.tag, response.rev), (Some(0), Some(7)));
        assert_eq!(response.value.as_deref(), Some(&b""[..]));
        assert_eq!(response.err_code, None);
    }

    #[test]
    fn a_cut_or_strange_response_is_an_error() {
        for message in [
            &b"\x08"[..],
            b"\x32\x05ab",
            b"\x09\x00",
            b"\x08\xff\xff\xff\xff\x0f",
        ] {
            assert!(Response::parse(message).is_err(), "{message:?}");
        }
    }
}
