//! Which paths a glob matches.

/// True if the whole of `path` matches `glob`: `?` one character but `/`, `*` any run without
/// `/`, `**` any run.
pub fn matches(glob: &str, path: &str) -> bool {
    rest_matches(glob.as_bytes(), path.as_bytes())
}

fn rest_matches(glob: &[u8], path: &[u8]) -> bool {
    match glob {
        [] => path.is_empty(),
        [b'*', b'*', rest @ ..] => any_tail(path, |_| true, rest),
        [b'*', rest @ ..] => any_tail(path, |byte| byte != b'/', rest),
        [b'?', rest @ ..] => {
            matches!(path, [byte, tail @ ..] if *byte != b'/' && rest_matches(rest, tail))
        }
        [first, rest @ ..] => {
            matches!(path, [byte, tail @ ..] if byte == first && rest_matches(rest, tail))
        }
    }
}

/// True if `rest` matches what is left of `path` behind some run of bytes that `may` be in it.
fn any_tail(path: &[u8], may: impl Fn(u8) -> bool, rest: &[u8]) -> bool {
    let run = path.iter().take_while(|&&byte| may(byte)).count();
    (0..=run).any(|skipped| rest_matches(rest, &path[skipped..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_its_folder_and_two_do_not() {
        for (glob, path, want) in [
            ("/**", "/", true),
            ("/**", "/a/b", true),
            ("/*", "/a/b", false),
            ("/*/b", "/a/b", true),
            ("/a?", "/ab", true),
            ("/a?", "/a/", false),
            ("/a/**", "/a", false),
            ("/a/**", "/a/b/c", true),
            ("/a", "/ab", false),
        ] {
            assert_eq!(matches(glob, path), want, "{glob} {path}");
        }
    }
}
