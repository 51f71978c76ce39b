//! The status page.

use std::time::Duration;

use super::Status;

/// What a browser may do with the page: apply the one style sheet in it, known by its hash.
pub(super) const POLICY: &str = "default-src 'none'; \
    style-src 'sha256-OI+DI0bsb0U54NWPRlQCer6qFE6dybKFZZpFGy8NIbo='; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The style sheet; its hash stands in [`POLICY`].
pub(super) const STYLE: &str = "
:root { color-scheme: light dark; --line: #d8dce2; --soft: #5b6470; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a3f47; --soft: #9aa3af; --bad: #ff8a80; }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
p { color: var(--bad); font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .4rem 0; border-top: 1px solid var(--line); }
th { color: var(--soft); font-weight: 400; padding-right: 2rem; white-space: nowrap; }
td { width: 100%; overflow-wrap: anywhere; }
";

/// The page that shows `status`.
pub(super) fn html(status: &Status) -> String {
    let cluster = escaped(&status.cluster);
    let trouble = status
        .trouble
        .as_deref()
        .map_or_else(String::new, |trouble| {
            format!("<p role=\"alert\">{}</p>\n", escaped(trouble))
        });
    let rows: String = rows(status).iter().map(row).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{cluster} - doozerd</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>{cluster}</h1>\n{trouble}<table>\n{rows}</table>\n</body>\n</html>\n"
    )
}

fn row((name, value): &(&str, String)) -> String {
    let value = escaped(value);
    format!("<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>\n")
}

fn rows(status: &Status) -> [(&'static str, String); 9] {
    let writes = if status.writable {
        "accepted"
    } else {
        "refused (read only)"
    };
    [
        ("Node", status.node_id.clone()),
        ("Address", status.address.clone()),
        ("Writes", writes.to_owned()),
        ("Revision", status.rev.to_string()),
        ("Files", grouped(status.files)),
        ("Bytes", grouped(status.bytes)),
        ("Connections", grouped(status.connections)),
        ("Up for", up_for(status.uptime)),
        ("Version", status.version.clone()),
    ]
}

/// A number with a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let comma = |at: usize| at > 0 && (digits.len() - at).is_multiple_of(3);
    let with_comma = |(at, digit)| [comma(at).then_some(','), Some(digit)];
    digits
        .char_indices()
        .flat_map(with_comma)
        .flatten()
        .collect()
}

/// The two largest units of a time.
fn up_for(uptime: Duration) -> String {
    let seconds = uptime.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let bits = (0..3).fold(0, |bits, at| {
                bits << 8 | usize::from(chunk.get(at).copied().unwrap_or(0))
            });
            let digits = (0..=chunk.len()).map(|at| DIGITS[bits >> (18 - 6 * at) & 63]);
            text.extend(digits.map(char::from));
            text.push_str(&"="[..usize::from(chunk.len() == 2)]);
        }
        text
    }

    #[test]
    fn the_policy_names_the_style_sheets_hash() {
        let hash = base64(&Sha256::digest(STYLE));
        assert!(
            POLICY.contains(&format!("'sha256-{hash}'")),
            "the hash is {hash}"
        );
    }

    #[test]
    fn what_clients_wrote_is_no_markup() {
        assert_eq!(
            escaped("<a href='x'>\"&\""),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;"
        );
    }

    #[test]
    fn numbers_are_grouped_by_three_digits() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ];
        for (number, expected) in cases {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn a_time_shows_its_two_largest_units() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (3600, "1 h 0 min"),
            (90_061, "1 d 1 h"),
            (864_000, "10 d 0 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(up_for(Duration::from_secs(seconds)), expected);
        }
    }
}
