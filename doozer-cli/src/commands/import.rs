//! `import`: writes a document's files to the store.

use super::{Call, Command};
use crate::tree::asked;
use crate::tree::plan::Terms;

pub(super) const COMMAND: Command = Command {
    name: "import",
    arguments: &["[FILE]"],
    summary: "Write the files of a document to the store",
    details:
        "FILE may also be given with -f; without, standard input is read, as JSON lines unless --as.
The document is read and checked whole before anything is written. Files that are there
with the same value are left as they are; one with another value ends it before it begins,
unless --force. `apply` shows what differs, and can delete.",
    options: &[asked::FILE, asked::AS, asked::AT, asked::FORCE, asked::CTL],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call<'_>) -> anyhow::Result<()> {
    let typed = call.invocation.words.first().map(String::as_str);
    let place = typed.or(call.invocation.flags.text("f")).unwrap_or("-");
    let document = asked::document(&mut call, place).await?;
    let server = call.session.server().await?;
    let terms = Terms {
        overwrite: call.invocation.flags.is_on("force"),
        prune: false,
        ctl: false,
    };
    let plan = asked::plan(call.session, &server, &document, terms).await?;
    let outcome = asked::carry_out(call.session, &server, &plan, "import").await?;
    asked::print_counts(outcome.counts, call.output)
}
