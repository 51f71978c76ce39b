//! Reads HOST:PORT, with the port filled in where it is missing.

use std::fmt::{self, Display};
use std::net::Ipv6Addr;

/// A host, perhaps none, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// A name or an address; an IPv6 address without its brackets; empty: any of this machine.
    pub(super) host: String,
    /// 0: one that the system chooses.
    pub(super) port: u16,
}

impl Address {
    /// Reads an address; nothing if it is not one that can be listened at.
    pub(super) fn parse(text: &str, port_default: u16) -> Option<Self> {
        let (host, port, good) = if let Some(rest) = text.strip_prefix('[') {
            let (host, port) = rest.split_once(']')?;
            (host, port, is_ip6(host))
        } else {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (host, port, is_name(host) && !text.is_empty())
        };
        good.then_some(())?;
        let port = match port {
            "" => port_default,
            port => parse_port(port.strip_prefix(':')?)?,
        };
        let host = host.to_owned();
        Some(Self { host, port })
    }

    /// Reads an address; nothing if it is not one that can be dialed.
    pub(super) fn parse_remote(text: &str, port_default: u16) -> Option<Self> {
        let address = Self::parse(text, port_default)?;
        (!address.host.is_empty() && address.port != 0).then_some(address)
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

fn parse_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// An IPv6 address, perhaps with a zone (`fe80::1%eth0`).
fn is_ip6(host: &str) -> bool {
    let (address, zone) = host.split_once('%').unwrap_or((host, "any"));
    address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() && is_name(zone)
}

/// What a name or an IPv4 address may be made of. It also becomes part of a folder's name.
fn is_name(host: &str) -> bool {
    host.len() <= 253
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let read = Address::parse(text, 8046).map(|address| address.to_string());
        assert_eq!(read.as_deref(), expected, "{text:?}");
    }

    #[test]
    fn an_address_is_a_host_and_a_port_with_brackets_around_ip6() {
        check("127.0.0.1:8046", Some("127.0.0.1:8046"));
        check("db-1.example.com:1", Some("db-1.example.com:1"));
        check("localhost:0", Some("localhost:0"));
        check(":8046", Some(":8046"));
        check("[::1]:9", Some("[::1]:9"));
        check("[fe80::1%eth0]:9", Some("[fe80::1%eth0]:9"));
    }

    #[test]
    fn a_missing_port_is_the_default_one() {
        check("localhost", Some("localhost:8046"));
        check("10.0.0.1", Some("10.0.0.1:8046"));
        check("[::1]", Some("[::1]:8046"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let bad = [
            "", "::1", "::1:8046", "a:b", "a:", "a:65536", "a:-1", "a:+1", "a:1:2", "a b:1",
            "a/b:1", "[::1", "[::1]9", "[a]:1", "[]:1", "[::1%]:1", "é:1", "a\n:1",
        ];
        for text in bad {
            check(text, None);
        }
    }

    #[test]
    fn an_address_to_dial_has_a_host_and_a_port() {
        for (text, dialable) in [("a:1", true), (":1", false), ("a:0", false), ("a", true)] {
            assert_eq!(
                Address::parse_remote(text, 8046).is_some(),
                dialable,
                "{text}"
            );
        }
    }
}
