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
