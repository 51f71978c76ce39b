//! `completions SHELL`: prints a script that completes command lines of this program.

use super::{Call, Command};
use crate::args::UsageError;

pub(super) const COMMAND: Command = Command {
    name: "completions",
    arguments: &["bash|zsh|fish"],
    summary: "Print a script that makes a shell complete commands and paths",
    details: "For one shell: `source <(doozer completions bash)`, and likewise for zsh;
`doozer completions fish | source`. For all to come: put that line into ~/.bashrc, ~/.zshrc behind
compinit, or ~/.config/fish/config.fish. Paths are completed by asking the server that the command
line, the environment or the profile names; without an answer in half a second there are none.",
    options: &[],
    formats: false,
    run: |mut call| Box::pin(async move { print(&mut call) }),
};

fn print(call: &mut Call<'_>) -> anyhow::Result<()> {
    let script = match call.invocation.word(0) {
        "bash" => include_str!("completions/doozer.bash"),
        "zsh" => include_str!("completions/doozer.zsh"),
        "fish" => include_str!("completions/doozer.fish"),
        typed => {
            return Err(UsageError::Argument {
                typed: typed.to_owned(),
                wanted: "bash, zsh or fish",
            }
            .into());
        }
    };
    Ok(call.output.bytes(script.as_bytes())?)
}
