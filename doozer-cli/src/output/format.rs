//! The forms of output (`-o`).

use std::str::FromStr;

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// The command's own.
    Text,
    /// One JSON array, or one object where there is one thing to print.
    Json,
    /// A JSON object a line, each as soon as it is there.
    Jsonl,
    /// YAML, likewise.
    Yaml,
    /// Columns with a head.
    Table,
}

impl Format {
    /// Their names, as they are typed, and what they are.
    pub(crate) const ALL: [(&'static str, &'static str); 5] = [
        ("text", "The command's own form"),
        ("json", "One JSON array, or object"),
        ("jsonl", "A JSON object a line"),
        ("yaml", "YAML"),
        ("table", "Columns with a head"),
    ];
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        match typed {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            "jsonl" => Ok(Self::Jsonl),
            "yaml" => Ok(Self::Yaml),
            "table" => Ok(Self::Table),
            _ => Err("text, json, jsonl, yaml or table is wanted"),
        }
    }
}
