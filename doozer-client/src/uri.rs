//! Reads `doozer:` URIs and plain addresses.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use doozer_proto::PORT_DEFAULT;
use thiserror::Error;

use crate::Secret;

/// Where a cluster is: its addresses, or its name at a `DzNS`.
///
/// Read from `doozer:?ca=HOST:PORT&ca=…&cn=NAME&sk=SECRET`, percent-decoded, or from a plain
/// `HOST:PORT` or `HOST`. Keys it does not know are passed over. The port is
/// [`PORT_DEFAULT`] unless given; no host means this machine.
///
/// ```
/// use doozer_client::DoozerUri;
///
/// let uri: DoozerUri = "doozer:?ca=10.0.0.1:8046&ca=10.0.0.2&cn=local".parse()?;
/// assert_eq!(uri.addresses, ["10.0.0.1:8046", "10.0.0.2:8046"]);
/// assert_eq!(uri.cluster.as_deref(), Some("local"));
///
/// let uri: DoozerUri = "store.example.org".parse()?;
/// assert_eq!(uri.addresses, ["store.example.org:8046"]);
/// # Ok::<(), doozer_client::UriError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DoozerUri {
    /// `ca`: addresses as `HOST:PORT`, in the order given.
    pub addresses: Vec<String>,
    /// `cn`: the cluster's name, looked up where [`Options::boot`](crate::Options::boot) points.
    pub cluster: Option<String>,
    /// `sk`: the secret, sent after connecting.
    pub secret: Option<Secret>,
}

/// Why a text is neither a `doozer:` URI nor an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UriError {
    /// There is nothing, or nothing behind `doozer:`, that says where to connect.
    #[error("no address and no cluster name given")]
    Empty,
    /// `doozer:` is followed by something that is not a query.
    #[error("expected `doozer:?ca=HOST:PORT`, found `doozer:{0}`")]
    NotAQuery(String),
    /// A percent sign without two hexadecimal digits.
    #[error("bad percent escape in the value of `{key}`")]
    Escape {
        /// The key whose value it is.
        key: String,
    },
    /// A value is not UTF-8 once decoded.
    #[error("the value of `{key}` is not UTF-8")]
    NotUtf8 {
        /// The key whose value it is.
        key: String,
    },
    /// An address has no host, or is not `HOST:PORT`.
    #[error("`{0}` is not an address: expected HOST:PORT")]
    Address(String),
    /// What stands for the port is no number up to 65535.
    #[error("bad port in the address `{0}`")]
    Port(String),
}

impl DoozerUri {
    /// The place of a single address, `HOST:PORT` or `HOST`.
    pub fn of_address(address: &str) -> Result<Self, UriError> {
        Ok(Self {
            addresses: vec![with_port(address)?],
            ..Self::default()
        })
    }

    fn of_query(query: &str) -> Result<Self, UriError> {
        let mut uri = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "ca" => uri.addresses.push(with_port(&text(key, value)?)?),
                "cn" if uri.cluster.is_none() && !value.is_empty() => {
                    uri.cluster = Some(text(key, value)?);
                }
                "sk" if uri.secret.is_none() => uri.secret = Some(Secret::new(bytes(key, value)?)),
                _ => {}
            }
        }
        if uri.addresses.is_empty() && uri.cluster.is_none() {
            return Err(UriError::Empty);
        }
        Ok(uri)
    }
}

/// As it is typed, but for the secret: three dots stand in its place.
impl fmt::Display for DoozerUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = self.addresses.iter().map(|address| format!("ca={address}"));
        let cluster = self.cluster.iter().map(|name| format!("cn={name}"));
        let secret = self.secret.iter().map(|_secret| "sk=...".to_owned());
        let pairs: Vec<String> = addresses.chain(cluster).chain(secret).collect();
        write!(f, "doozer:?{}", pairs.join("&"))
    }
}

impl FromStr for DoozerUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let Some(rest) = text.strip_prefix("doozer:") else {
            return Self::of_address(text);
        };
        // `doozer:8046` is a host of that name and a port.
        if rest.starts_with(|first: char| first.is_ascii_digit()) {
            return Self::of_address(text);
        }
        match rest.trim_start_matches('/').strip_prefix('?') {
            Some(query) => Self::of_query(query),
            None if rest.is_empty() => Err(UriError::Empty),
            None => Err(UriError::NotAQuery(rest.to_owned())),
        }
    }
}

/// The address as `HOST:PORT`, with the default port where none is given.
pub(crate) fn with_port(address: &str) -> Result<String, UriError> {
    if address.is_empty() {
        return Err(UriError::Empty);
    }
    if address.parse::<Ipv6Addr>().is_ok() {
        return Ok(format!("[{address}]:{PORT_DEFAULT}"));
    }
    let bad = || UriError::Address(address.to_owned());
    let host_end = if address.starts_with('[') {
        address.find(']').ok_or_else(bad)? + 1
    } else {
        address.find(':').unwrap_or(address.len())
    };
    let (host, port) = address.split_at(host_end);
    check_host(host).ok_or_else(bad)?;
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    if port.is_empty() {
        return Ok(format!("{host}:{PORT_DEFAULT}"));
    }
    match port.strip_prefix(':').map(str::parse::<u16>) {
        Some(Ok(port)) => Ok(format!("{host}:{port}")),
        Some(Err(_)) => Err(UriError::Port(address.to_owned())),
        None => Err(bad()),
    }
}

fn check_host(host: &str) -> Option<()> {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(drop);
    }
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"/?#@[]".contains(c);
    host.chars().all(plain).then_some(())
}

fn text(key: &str, value: &str) -> Result<String, UriError> {
    String::from_utf8(bytes(key, value)?).map_err(|_not_utf8| UriError::NotUtf8 {
        key: key.to_owned(),
    })
}

/// Undoes percent-encoding; a plus sign is a space, as in every query.
fn bytes(key: &str, value: &str) -> Result<Vec<u8>, UriError> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => hex_pair(rest.next(), rest.next()).ok_or_else(|| UriError::Escape {
                key: key.to_owned(),
            })?,
            other => other,
        });
    }
    Ok(out)
}

fn hex_pair(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, addresses: &[&str], cluster: Option<&str>, secret: Option<&[u8]>) {
        let uri: DoozerUri = text.parse().unwrap();
        assert_eq!(uri.addresses, addresses, "{text}");
        assert_eq!(uri.cluster.as_deref(), cluster, "{text}");
        assert_eq!(
            uri.secret.as_ref().map(|s| &s.reveal()[..]),
            secret,
            "{text}"
        );
    }

    fn check_refused(text: &str, want: &UriError) {
        assert_eq!(&text.parse::<DoozerUri>().unwrap_err(), want, "{text}");
    }

    #[test]
    fn a_uri_names_addresses_a_cluster_and_a_secret() {
        check("doozer:?ca=127.0.0.1:8046", &["127.0.0.1:8046"], None, None);
        check(
            "doozer:?ca=a:1&ca=b&ca=[::1]",
            &["a:1", "b:8046", "[::1]:8046"],
            None,
            None,
        );
        check(
            "doozer:?ca=::1&ca=[fe80::1]:9",
            &["[::1]:8046", "[fe80::1]:9"],
            None,
            None,
        );
        check("doozer:?cn=local", &[], Some("local"), None);
        check(
            "doozer:?ca=a&cn=x&cn=y&sk=1&sk=2",
            &["a:8046"],
            Some("x"),
            Some(b"1"),
        );
        check("doozer://?ca=a", &["a:8046"], None, None);
    }

    #[test]
    fn values_are_percent_decoded() {
        check(
            "doozer:?ca=a%3A99&sk=p%26q%ff+r",
            &["a:99"],
            None,
            Some(b"p&q\xff r"),
        );
    }

    #[test]
    fn keys_that_are_not_known_are_passed_over() {
        check("doozer:?un=%zz&ca=a&zz&&x=1", &["a:8046"], None, None);
    }

    #[test]
    fn a_plain_address_will_do() {
        check("host:1234", &["host:1234"], None, None);
        check("host", &["host:8046"], None, None);
        check("doozer", &["doozer:8046"], None, None);
        check("doozer:99", &["doozer:99"], None, None);
        check(":99", &["127.0.0.1:99"], None, None);
        check("[::1]:99", &["[::1]:99"], None, None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        check_refused("", &UriError::Empty);
        check_refused("doozer:", &UriError::Empty);
        check_refused("doozer:?", &UriError::Empty);
        check_refused("doozer:?sk=x", &UriError::Empty);
        check_refused("doozer:?ca=", &UriError::Empty);
        check_refused("doozer:host", &UriError::NotAQuery("host".into()));
        check_refused("doozer:?ca=%4", &UriError::Escape { key: "ca".into() });
        check_refused("doozer:?cn=%ff", &UriError::NotUtf8 { key: "cn".into() });
        check_refused("host:", &UriError::Port("host:".into()));
        check_refused("host:65536", &UriError::Port("host:65536".into()));
        check_refused("a:b:c", &UriError::Port("a:b:c".into()));
        check_refused("http://a", &UriError::Port("http://a".into()));
        check_refused("[::1", &UriError::Address("[::1".into()));
        check_refused("[::1]9", &UriError::Address("[::1]9".into()));
        check_refused("[host]:9", &UriError::Address("[host]:9".into()));
        check_refused("a b", &UriError::Address("a b".into()));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let uri: DoozerUri = "doozer:?ca=a&sk=hunter2".parse().unwrap();
        assert!(!format!("{uri:?}").contains("hunter2"));
        assert_eq!(uri.to_string(), "doozer:?ca=a:8046&sk=...");
    }
}
