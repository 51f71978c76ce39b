//! Records as JSON.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::record::{Cell, Record, readable};

/// A record as one object on one line.
pub(super) fn object(record: &Record) -> String {
    text(record)
}

/// A text as JSON writes it, in quotation marks.
pub(super) fn quoted(plain: &str) -> String {
    text(plain)
}

fn text<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("invariant: records have keys of text and no cycles")
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.encoded();
        let mut map = serializer.serialize_map(Some(fields.len()))?;
        for (name, cell) in &fields {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_str(&readable(bytes).0),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Real(number) => serializer.serialize_f64(*number),
            Self::Bool(yes) => serializer.serialize_bool(*yes),
            Self::List(cells) => cells.serialize(serializer),
            Self::Null => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_order_and_text_is_escaped() {
        let record = Record::new()
            .text("path", "/a")
            .bytes("value", "say \"hi\"\n")
            .number("rev", -1)
            .bool("set", true)
            .with("gone", Cell::Null)
            .with(
                "names",
                Cell::List(vec![Cell::Text("x".to_owned()), Cell::Number(2)]),
            );
        let expected = concat!(
            r#"{"path":"/a","value":"say \"hi\"\n","encoding":"utf-8","#,
            r#""rev":-1,"set":true,"gone":null,"names":["x",2]}"#
        );
        assert_eq!(object(&record), expected);
    }
}
