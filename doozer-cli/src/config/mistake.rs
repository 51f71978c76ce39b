//! Says what is wrong with a configuration.

use crate::args::nearest;

/// Every key that some table has.
const KEYS: [&str; 13] = [
    "default",
    "profile",
    "addresses",
    "name",
    "boot",
    "tls",
    "cacert",
    "cert",
    "key",
    "secret",
    "file",
    "env",
    "command",
];

/// `error`, with its line in `text`, and the key that a misspelt one is most like.
pub(super) fn told(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| line_of(text, span.start));
    let message = error.message();
    let unknown = ["unknown field `", "unknown variant `"];
    let unknown = unknown.iter().find_map(|begin| message.strip_prefix(begin));
    match unknown.and_then(|rest| rest.split('`').next()) {
        None => format!(
            "line {line}: {}",
            message.lines().collect::<Vec<_>>().join(", ")
        ),
        Some(key) => {
            let meant = nearest(key, KEYS.iter().map(|key| (*key, *key)));
            let meant = meant.map(|key| format!(": did you mean {key}?"));
            format!(
                "line {line}: there is no key `{key}`{}",
                meant.unwrap_or_default()
            )
        }
    }
}

/// The line of `text`, counted from 1, that `at` is on.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}
