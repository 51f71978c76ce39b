//! The machines that nodes run on: each with a disk and a clock of its own, which outlive the node.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::rc::Rc;
use std::time::Duration;

use doozerd::args::{self, Config, Parsed};
use doozerd::net;
use doozerd::node::{self, Signals, Start, Threads};
use doozerd::storage::{Disk, Place, Unsynced};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use turmoil::Sim;

/// The port of every node.
const PORT: u16 = 8046;

/// What nodes are started with, beside their addresses.
const FLAGS: &[&str] = &[
    "-l",
    "0.0.0.0:8046",
    "-w",
    "false",
    "-hist",
    "500000",
    "-pulse",
    "2",
    "-timeout",
    "3",
    "--proposal-timeout",
    "3",
];

/// One machine.
#[derive(Debug)]
pub(crate) struct Machine {
    /// What the simulator knows it by.
    pub(crate) name: String,
    /// Whether a node runs on it, or shall.
    pub(crate) is_on: Cell<bool>,
    disk: RefCell<Disk>,
    /// Stops the node as an operator would.
    stop: RefCell<CancellationToken>,
    jump: Cell<Duration>,
    jumps: Notify,
    /// What all nodes are told to attach to.
    addrs: Rc<[String]>,
}

impl Machine {
    /// The machines of a cluster, and the addresses of their nodes.
    pub(crate) fn all(count: usize) -> (Vec<Rc<Self>>, Rc<[String]>) {
        let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
        let addrs: Rc<[String]> = names.iter().map(|name| format!("{name}:{PORT}")).collect();
        let machine = |name| {
            Rc::new(Self {
                name,
                is_on: Cell::new(true),
                disk: RefCell::default(),
                stop: RefCell::default(),
                jump: Cell::default(),
                jumps: Notify::new(),
                addrs: Rc::clone(&addrs),
            })
        };
        (names.into_iter().map(machine).collect(), Rc::clone(&addrs))
    }

    /// Gives the machine to the simulator, which starts the node.
    pub(crate) fn join(self: &Rc<Self>, sim: &mut Sim<'_>) {
        let machine = Rc::clone(self);
        sim.host(self.name.clone(), move || {
            let machine = Rc::clone(&machine);
            async move { machine.run().await }
        });
    }

    /// The disk as it is now.
    pub(crate) fn disk(&self) -> Disk {
        self.disk.borrow().clone()
    }

    /// The node is gone at once, and what it had not synced with it, as `unsynced` says.
    pub(crate) fn crash(&self, sim: &mut Sim<'_>, unsynced: Unsynced) {
        let disk = self.disk();
        disk.power_off_after(0);
        let addr = sim.lookup(self.name.clone());
        net::close_in_order(addr, || sim.crash(self.name.clone()));
        *self.disk.borrow_mut() = disk.power_on(unsynced);
        self.is_on.set(false);
    }

    /// All that the machine held is gone.
    pub(crate) fn wipe(&self) {
        *self.disk.borrow_mut() = Disk::default();
    }

    /// Starts the node again.
    pub(crate) fn start(&self, sim: &mut Sim<'_>) {
        self.stop.replace(CancellationToken::new());
        self.is_on.set(true);
        let addr = sim.lookup(self.name.clone());
        net::close_in_order(addr, || sim.bounce(self.name.clone()));
    }

    /// Whether the node was told to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.borrow().is_cancelled()
    }

    /// Tells the node to stop.
    pub(crate) fn stop(&self) {
        self.stop.borrow().cancel();
    }

    /// The node's clock jumps ahead, as if the machine had been suspended.
    pub(crate) fn jump(&self, by: Duration) {
        self.jump.set(by);
        self.jumps.notify_one();
    }

    async fn run(self: Rc<Self>) -> turmoil::Result {
        let disk = self.disk();
        let served = tokio::select! {
            served = self.serve(disk.clone()) => served,
            never = self.keep_jumping() => match never {},
        };
        match served {
            // An error that the disk explains is none of the node's.
            Err(error) if !disk.is_off() && !disk.is_full() => {
                Err(format!("the node on {} ended: {error:#}", self.name).into())
            }
            _ => Ok(()),
        }
    }

    async fn serve(&self, disk: Disk) -> anyhow::Result<()> {
        let stop = self.stop.borrow().clone();
        let mut start = Start::at(self.config()?, Place::Disk(disk)).await?;
        let starting = start.start(Threads::None);
        match stop.run_until_cancelled(starting).await {
            Some(running) => node::serve(running?, Signals::none(), stop).await,
            None => Ok(()),
        }
    }

    async fn keep_jumping(&self) -> std::convert::Infallible {
        loop {
            self.jumps.notified().await;
            tokio::time::advance(self.jump.take()).await;
        }
    }

    fn config(&self) -> anyhow::Result<Config> {
        let mut flags: Vec<OsString> = FLAGS.iter().map(OsString::from).collect();
        let own = format!("{}:{PORT}", self.name);
        flags.extend(["--advertise".into(), own.into()]);
        for addr in self.addrs.iter() {
            flags.extend(["-a".into(), addr.into()]);
        }
        match args::parse(flags.into_iter(), |_name| None)? {
            Parsed::Run(config) => Ok(*config),
            Parsed::Help(text) | Parsed::Version(text) => anyhow::bail!(text),
        }
    }
}
