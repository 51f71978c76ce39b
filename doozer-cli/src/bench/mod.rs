//! `doozer bench`: measures how much a server can do, and how fast it answers.

mod closed_loop;
mod connection;
mod fan_out;
mod load;
mod plan;
mod progress;
mod report;
mod run;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::commands::Call;
use crate::server::{Reach, Server};

use fan_out::Round;
use load::{Load, Workload};
use plan::Plan;
use report::Report;
use run::{Endpoint, Run};
use tally::Tally;

/// Connections that make or delete the files at most.
const FILL_CONNECTIONS_MAX: usize = 8;
/// Requests in flight on each of them.
const FILL_DEPTH: usize = 64;

/// Runs the command.
pub(crate) async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let load = Arc::new(Load::of(call.invocation)?);
    let told = call.invocation.to_string();
    let reach = call.session.reach().await?;
    if reach.options.tls.is_some() {
        bail!("{told}: a benchmark speaks no TLS");
    }
    raise_open_files_limit();
    let stop = CancellationToken::new();
    let _stop_on_drop = stop.clone().drop_guard();
    let report = spawn(told, reach, Arc::clone(&load), stop).await?;
    if load.json {
        call.output.line(serde_json::to_string(&report)?)?;
    } else if call.output.is_text() {
        call.output.line(&report)?;
    } else {
        call.output.one(&report.record())?;
    }
    if report.is_empty() {
        bail!("bench {}: nothing succeeded", load.workload.name());
    }
    Ok(())
}

/// Runs the benchmark on threads of its own, all there are, which the caller's would slow down.
async fn spawn(
    told: String,
    reach: Reach,
    load: Arc<Load>,
    stop: CancellationToken,
) -> anyhow::Result<Report> {
    let on_its_own = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            tokio::select! {
                report = bench(told, reach, &load, &stop) => report,
                () = interrupted_twice(&stop) => Err(anyhow!("interrupted")),
            }
        })
    };
    tokio::task::spawn_blocking(on_its_own).await?
}

/// The first interrupt ends the measuring, the second one everything.
async fn interrupted_twice(stop: &CancellationToken) {
    interrupt().await;
    stop.cancel();
    interrupt().await;
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Nobody will hear of an interrupt, which then ends the program by itself.
        std::future::pending::<()>().await;
    }
}

async fn bench(
    told: String,
    mut reach: Reach,
    load: &Arc<Load>,
    stop: &CancellationToken,
) -> anyhow::Result<Report> {
    // Just the node that is named is measured.
    reach.options.follow_members = false;
    let secret = reach.uri.secret.clone();
    let server = Server::connect(reach).await.context(told)?;
    let rev = server
        .client
        .rev()
        .await
        .map_err(|error| server.name_in(error.into()))?;
    let endpoint = Endpoint {
        addresses: server.client.addresses(),
        secret,
    };
    let bench = Bench {
        load,
        endpoint,
        stop,
    };
    let rev = if load.workload.reads_files() {
        bench.each_file("made", Plan::fill).await?;
        server
            .client
            .rev()
            .await
            .map_err(|error| server.name_in(error.into()))?
    } else {
        rev
    };
    let (tally, took) = bench.measure(rev).await;
    let interrupted = stop.is_cancelled();
    if load.clean {
        bench.clean().await?;
    }
    Ok(Report::new(load, server.address, tally, took).interrupted(interrupted))
}

/// A benchmark on its way.
struct Bench<'a> {
    load: &'a Arc<Load>,
    endpoint: Endpoint,
    stop: &'a CancellationToken,
}

impl Bench<'_> {
    async fn measure(&self, rev: i64) -> (Tally, Duration) {
        if self.load.workload == Workload::Watch {
            return self.measure_fan_out(rev).await;
        }
        let run = Run::begin(self.load, &self.endpoint);
        let mut tasks = JoinSet::new();
        for number in 0..self.load.connections {
            let plan = Plan::measured(Arc::clone(self.load), number, rev);
            tasks.spawn(closed_loop::drive(
                Arc::clone(&run),
                number,
                plan,
                self.load.depth,
            ));
        }
        run.end(tasks, Some(self.load.time), self.stop).await
    }

    async fn measure_fan_out(&self, rev: i64) -> (Tally, Duration) {
        let run = Run::begin(self.load, &self.endpoint);
        let round = Arc::new(Round::new(self.load.connections));
        // Ends with this function: watchers wait for ever.
        let mut watchers = JoinSet::new();
        for number in 0..self.load.connections {
            let watch = fan_out::watch(Arc::clone(&run), number, Arc::clone(&round), rev + 1);
            watchers.spawn(watch);
        }
        let mut tasks = JoinSet::new();
        tasks.spawn(fan_out::set(Arc::clone(&run), round));
        run.end(tasks, Some(self.load.time), self.stop).await
    }

    /// Sends what `plan` makes of each connection's number and their count.
    async fn each_file(
        &self,
        done: &str,
        plan: fn(Arc<Load>, usize, usize) -> Plan,
    ) -> anyhow::Result<()> {
        let run = Run::begin(self.load, &self.endpoint);
        let connections = self.load.connections.min(FILL_CONNECTIONS_MAX);
        let mut tasks = JoinSet::new();
        for number in 0..connections {
            let plan = plan(Arc::clone(self.load), number, connections);
            tasks.spawn(closed_loop::drive(
                Arc::clone(&run),
                number,
                plan,
                FILL_DEPTH,
            ));
        }
        let (tally, _took) = run.end(tasks, None, self.stop).await;
        if self.stop.is_cancelled() {
            bail!("interrupted before the files were {done}");
        }
        if !tally.errors.is_empty() {
            let address = self.endpoint.addresses.join(", ");
            bail!(
                "{address}: the files could not be {done}: {}",
                tally.errors_told()
            );
        }
        Ok(())
    }

    /// Deletes all files, after an interrupt too.
    async fn clean(&self) -> anyhow::Result<()> {
        let stop = &CancellationToken::new();
        let endpoint = self.endpoint.clone();
        let load = self.load;
        let bench = Bench {
            load,
            endpoint,
            stop,
        };
        bench.each_file("deleted", Plan::clean).await
    }
}

/// Many connections need more open files than a process is given at first. That it cannot have
/// them shows when they are opened.
fn raise_open_files_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).ok();
}
