//! Who may read and who may write.

use doozer_proto::Verb;

use crate::secret::Secret;

/// The two secrets; an empty one is open to all.
#[derive(Debug)]
pub struct Secrets {
    /// Opens reading and writing.
    pub write: Secret,
    /// Opens reading.
    pub read: Secret,
}

/// What a connection may do. Granted by ACCESS, never taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Access {
    read: bool,
    write: bool,
}

impl Access {
    /// A connection starts as if it had sent ACCESS with an empty value.
    pub(super) fn at_start(secrets: &Secrets) -> Self {
        let mut access = Self::default();
        access.grant(secrets, b"");
        access
    }

    /// Adds what `value` opens; says whether it opens anything.
    pub(super) fn grant(&mut self, secrets: &Secrets, value: &[u8]) -> bool {
        // Both are always compared: the time taken tells nothing.
        let (write, read) = (secrets.write.matches(value), secrets.read.matches(value));
        self.write |= write;
        self.read |= write | read;
        write | read
    }

    pub(super) fn allows(self, verb: Verb) -> bool {
        match verb {
            Verb::Rev | Verb::Self_ | Verb::Access => true,
            Verb::Get | Verb::Stat | Verb::Getdir | Verb::Walk | Verb::Wait => self.read,
            Verb::Set | Verb::Del | Verb::Nop => self.write,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(write: &str, read: &str, sent: &[&str], expected: (bool, bool)) {
        let secrets = Secrets {
            write: Secret::new(write.into()),
            read: Secret::new(read.into()),
        };
        let mut access = Access::at_start(&secrets);
        for value in sent {
            access.grant(&secrets, value.as_bytes());
        }
        let got = (access.allows(Verb::Get), access.allows(Verb::Set));
        assert_eq!(
            got, expected,
            "write {write:?}, read {read:?}, sent {sent:?}"
        );
        assert!(access.allows(Verb::Rev) && access.allows(Verb::Self_));
    }

    #[test]
    fn a_secret_opens_what_it_is_for() {
        check("", "", &[], (true, true));
        check("w", "", &[], (true, false));
        check("w", "", &["w"], (true, true));
        check("w", "r", &[], (false, false));
        check("w", "r", &["r"], (true, false));
        check("w", "r", &["w"], (true, true));
        check("w", "r", &["", "bad"], (false, false));
        check("w", "r", &["r", "bad"], (true, false));
    }

    #[test]
    fn with_the_read_secret_alone_everybody_writes() {
        check("", "r", &[], (true, true));
    }
}
