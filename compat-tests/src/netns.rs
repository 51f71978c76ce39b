//! Nodes in network namespaces of their own, on one bridge, and faults on the wires between them.
//!
//! The bridge is in a namespace too, the hub, which the test's thread enters: the machine's own
//! network is not touched. A wire is cut by a token bucket that is smaller than any packet, which
//! needs iproute2 alone. Loss and delay are netem's; where the kernel has none, a small program
//! passes the frames on instead.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::binaries;

/// How long a namespace takes to have its addresses up.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// What is wrong with one node's wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFault {
    /// Nothing passes.
    Cut,
    /// Nothing reaches the node.
    Deaf,
    /// Nothing leaves the node.
    Mute,
    /// Of 100 packets each way so many are lost.
    Loss(u32),
    /// What leaves the node comes so much later.
    Delay(Duration),
}

/// A hub and the places around it; all of it goes when this is dropped.
#[derive(Debug)]
pub struct Network {
    name: String,
    places: usize,
    has_netem: bool,
    relays: Mutex<Vec<(usize, Child)>>,
}

/// While it lives the thread that made it is in another namespace.
#[derive(Debug)]
pub struct Inside {
    before: File,
}

impl Network {
    /// A network with `places`; an error with the reason where the machine forbids it.
    pub fn new(places: usize) -> Result<Arc<Self>, String> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut network = Self {
            name: format!("doozer-{}-{number}", std::process::id()),
            places,
            has_netem: false,
            relays: Mutex::new(Vec::new()),
        };
        network.build()?;
        network.has_netem = network.try_netem();
        Ok(Arc::new(network))
    }

    /// [`Self::new`]; prints why when there is none, for a test that is then left out.
    #[expect(clippy::print_stdout, reason = "a test says that it was left out")]
    pub fn try_new(places: usize) -> Option<Arc<Self>> {
        let network = Self::new(places);
        if let Err(reason) = &network {
            println!("left out: no network namespaces here: {reason}");
        }
        network.ok()
    }

    pub fn places(&self) -> usize {
        self.places
    }

    /// The namespace of one place.
    pub fn name(&self, place: usize) -> String {
        format!("{}-{place}", self.name)
    }

    /// The address of one place.
    pub fn host(&self, place: usize) -> String {
        format!("10.77.0.{}", place + 1)
    }

    /// Takes the calling thread, and those it starts from now on, into the hub.
    pub fn enter(&self) -> Inside {
        Inside::new(&self.name)
    }

    /// Takes the calling thread, and those it starts from now on, to the place.
    pub fn enter_place(&self, place: usize) -> Inside {
        Inside::new(&self.name(place))
    }

    /// Puts `fault` on the wire of `place`, in place of any other.
    pub fn break_wire(&self, place: usize, fault: WireFault) -> Result<(), String> {
        self.heal(place);
        match fault {
            WireFault::Cut => {
                self.shape_in(place, CLOSED)?;
                self.shape_out(place, CLOSED)
            }
            WireFault::Deaf => self.shape_in(place, CLOSED),
            WireFault::Mute => self.shape_out(place, CLOSED),
            WireFault::Loss(percent) if self.has_netem => {
                let loss = format!("{percent}%");
                self.shape_in(place, &["netem", "loss", &loss])?;
                self.shape_out(place, &["netem", "loss", &loss])
            }
            WireFault::Delay(delay) if self.has_netem => {
                let delay = format!("{}ms", delay.as_millis());
                self.shape_out(place, &["netem", "delay", &delay])
            }
            WireFault::Loss(percent) => self.relay(place, percent, Duration::ZERO),
            WireFault::Delay(delay) => self.relay(place, 0, delay),
        }
    }

    /// Makes the wire of `place` whole.
    pub fn heal(&self, place: usize) {
        // There may be nothing to take away.
        drop(tc(&self.name, &["del", "dev", &port(place), "root"]));
        drop(tc(&self.name(place), &["del", "dev", "eth0", "root"]));
        let mut relays = self.relays.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(index) = relays.iter().position(|(of, _)| *of == place) {
            let (_, mut relay) = relays.swap_remove(index);
            end(&mut relay);
            drop(self.ip_link(&["del", &inner(place)]));
            self.ip_link(&["set", &port(place), "master", "bridge"])
                .expect("a port back on its bridge");
        }
    }

    /// True if the kernel can lose and delay packets by itself.
    pub fn has_netem(&self) -> bool {
        self.has_netem
    }

    fn build(&self) -> Result<(), String> {
        run("ip", &["netns", "add", &self.name])?;
        up(&self.name, "lo")?;
        self.ip_link(&["add", "bridge", "type", "bridge", "forward_delay", "0"])?;
        run(
            "ip",
            &[
                "-n",
                &self.name,
                "addr",
                "add",
                "10.77.0.254/24",
                "dev",
                "bridge",
            ],
        )?;
        up(&self.name, "bridge")?;
        // A port beside the bridge must not answer for it.
        self.exec(&[
            "sh",
            "-c",
            "echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore",
        ])?;
        for place in 0..self.places {
            self.build_place(place)?;
        }
        self.await_settled()
    }

    fn build_place(&self, place: usize) -> Result<(), String> {
        let (name, port) = (self.name(place), port(place));
        run("ip", &["netns", "add", &name])?;
        up(&name, "lo")?;
        self.ip_link(&[
            "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &name,
        ])?;
        let addr = format!("{}/24", self.host(place));
        run("ip", &["-n", &name, "addr", "add", &addr, "dev", "eth0"])?;
        up(&name, "eth0")?;
        self.ip_link(&["set", &port, "promisc", "on", "master", "bridge"])?;
        up(&self.name, &port)
    }

    fn await_settled(&self) -> Result<(), String> {
        let seconds = SETTLED_WITHIN.as_secs().to_string();
        for place in 0..self.places {
            let inside = self.enter_place(place);
            let listener = std::net::TcpListener::bind((self.host(place), 0));
            drop(inside);
            let listener = listener.map_err(|error| error.to_string())?;
            let addr = listener.local_addr().map_err(|error| error.to_string())?;
            let inside = self.enter();
            let reached = std::net::TcpStream::connect_timeout(&addr, SETTLED_WITHIN);
            drop(inside);
            reached.map_err(|error| format!("no way to {addr} in {seconds} s: {error}"))?;
        }
        Ok(())
    }

    fn try_netem(&self) -> bool {
        if self.places == 0 {
            return false;
        }
        let works = self.shape_in(0, &["netem", "loss", "0%"]).is_ok();
        self.heal(0);
        works
    }

    fn ip_link(&self, arguments: &[&str]) -> Result<(), String> {
        run("ip", &[&["-n", &self.name, "link"], arguments].concat())
    }

    fn exec(&self, command: &[&str]) -> Result<(), String> {
        run("ip", &[&["netns", "exec", &self.name], command].concat())
    }

    /// Shapes what goes to the node.
    fn shape_in(&self, place: usize, shape: &[&str]) -> Result<(), String> {
        let device = port(place);
        tc(
            &self.name,
            &[&["replace", "dev", &device, "root"], shape].concat(),
        )
    }

    /// Shapes what comes from the node.
    fn shape_out(&self, place: usize, shape: &[&str]) -> Result<(), String> {
        let name = self.name(place);
        tc(
            &name,
            &[&["replace", "dev", "eth0", "root"], shape].concat(),
        )
    }

    /// Lets a program pass the frames on between the port and the bridge. It is ready before the
    /// port is taken off the bridge: until then no frame is lost.
    fn relay(&self, place: usize, percent: u32, delay: Duration) -> Result<(), String> {
        let (port, inner, outer) = (port(place), inner(place), format!("outer{place}"));
        self.ip_link(&["add", &inner, "type", "veth", "peer", "name", &outer])?;
        self.ip_link(&["set", &inner, "promisc", "on", "up"])?;
        self.ip_link(&["set", &outer, "up"])?;
        let program = binaries::package_folder().join("python/relay.py");
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.name, "python3"])
            .arg(program)
            .args([&port, &inner, &percent.to_string()])
            .arg(delay.as_millis().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("no relay without netem: {error}"))?;
        let is_ready = says_something(&mut child);
        let mut relays = self.relays.lock().unwrap_or_else(PoisonError::into_inner);
        relays.push((place, child));
        if !is_ready {
            return Err("no relay without netem: it ended at once".to_owned());
        }
        self.ip_link(&["set", &port, "nomaster"])?;
        self.ip_link(&["set", &outer, "master", "bridge"])
    }
}

/// Waits for the first line of a program, or for its end.
fn says_something(child: &mut Child) -> bool {
    let stdout = child.stdout.take().expect("invariant: it is piped");
    let mut line = String::new();
    let read = BufReader::new(stdout).read_line(&mut line);
    read.is_ok_and(|bytes| bytes > 0)
}

impl Drop for Network {
    fn drop(&mut self) {
        for (_, relay) in self.relays.get_mut().into_iter().flatten() {
            end(relay);
        }
        // Those that were never made cannot be removed.
        for place in 0..self.places {
            drop(run("ip", &["netns", "del", &self.name(place)]));
        }
        drop(run("ip", &["netns", "del", &self.name]));
    }
}

impl Inside {
    fn new(name: &str) -> Self {
        let before = File::open("/proc/thread-self/ns/net").expect("this thread's namespace");
        let path = format!("/run/netns/{name}");
        let namespace = File::open(path).expect("a namespace that was made");
        go(&namespace);
        Self { before }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        go(&self.before);
    }
}

/// No packet fits the bucket, so that each is dropped.
const CLOSED: &[&str] = &["tbf", "rate", "8bit", "burst", "1", "limit", "1"];

fn go(namespace: &File) {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .expect("a namespace that may be entered");
}

fn up(namespace: &str, device: &str) -> Result<(), String> {
    run("ip", &["-n", namespace, "link", "set", device, "up"])
}

fn tc(namespace: &str, arguments: &[&str]) -> Result<(), String> {
    run("tc", &[&["-n", namespace, "qdisc"], arguments].concat())
}

fn port(place: usize) -> String {
    format!("port{place}")
}

fn inner(place: usize) -> String {
    format!("inner{place}")
}

fn end(child: &mut Child) {
    // Both fail only when it has ended already.
    drop(child.kill());
    drop(child.wait());
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let shown = || format!("{program} {}", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{}: {error}", shown()))?;
    let error = String::from_utf8_lossy(&output.stderr);
    let error = error.trim();
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{}: {error}", shown()))
    }
}
