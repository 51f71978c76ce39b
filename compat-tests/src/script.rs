//! The recorded scripts: what was asked of the original and what it answered.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::binaries;
use crate::wire::{Request, verb};

/// A script: one server, some connections, requests and answers in turn.
#[derive(Clone, Debug)]
pub struct Script {
    pub name: String,
    pub about: String,
    /// How the server was started.
    pub flags: Vec<String>,
    pub env: Vec<(String, String)>,
    pub steps: Vec<Step>,
}

/// One line of a script.
#[derive(Clone, Debug)]
pub struct Step {
    /// The line's number in its file, from 1.
    pub line: usize,
    /// Which connection, opened at its first use.
    pub connection: String,
    pub note: String,
    pub action: Action,
}

/// What a line says.
#[derive(Clone, Debug)]
pub enum Action {
    Send(Template),
    /// The message to send as bytes.
    SendMessage(Vec<u8>),
    Expect(Map<String, Value>),
    ExpectNothing,
    ExpectClosed,
}

/// A request whose revision may be relative.
#[derive(Clone, Debug)]
pub struct Template {
    request: Request,
    relative: bool,
}

impl Template {
    /// The request of a run that began at revision `base`.
    pub fn at(&self, base: i64) -> Request {
        let rev = self
            .request
            .rev
            .map(|rev| if self.relative { base + rev } else { rev });
        Request {
            rev,
            ..self.request.clone()
        }
    }
}

impl Script {
    /// The paths that it sets, valid ones and others.
    pub fn paths_set(&self) -> impl Iterator<Item = &[u8]> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Send(Template { request, .. }) if request.verb == Some(verb::SET) => {
                request.path.as_deref()
            }
            _ => None,
        })
    }

    /// The secret that opens writing on a server started for it.
    pub fn write_secret(&self) -> Option<&str> {
        let found = self.env.iter().find(|(name, _)| name == "DOOZER_RWSECRET");
        found.map(|(_, secret)| secret.as_str())
    }
}

/// All the recorded scripts, by name.
pub fn all() -> Vec<Script> {
    let folder = binaries::package_folder().join("vectors");
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    let mut scripts: Vec<_> = entries
        .map(|entry| load(&entry.expect("an entry of a folder").path()))
        .collect();
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    scripts
}

fn load(path: &Path) -> Script {
    let text = fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let mut lines = text.lines().enumerate().map(|(index, line)| {
        let value: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{}:{}: {error}", path.display(), index + 1));
        (index + 1, value)
    });
    let (_, head) = lines
        .next()
        .unwrap_or_else(|| panic!("{} is empty", path.display()));
    Script {
        name: text_of(&head["script"]),
        about: text_of(&head["about"]),
        flags: head["flags"]
            .as_array()
            .expect("flags")
            .iter()
            .map(text_of)
            .collect(),
        env: env_of(head["env"].as_object().expect("an environment")),
        steps: lines.map(|(line, value)| step(line, &value)).collect(),
    }
}

fn env_of(env: &Map<String, Value>) -> Vec<(String, String)> {
    env.iter()
        .map(|(name, value)| (name.clone(), text_of(value)))
        .collect()
}

fn step(line: usize, value: &Value) -> Step {
    let action = if let Some(request) = value["request"].as_object() {
        Action::Send(template(request))
    } else if let Some(message) = value["request_hex"].as_str() {
        Action::SendMessage(bytes_of_hex(message))
    } else if let Some(response) = value["response"].as_object() {
        Action::Expect(response.clone())
    } else if value["closed"] == Value::Bool(true) {
        Action::ExpectClosed
    } else {
        assert!(
            value["response"].is_null(),
            "line {line} says nothing: {value}"
        );
        Action::ExpectNothing
    };
    let note = value["note"].as_str().unwrap_or_default().to_owned();
    Step {
        line,
        connection: text_of(&value["conn"]),
        note,
        action,
    }
}

fn template(fields: &Map<String, Value>) -> Template {
    let mut template = Template {
        request: Request::default(),
        relative: false,
    };
    let request = &mut template.request;
    for (name, value) in fields {
        match name.as_str() {
            "tag" => request.tag = Some(int32_of(value)),
            "verb" => request.verb = Some(verb_of(value)),
            "path" => request.path = Some(path_of(value)),
            "value_hex" => request.value = Some(bytes_of_hex(&text_of(value))),
            "other_tag" => request.other_tag = Some(int32_of(value)),
            "offset" => request.offset = Some(int32_of(value)),
            "rev" => {
                template.relative = value.is_object();
                request.rev = Some(relative_of(value, 0));
            }
            other => panic!("a request has no field {other}"),
        }
    }
    template
}

/// A number, or one relative to `base`.
pub fn relative_of(value: &Value, base: i64) -> i64 {
    let number = |value: &Value| {
        value
            .as_i64()
            .unwrap_or_else(|| panic!("{value} is no number"))
    };
    value
        .get("base+")
        .map_or_else(|| number(value), |offset| base + number(offset))
}

/// A path as text, or as `{"hex": …}` where it is not UTF-8.
pub fn path_of(value: &Value) -> Vec<u8> {
    let as_hex = value.get("hex").map(|hex| bytes_of_hex(&text_of(hex)));
    as_hex.unwrap_or_else(|| text_of(value).into_bytes())
}

/// The bytes that `hex` spells.
pub fn bytes_of_hex(hex: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn verb_of(value: &Value) -> i32 {
    match value.as_str() {
        None => int32_of(value),
        Some("GET") => verb::GET,
        Some("SET") => verb::SET,
        Some("DEL") => verb::DEL,
        Some("REV") => verb::REV,
        Some("WAIT") => verb::WAIT,
        Some("NOP") => verb::NOP,
        Some("WALK") => verb::WALK,
        Some("GETDIR") => verb::GETDIR,
        Some("STAT") => verb::STAT,
        Some("SELF") => verb::SELF,
        Some("ACCESS") => verb::ACCESS,
        Some(other) => panic!("no verb {other}"),
    }
}

fn int32_of(value: &Value) -> i32 {
    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
    number.unwrap_or_else(|| panic!("{value} is no int32"))
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recorded_request_is_read() {
        let scripts = all();
        let is_request =
            |step: &&Step| matches!(step.action, Action::Send(_) | Action::SendMessage(_));
        let requests = scripts
            .iter()
            .flat_map(|script| &script.steps)
            .filter(is_request)
            .count();
        assert_eq!((scripts.len(), requests), (12, 499));
    }

    #[test]
    fn a_relative_revision_is_counted_from_the_base() {
        let line = serde_json::json!({"verb": "GET", "path": {"hex": "2fff"}, "rev": {"base+": 3}});
        let request = template(line.as_object().expect("an object")).at(100);
        assert_eq!(
            (request.rev, request.path),
            (Some(103), Some(b"/\xff".to_vec()))
        );
    }
}
