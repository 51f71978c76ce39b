//! Makes requests, and says what a request is.

use bytes::Bytes;
use doozer_proto::{REV_CLOBBER, Request, Verb};

/// A request of this verb and nothing else.
pub(crate) fn of(verb: Verb) -> Request {
    Request {
        verb: Some(verb.into()),
        ..Request::default()
    }
}

/// A request of this verb for a path.
pub(crate) fn of_path(verb: Verb, path: &str, rev: Option<i64>) -> Request {
    Request {
        path: Some(Bytes::copy_from_slice(path.as_bytes())),
        rev,
        ..of(verb)
    }
}

/// Whether the request changes the store, so that sending it twice is not sending it once.
pub(crate) fn is_mutation(request: &Request) -> bool {
    matches!(verb_of(request), Verb::Set | Verb::Del | Verb::Nop)
}

/// Whether the answer may take for ever without anything being wrong.
pub(crate) fn is_wait(request: &Request) -> bool {
    verb_of(request) == Verb::Wait
}

fn verb_of(request: &Request) -> Verb {
    let number = request.verb.unwrap_or_default();
    Verb::try_from(number).expect("invariant: requests are made of known verbs")
}

/// The request in words, without its value.
pub(crate) fn describe(request: &Request) -> String {
    let path = request
        .path
        .as_ref()
        .map(|path| String::from_utf8_lossy(path).into_owned());
    let offset = request.offset.map(|offset| format!("offset {offset}"));
    let rev = request.rev.map(|rev| match rev {
        REV_CLOBBER if is_mutation(request) => "at any revision".to_owned(),
        rev => format!("rev {rev}"),
    });
    let verb = verb_of(request).as_str_name().to_owned();
    let words: Vec<String> = [Some(verb), path, offset, rev]
        .into_iter()
        .flatten()
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: &Request, want: &str) {
        assert_eq!(describe(request), want);
    }

    #[test]
    fn a_request_is_told_in_words_and_without_its_value() {
        check(&of(Verb::Rev), "REV");
        check(&of_path(Verb::Get, "/a", None), "GET /a");
        check(
            &of_path(Verb::Del, "/a", Some(-1)),
            "DEL /a at any revision",
        );
        let set = Request {
            value: Some(Bytes::from_static(b"secret")),
            ..of_path(Verb::Set, "/a", Some(7))
        };
        check(&set, "SET /a rev 7");
        let walk = Request {
            offset: Some(2),
            ..of_path(Verb::Walk, "/**", Some(9))
        };
        check(&walk, "WALK /** offset 2 rev 9");
    }
}
