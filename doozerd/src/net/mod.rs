//! Sockets: the system's, or in a simulation the simulator's.

#[cfg(not(feature = "simulation"))]
pub use real::*;
#[cfg(feature = "simulation")]
pub use simulated::*;

#[cfg(feature = "simulation")]
mod simulated;

#[cfg(not(feature = "simulation"))]
mod real {
    use std::io;
    use std::net::SocketAddr;
    use std::time::Duration;

    use rustix::net::sockopt;
    use tokio::net::lookup_host;
    pub use tokio::net::{TcpListener, TcpStream};

    /// Silence after which the system asks whether a client's machine is still there.
    const CLIENT_KEEPALIVE_AFTER: Duration = Duration::from_mins(2);
    /// The same of another node.
    const PEER_KEEPALIVE_AFTER: Duration = Duration::from_secs(5);
    /// Between two such questions to a node, and how many may go unanswered.
    const PEER_KEEPALIVE_EVERY: Duration = Duration::from_secs(1);
    const PEER_KEEPALIVES: u32 = 3;
    /// How long what was sent to a node may go without the system's acknowledgement: a connection
    /// that a network fault has hit is given up before its retransmissions grow rare.
    const PEER_UNACKNOWLEDGED_MILLIS: u32 = 2_000;

    /// Listens at HOST:PORT. Of a host with several addresses an IPv4 one comes first, as for the
    /// original: its clients dial 127.0.0.1 where localhost is `::1` before.
    pub async fn listen(address: &str) -> io::Result<TcpListener> {
        let mut found: Vec<SocketAddr> = lookup_host(address).await?.collect();
        in_order(&mut found);
        TcpListener::bind(&found[..]).await
    }

    fn in_order(found: &mut [SocketAddr]) {
        found.sort_by_key(SocketAddr::is_ipv6);
    }

    /// Answers leave at once; a client whose machine is gone is noticed in the end.
    pub fn prepare_client(stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        sockopt::set_socket_keepalive(stream, true)?;
        sockopt::set_tcp_keepidle(stream, CLIENT_KEEPALIVE_AFTER)?;
        Ok(())
    }

    /// As for a client, but a node that is gone is noticed within seconds.
    pub fn prepare_peer(stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        sockopt::set_socket_keepalive(stream, true)?;
        sockopt::set_tcp_keepidle(stream, PEER_KEEPALIVE_AFTER)?;
        sockopt::set_tcp_keepintvl(stream, PEER_KEEPALIVE_EVERY)?;
        sockopt::set_tcp_keepcnt(stream, PEER_KEEPALIVES)?;
        sockopt::set_tcp_user_timeout(stream, PEER_UNACKNOWLEDGED_MILLIS)?;
        Ok(())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn ipv4_comes_first_and_the_order_stays_otherwise() {
            let addrs = |text: &str| -> Vec<SocketAddr> {
                let parsed = text.split(' ').map(str::parse);
                parsed.map(Result::unwrap).collect()
            };
            let mut found = addrs("[::2]:1 2.0.0.0:1 [::1]:1 1.0.0.0:1");
            in_order(&mut found);
            assert_eq!(found, addrs("2.0.0.0:1 1.0.0.0:1 [::2]:1 [::1]:1"));
        }
    }
}
