//! What is logged: a level, or one for each part of the program.

use tracing_subscriber::filter::EnvFilter;

/// For each level what the consensus engine may say: it says much, and tells us what matters.
const LEVELS: &[(&str, &str)] = &[
    ("off", "off"),
    ("error", "openraft=error"),
    ("warn", "openraft=error"),
    ("info", "openraft=error"),
    ("debug", "openraft=info"),
    ("trace", "openraft=debug"),
];

/// A level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or a list of them such as
/// `info,doozerd::server=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    directives: String,
}

impl Filter {
    /// Reads a filter; nothing if it is none, a misspelt level for one.
    pub fn parse(text: &str) -> Option<Self> {
        let engine = |level: &str| LEVELS.iter().find(|(name, _)| *name == level);
        let is_directive = |part: &str| part.contains('=') || engine(part).is_some();
        text.split(',').all(is_directive).then_some(())?;
        // Of two directives for one part of the program the last holds: what was typed.
        let engine = engine(text).map_or("openraft=error", |(_, engine)| engine);
        let directives = format!("{engine},{text}");
        EnvFilter::builder().parse(&directives).ok()?;
        Some(Self { directives })
    }

    /// The filter as the subscriber takes it.
    pub(super) fn directives(&self) -> EnvFilter {
        EnvFilter::builder().parse_lossy(&self.directives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let filter = Filter::parse(text).map(|filter| filter.directives().to_string());
        let sorted = |text: &str| {
            let mut parts: Vec<_> = text.split(',').map(str::to_owned).collect();
            parts.sort();
            parts
        };
        assert_eq!(
            filter.as_deref().map(sorted),
            expected.map(sorted),
            "{text:?}"
        );
    }

    #[test]
    fn a_level_keeps_the_engine_quiet() {
        check("info", Some("openraft=error,info"));
        check("error", Some("openraft=error,error"));
        check("trace", Some("openraft=debug,trace"));
        check("off", Some("off"));
    }

    #[test]
    fn a_filter_says_more_than_a_level_and_wins() {
        check(
            "warn,doozerd::server=trace",
            Some("openraft=error,warn,doozerd::server=trace"),
        );
        check("info,openraft=trace", Some("openraft=trace,info"));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in [
            "",
            "inof",
            "INFO",
            "verbose",
            "info,inof",
            "a=loud",
            "info,",
            "info warn",
        ] {
            check(text, None);
        }
    }
}
