//! `mv FROM TO`: moves a file or a tree.

use anyhow::ensure;

use super::{Call, Command};
use crate::tree::plan::Counts;
use crate::tree::transfer::Transfer;
use crate::tree::{asked, verify};

pub(super) const COMMAND: Command = Command {
    name: "mv",
    arguments: &["FROM", "TO"],
    summary: "Move a file or a tree, to another cluster too",
    details:
        "As `cp`; then looks that all of the copy is there, and deletes each file of the source if it
still is at the revision that was copied. One that was changed meanwhile stays, and the exit
status is 1. The same again goes on where it was interrupted.",
    options: &[asked::FORCE, asked::CTL],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    ensure!(
        call.invocation.rev.is_none(),
        "what was there at a revision cannot be moved: cp copies it"
    );
    let transfer = Transfer::read(&call).await?;
    transfer.check_apart().await?;
    let (plan, copied) = transfer.copy(&call).await?;
    let left = verify::left_by(&plan, &copied);
    asked::verify(
        call.session,
        &transfer.to.server,
        left,
        "nothing was deleted",
    )
    .await?;
    let deleted = transfer.delete_source(&call).await?;
    let counts = Counts {
        deleted: deleted.deleted,
        ..copied.counts
    };
    asked::print_counts(counts, call.output)
}
