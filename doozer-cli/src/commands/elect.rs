//! `elect PATH -- CMD`: runs a command while this program is the leader, which a file tells.

use bytes::Bytes;

use super::{Call, Command, lock};
use crate::args::Flag;
use crate::hold::{Value, hostname};

const VALUE: Flag = Flag {
    name: "value",
    value: Some("VALUE"),
    help: "What the file holds while this one leads, as its address (this machine's name)",
};

pub(super) const COMMAND: Command = Command {
    name: "elect",
    arguments: &["PATH", "-- CMD..."],
    summary: "Run a command while being the elected leader",
    details:
        "Stands for election until no other program leads, and runs CMD. The file PATH holds VALUE, and
nothing else, while this program leads: others find the leader there, and `watch PATH` tells
when another one leads. All else is as with `lock`: when CMD ends, the file is deleted and
another program leads; when it is lost, CMD is ended.

All candidates must use the same --ttl, as VALUE does not tell it.",
    options: &[VALUE, lock::TTL, lock::WAIT],
    formats: false,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let typed = call.invocation.flags.text(VALUE.name);
    let value = typed.map_or_else(hostname, str::to_owned);
    lock::hold_for_child(call, Value::Plain(Bytes::from(value))).await
}
