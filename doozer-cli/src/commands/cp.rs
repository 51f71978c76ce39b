//! `cp FROM TO`: copies a file or a tree.

use super::{Call, Command};
use crate::tree::asked;
use crate::tree::transfer::Transfer;

pub(super) const COMMAND: Command = Command {
    name: "cp",
    arguments: &["FROM", "TO"],
    summary: "Copy a file or a tree, to another cluster too",
    details:
        "Each is a PATH or CLUSTER:/PATH, where CLUSTER is a profile or a doozer: URI. TO is the path
of the copy; ending with a slash, the directory to copy into. Files that are there with the
same value are left as they are; one with another value ends it before it begins, unless
--force. With -r, what was there at that revision.",
    options: &[asked::FORCE, asked::CTL],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let transfer = Transfer::read(&call).await?;
    let (_plan, outcome) = transfer.copy(&call).await?;
    asked::print_counts(outcome.counts, call.output)
}
