//! What to try after a failure.

use doozer_client::{ErrCode, Error};

use super::status::is_refused_access;
use super::{Advice, carried};
use crate::args::{FlagError, UsageError, ValueError};

/// What to try after `error`, where there is something.
pub(super) fn of(error: &anyhow::Error) -> Option<String> {
    if let Some(Advice(advice)) = carried(error) {
        return Some(advice.clone());
    }
    if let Some(usage) = error.downcast_ref() {
        return of_usage(usage);
    }
    let flag = match error.downcast_ref() {
        Some(ValueError::Flag(flag)) => Some(flag),
        _ => error.downcast_ref(),
    };
    if let Some(FlagError::Unknown { nearest: None, .. }) = flag {
        return Some("doozer help, or doozer help COMMAND".to_owned());
    }
    error.downcast_ref().and_then(of_client)
}

fn of_usage(error: &UsageError) -> Option<String> {
    match error {
        UsageError::UnknownCommand { nearest: None, .. } => Some("doozer help".to_owned()),
        UsageError::Group { group, .. } => Some(format!("doozer help {group}")),
        _ => None,
    }
}

fn of_client(error: &Error) -> Option<String> {
    let advice = match error {
        Error::Dial { .. } => "another address with -a or DOOZER_URI, if doozerd runs elsewhere",
        Error::LookUp { source, .. } => return of_client(source),
        Error::Timeout { source, .. } => return source.as_deref().and_then(of_client),
        Error::NoDzns { .. } => "-b URI, with the address of the DzNS",
        Error::OutcomeUnknown { .. } => {
            "doozer get, to see whether it took effect; --tls, if the server speaks TLS"
        }
        Error::HistoryGone { .. } => "without -r, to begin at the present revision",
        Error::Lost { .. } => "--tls, if the server speaks TLS",
        Error::TooLong { .. } => "a shorter value, or several files",
        error if is_refused_access(error) => {
            "the secret in the URI of -a, or in a profile (doozer help profiles)"
        }
        error => return of_code(error),
    };
    Some(advice.to_owned())
}

fn of_code(error: &Error) -> Option<String> {
    let Error::Refused { request, .. } = error else {
        return None;
    };
    let path = request.split(' ').nth(1).unwrap_or("PATH");
    match error.code()? {
        ErrCode::RevMismatch => Some(format!(
            "doozer stat {path}, for the revision that the file has"
        )),
        ErrCode::BadPath => {
            Some("a path as /a/b-c.d: letters, digits, . and - behind each slash".to_owned())
        }
        ErrCode::Isdir => Some(format!("doozer find {path}, for the files in it")),
        ErrCode::TooLate => Some("without -r, or at a later revision (doozer rev)".to_owned()),
        ErrCode::Readonly => {
            Some("doozer walk '/ctl/cal/*', for the nodes that take writes".to_owned())
        }
        _ => None,
    }
}
