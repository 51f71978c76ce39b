//! What a user sees of a program's output: the characters on a terminal's screen.

use std::iter::Peekable;
use std::str::Chars;

/// A screen. It knows what line editors write: carriage returns, movements of the cursor, erasing.
/// Colours are passed over. It has no last line: what scrolls out of a real one stays.
#[derive(Debug, Default)]
pub struct Screen {
    lines: Vec<Vec<char>>,
    line: usize,
    column: usize,
    /// What has come of a sequence, or of a character, that goes on.
    pending: Vec<u8>,
}

impl Screen {
    /// Shows `bytes`.
    pub fn show(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        let whole = whole_text(&self.pending);
        let text: Vec<u8> = self.pending.drain(..whole).collect();
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\x1b' => self.sequence(&mut chars),
                '\r' => self.column = 0,
                '\n' => self.line += 1,
                '\x08' => self.column = self.column.saturating_sub(1),
                c if c.is_control() => {}
                c => self.put(c),
            }
        }
    }

    /// The lines, without blanks at their ends.
    pub fn text(&self) -> String {
        let lines = self
            .lines
            .iter()
            .map(|line| line.iter().collect::<String>());
        let lines: Vec<_> = lines.map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n").trim_end().to_owned()
    }

    /// The line at which the cursor is.
    pub fn current(&self) -> String {
        let line = self.lines.get(self.line);
        line.map(|line| line.iter().collect()).unwrap_or_default()
    }

    fn put(&mut self, c: char) {
        let column = self.column;
        let line = self.line_here();
        if line.len() <= column {
            line.resize(column + 1, ' ');
        }
        line[column] = c;
        self.column += 1;
    }

    fn line_here(&mut self) -> &mut Vec<char> {
        if self.lines.len() <= self.line {
            self.lines.resize(self.line + 1, Vec::new());
        }
        &mut self.lines[self.line]
    }

    /// `ESC [ NUMBERS LETTER`; others do not move anything.
    fn sequence(&mut self, chars: &mut Peekable<Chars<'_>>) {
        if chars.next() != Some('[') {
            return;
        }
        let mut numbers = String::new();
        while let Some(c) = chars.next_if(|c| !is_end(*c)) {
            numbers.push(c);
        }
        let count = numbers.parse().unwrap_or(1);
        match chars.next() {
            Some('A') => self.line = self.line.saturating_sub(count),
            Some('B') => self.line += count,
            Some('C') => self.column += count,
            Some('D') => self.column = self.column.saturating_sub(count),
            Some('H') => (self.line, self.column) = (0, 0),
            Some('J') => {
                self.lines.truncate(self.line + 1);
                self.erase_line();
            }
            Some('K') => self.erase_line(),
            _ => {}
        }
    }

    fn erase_line(&mut self) {
        let column = self.column;
        self.line_here().truncate(column);
    }
}

fn is_end(c: char) -> bool {
    ('\x40'..='\x7e').contains(&c)
}

/// How many bytes there are up to a character or a sequence that goes on.
fn whole_text(bytes: &[u8]) -> usize {
    let valid = match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    };
    let escape = bytes[..valid].iter().rposition(|byte| *byte == 0x1b);
    match escape {
        Some(at) if !is_whole(&bytes[at + 1..valid]) => at,
        _ => valid,
    }
}

fn is_whole(sequence: &[u8]) -> bool {
    match sequence {
        [] => false,
        [b'[', rest @ ..] => rest.iter().any(|byte| is_end(char::from(*byte))),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[&str], expected: &str) {
        let mut screen = Screen::default();
        for piece in pieces {
            screen.show(piece.as_bytes());
        }
        assert_eq!(screen.text(), expected, "{pieces:?}");
    }

    #[test]
    fn a_line_is_drawn_anew() {
        check(&["> ab\r\x1b[K> abc\r\x1b[2C", "X"], "> Xbc");
        check(&["a\r\nb\x1b[A\rc"], "c\nb");
        check(&["ab\r\nc\x1b[H\x1b[J", "d"], "d");
    }

    #[test]
    fn colours_and_modes_are_not_seen() {
        check(&["\x1b[?2004h\x1b[1;32mget\x1b[0m /a\x07"], "get /a");
    }

    #[test]
    fn pieces_may_end_anywhere() {
        let bytes = "\x1b[31mä\x1b[0m".as_bytes();
        for at in 0..bytes.len() {
            let mut screen = Screen::default();
            screen.show(&bytes[..at]);
            screen.show(&bytes[at..]);
            assert_eq!(screen.text(), "ä", "cut at {at}");
        }
    }
}
