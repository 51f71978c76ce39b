//! Writes the language of man pages.

/// A page on its way.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// A page called `name`, of section 1, on what `summary` says.
    pub(super) fn new(name: &str, summary: &str) -> Self {
        let title = escaped(&name.to_uppercase());
        let version = env!("CARGO_PKG_VERSION");
        let text = format!(".TH \"{title}\" 1 \"\" \"doozer {version}\" \"Doozer\"\n");
        let mut page = Self { text };
        page.section("Name");
        page.line(&format!("{} \\- {}", escaped(name), escaped(summary)));
        page
    }

    /// A head, behind which a section begins.
    pub(super) fn section(&mut self, title: &str) {
        self.line(&format!(".SH \"{}\"", escaped(&title.to_uppercase())));
    }

    /// A paragraph: its lines are filled.
    pub(super) fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.line(".PP");
        for line in text.lines() {
            self.line(&escaped_line(line));
        }
    }

    /// Words in bold.
    pub(super) fn bold(&mut self, words: &str) -> &mut Self {
        self.text
            .push_str(&["\\fB", &escaped(words), "\\fR"].concat());
        self
    }

    /// Words behind those, to the end of the line.
    pub(super) fn plain(&mut self, words: &str) {
        self.line(&escaped(words));
    }

    /// Something and what it is.
    pub(super) fn item(&mut self, what: &str, is: &str) {
        self.line(".TP");
        self.bold(what).plain("");
        self.line(&escaped_line(is));
    }

    /// Lines that stay lines.
    pub(super) fn as_it_is(&mut self, text: &str) {
        self.line(".nf");
        for line in text.lines() {
            self.line(&escaped_line(line));
        }
        self.line(".fi");
    }

    /// The page.
    pub(super) fn end(self) -> String {
        self.text
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Text in which nothing is taken for a request or turned into another sign.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '"' => out.push_str("\\(dq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            c => out.push(c),
        }
    }
    out
}

/// Likewise, for the beginning of a line, where a dot begins a request.
fn escaped_line(line: &str) -> String {
    let escaped = escaped(line);
    if escaped.starts_with('.') {
        format!("\\&{escaped}")
    } else {
        escaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_for_a_request() {
        assert_eq!(escaped_line(".so x"), "\\&.so x");
        assert_eq!(escaped_line("'it' -a \\n"), "\\(aqit\\(aq \\-a \\en");
    }

    #[test]
    fn a_page_has_a_name_and_sections() {
        let mut page = Page::new("doozer-get", "print a file");
        page.section("Options");
        page.item("-r REV", "A revision.");
        let expected = concat!(
            ".TH \"DOOZER\\-GET\" 1 \"\" \"doozer ",
            env!("CARGO_PKG_VERSION"),
            "\" \"Doozer\"\n",
            ".SH \"NAME\"\ndoozer\\-get \\- print a file\n",
            ".SH \"OPTIONS\"\n.TP\n\\fB\\-r REV\\fR\nA revision.\n",
        );
        assert_eq!(page.end(), expected);
    }
}
