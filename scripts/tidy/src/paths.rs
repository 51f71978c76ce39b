//! The paths (`a::b::c`) that a file names, with its `use` groups spelled out.

use crate::source::{Source, Token};

/// A path as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsedPath {
    pub(crate) names: Vec<String>,
    pub(crate) line: usize,
    /// The modules of this file that it stands in.
    modules: Vec<String>,
}

impl UsedPath {
    /// The path from its crate's root, for `crate::…`, `self::…` and `super::…`; nothing for others.
    pub(crate) fn within_crate(&self, file_modules: &[String]) -> Option<Vec<String>> {
        let mut names = self.names.iter().peekable();
        let mut module: Vec<String> = match names.peek()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => file_modules.iter().chain(&self.modules).cloned().collect(),
            _ => return None,
        };
        while let Some(step) =
            names.next_if(|name| matches!(name.as_str(), "crate" | "self" | "super"))
        {
            if step == "super" {
                module.pop();
            }
        }
        module.extend(names.cloned());
        Some(module)
    }
}

/// Every path of two names or more, and every name that a `use` takes, outside tests.
pub(crate) fn used_paths(source: &Source) -> Vec<UsedPath> {
    let mut reader = Reader {
        tokens: source.tokens.iter().filter(|token| !token.test).collect(),
        at: 0,
        modules: Vec::new(),
        paths: Vec::new(),
    };
    reader.read();
    reader.paths
}

struct Reader<'a> {
    tokens: Vec<&'a Token>,
    at: usize,
    /// The modules that are open, and how many braces are open in each.
    modules: Vec<(String, usize)>,
    paths: Vec<UsedPath>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut in_use = false;
        while self.at < self.tokens.len() {
            match self.text(0) {
                "mod" if self.text(2) == "{" => self.open_module(),
                "{" => self.open_brace(),
                "}" => self.close_brace(),
                "use" => in_use = true,
                ";" => in_use = false,
                name if is_name(name) => {
                    self.read_tree(&[], in_use);
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn text(&self, ahead: usize) -> &str {
        self.tokens
            .get(self.at + ahead)
            .map_or("", |token| &token.text)
    }

    fn open_module(&mut self) {
        self.modules.push((self.text(1).to_owned(), 1));
        self.at += 2;
    }

    fn open_brace(&mut self) {
        if let Some((_, depth)) = self.modules.last_mut() {
            *depth += 1;
        }
    }

    fn close_brace(&mut self) {
        if let Some((_, depth)) = self.modules.last_mut() {
            *depth -= 1;
            if *depth == 0 {
                self.modules.pop();
            }
        }
    }

    /// Reads the path, or the tree of a `use`, that begins with the name here.
    fn read_tree(&mut self, prefix: &[String], in_use: bool) {
        let mut names = prefix.to_vec();
        let line = self.tokens[self.at].line;
        loop {
            match self.text(0) {
                "{" => return self.read_group(&names),
                name if is_name(name) => names.push(name.to_owned()),
                _ => break,
            }
            self.at += 1;
            if self.text(0) != ":" || self.text(1) != ":" {
                break;
            }
            self.at += 2;
        }
        if names.len() > 1 || in_use {
            self.keep(names, line);
        }
    }

    fn read_group(&mut self, prefix: &[String]) {
        self.at += 1;
        while self.at < self.tokens.len() && self.text(0) != "}" {
            if is_name(self.text(0)) {
                self.read_tree(prefix, true);
            } else {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    fn keep(&mut self, names: Vec<String>, line: usize) {
        let modules = self.modules.iter().map(|(name, _)| name.clone()).collect();
        self.paths.push(UsedPath {
            names,
            line,
            modules,
        });
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, paths: &[&str]) {
        let source = Source::new("doozerd/src/x.rs", text).unwrap();
        let used = used_paths(&source);
        let used: Vec<String> = used.iter().map(|path| path.names.join("::")).collect();
        assert_eq!(used, paths, "{text}");
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        check(
            "fn f(a: b::C) -> d::E { g(h::i(), j) }",
            &["b::C", "d::E", "h::i"],
        );
        check("x!(a => b::c, \"d::e\")", &["b::c"]);
        check(
            "#[derive(clap::Parser)] struct S(Vec::<::tokio::X>);",
            &["clap::Parser", "tokio::X"],
        );
        check("// a::b\n", &[]);
    }

    #[test]
    fn the_groups_of_a_use_are_spelled_out() {
        check("use a;", &["a"]);
        check(
            "pub use a::{b, c::{d, self}, *}; e",
            &["a::b", "a::c::d", "a::c::self"],
        );
        check("use crate::a::*;", &["crate::a"]);
    }

    #[test]
    fn tests_may_use_what_they_like() {
        check("#[cfg(test)] mod tests { use a::b; } c::d();", &["c::d"]);
    }

    fn check_within(text: &str, want: &[&str]) {
        let source = Source::new("doozerd/src/server/read.rs", text).unwrap();
        let here = ["server".to_owned(), "read".to_owned()];
        let paths = used_paths(&source);
        let got: Vec<String> = paths
            .iter()
            .filter_map(|path| path.within_crate(&here))
            .map(|names| names.join("::"))
            .collect();
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn relative_paths_lead_to_the_root() {
        check_within("use crate::store::Path;", &["store::Path"]);
        check_within(
            "use super::write::A; self::b();",
            &["server::write::A", "server::read::b"],
        );
        check_within("super::super::web::x();", &["web::x"]);
        check_within(
            "mod m { use super::super::x; } super::y();",
            &["server::x", "server::y"],
        );
        check_within("tokio::spawn();", &[]);
    }
}
