//! Looks a cluster's name up at a `DzNS`: an ordinary cluster in which others register.

use doozer_proto::ErrCode;

use crate::uri::with_port;
use crate::{Client, DoozerUri, Error, Options};

/// Below it each cluster has a directory, with a file for each member that holds its address.
const NAMES: &str = "/ctl/ns";

/// The addresses that cluster `name` has registered.
///
/// Only the boot URI's own secret is sent there: that of the options belongs to the cluster.
pub(crate) async fn look_up(
    name: &str,
    boot: &DoozerUri,
    options: &Options,
) -> Result<Vec<String>, Error> {
    if !name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
    {
        return Err(Error::BadName {
            name: name.to_owned(),
        });
    }
    let found = ask(name, boot, options)
        .await
        .map_err(|source| Error::LookUp {
            name: name.to_owned(),
            source: Box::new(source),
        })?;
    found.map_err(|registered| Error::NameUnknown {
        name: name.to_owned(),
        registered,
    })
}

/// The addresses, or the names that are registered instead.
async fn ask(
    name: &str,
    boot: &DoozerUri,
    options: &Options,
) -> Result<Result<Vec<String>, Vec<String>>, Error> {
    let uri = DoozerUri {
        cluster: None,
        ..boot.clone()
    };
    let options = Options {
        secret: None,
        boot: None,
        follow_members: false,
        ..options.clone()
    };
    let client = Client::connect(&uri, options).await?;
    let members = client.walk_all(&format!("{NAMES}/{name}/*"), None).await?;
    let addresses: Vec<String> = members
        .iter()
        .filter_map(|member| std::str::from_utf8(&member.value).ok())
        .filter_map(|address| with_port(address).ok())
        .collect();
    if !addresses.is_empty() {
        return Ok(Ok(addresses));
    }
    match client.list(NAMES, None).await {
        Ok(names) => Ok(Err(names)),
        Err(error) if error.code() == Some(ErrCode::Noent) => Ok(Err(Vec::new())),
        Err(error) => Err(error),
    }
}
