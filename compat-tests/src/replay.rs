//! Plays a recorded script to a server and compares every answer: fields, values, presence, order.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::connection::{ANSWER_WITHIN, Connection, Received};
use crate::script::{self, Action, Script, Step};
use crate::wait;
use crate::wire::{Request, Response, error, frame, verb};

/// How long "no answer" is watched for.
const SILENCE: Duration = Duration::from_millis(300);

/// What the script's note "2 s later" stands for.
const TRIMMED_AFTER: Duration = Duration::from_secs(2);

/// An answer that differs from the recorded one.
#[derive(Clone, Debug)]
pub struct Difference {
    pub script: String,
    pub line: usize,
    pub asked: String,
    pub expected: String,
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} line {}: {}", self.script, self.line, self.asked)?;
        writeln!(f, "    expected {}", self.expected)?;
        write!(f, "    got      {}", self.got)
    }
}

/// What a run found.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Answers (and silences, and closes) compared.
    pub compared: usize,
    pub differences: Vec<Difference>,
}

/// Plays `script` to the server at `addr`, from the revision that it is at.
pub fn play(script: &Script, addr: &str) -> io::Result<Outcome> {
    let base = Connection::open(addr)?.ask(&Request::new(verb::REV))?;
    let base = base
        .rev
        .ok_or_else(|| io::Error::other("no revision in the answer to REV"))?;
    let mut run = Run {
        script,
        addr,
        base,
        connections: BTreeMap::new(),
        outcome: <_>::default(),
    };
    for step in &script.steps {
        run.step(step)?;
    }
    Ok(run.outcome)
}

/// True if the server at `addr`, started for `script`, holds nothing but /ctl: a script counts
/// files, and would write over others.
pub fn is_empty(script: &Script, addr: &str) -> io::Result<bool> {
    let mut connection = visit(script, addr)?;
    Ok(connection.ask(&Request::getdir("/", 1))?.err_code == Some(error::RANGE))
}

/// Deletes the files that `script` wrote, so that another can follow.
pub fn clear(script: &Script, addr: &str) -> io::Result<()> {
    let mut connection = visit(script, addr)?;
    for path in script.paths_set().filter(|path| !path.starts_with(b"/ctl")) {
        connection.ask(&Request::new(verb::DEL).path(path).rev(-1))?;
    }
    Ok(())
}

fn visit(script: &Script, addr: &str) -> io::Result<Connection> {
    let mut connection = Connection::open(addr)?;
    if let Some(secret) = script.write_secret() {
        connection.ask(&Request::access(secret))?;
    }
    Ok(connection)
}

struct Run<'a> {
    script: &'a Script,
    addr: &'a str,
    base: i64,
    connections: BTreeMap<String, (Connection, String)>,
    outcome: Outcome,
}

impl Run<'_> {
    fn step(&mut self, step: &Step) -> io::Result<()> {
        match &step.action {
            Action::Send(template) => {
                let request = template.at(self.base);
                self.send(step, &request.frame(), request.to_string())
            }
            Action::SendMessage(message) => {
                self.send(step, &frame(message), format!("the message {message:02x?}"))
            }
            Action::Expect(fields) => {
                let received = self.receive(step, ANSWER_WITHIN)?;
                let want = expected_fields(fields, self.base);
                let got = match received {
                    Received::Response(response) => fields_of(&response, fields),
                    other => format!("{other:?}"),
                };
                self.compare(step, want, got);
                Ok(())
            }
            Action::ExpectNothing => self.expect(step, &Received::Nothing, SILENCE),
            Action::ExpectClosed => self.expect(step, &Received::Closed, ANSWER_WITHIN),
        }
    }

    fn send(&mut self, step: &Step, bytes: &[u8], asked: String) -> io::Result<()> {
        if step.note.starts_with("2 s later") {
            wait::pause(TRIMMED_AFTER);
        }
        let (connection, last) = self.connection(step)?;
        *last = asked;
        connection.send_bytes(bytes)
    }

    fn receive(&mut self, step: &Step, within: Duration) -> io::Result<Received> {
        self.connection(step)?.0.receive(within)
    }

    fn expect(&mut self, step: &Step, want: &Received, within: Duration) -> io::Result<()> {
        let got = self.receive(step, within)?;
        self.compare(step, format!("{want:?}"), format!("{got:?}"));
        Ok(())
    }

    fn connection(&mut self, step: &Step) -> io::Result<&mut (Connection, String)> {
        if !self.connections.contains_key(&step.connection) {
            let connection = (Connection::open(self.addr)?, String::new());
            self.connections.insert(step.connection.clone(), connection);
        }
        let found = self.connections.get_mut(&step.connection);
        Ok(found.expect("invariant: just inserted"))
    }

    fn compare(&mut self, step: &Step, expected: String, got: String) {
        self.outcome.compared += 1;
        if expected != got {
            let asked = self
                .connections
                .get(&step.connection)
                .map(|(_, asked)| asked.clone());
            self.outcome.differences.push(Difference {
                script: self.script.name.clone(),
                line: step.line,
                asked: asked.unwrap_or_default(),
                expected,
                got,
            });
        }
    }
}

/// The recorded answer as text, fields in ascending order: the order that is on the wire.
fn expected_fields(fields: &Map<String, Value>, base: i64) -> String {
    let text = |(name, number): &(&str, u64)| {
        let value = fields.get(*name)?;
        let shown = match *name {
            "rev" => script::relative_of(value, base).to_string(),
            "path" | "err_detail" => format!("{:?}", shown(&script::path_of(value))),
            "value_hex" if is_node_id(value) => "a node's id".to_owned(),
            "value_hex" => {
                let hex = value.as_str().unwrap_or_default();
                format!("{:?}", shown(&script::bytes_of_hex(hex)))
            }
            _ => value.to_string(),
        };
        Some(format!("{number}: {name} {shown}"))
    };
    FIELDS
        .iter()
        .filter_map(text)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The answer as text, fields in the order they came.
fn fields_of(response: &Response, recorded: &Map<String, Value>) -> String {
    let text = |number: &u64| {
        let name = FIELDS
            .iter()
            .find(|(_, known)| known == number)
            .map_or("?", |(name, _)| name);
        let bytes =
            |bytes: &Option<Vec<u8>>| format!("{:?}", shown(bytes.as_deref().unwrap_or(b"")));
        let shown = match number {
            1 => format!("{}", response.tag.unwrap_or_default()),
            2 => format!("{}", response.flags.unwrap_or_default()),
            3 => format!("{}", response.rev.unwrap_or_default()),
            5 => bytes(&response.path),
            6 if recorded.get("value_hex").is_some_and(is_node_id) => node_id(response),
            6 => bytes(&response.value),
            8 => format!("{}", response.len.unwrap_or_default()),
            100 => format!("{}", response.err_code.unwrap_or_default()),
            _ => bytes(&response.err_detail),
        };
        format!("{number}: {name} {shown}")
    };
    response
        .order
        .iter()
        .map(text)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The fields of a response by their names in the scripts, ascending.
const FIELDS: [(&str, u64); 8] = [
    ("tag", 1),
    ("flags", 2),
    ("rev", 3),
    ("path", 5),
    ("value_hex", 6),
    ("len", 8),
    ("err_code", 100),
    ("err_detail", 101),
];

fn is_node_id(recorded: &Value) -> bool {
    recorded == "<node id>"
}

fn node_id(response: &Response) -> String {
    let id = response.value.as_deref().unwrap_or_default();
    let in_base32 = |byte: &u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(byte);
    if id.len() == 16 && id.iter().all(in_base32) {
        "a node's id".to_owned()
    } else {
        format!("{:?}", shown(id))
    }
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
