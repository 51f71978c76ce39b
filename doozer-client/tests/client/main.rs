//! The client against a server that follows a script.

#[cfg(test)]
mod dzns;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod walk;
#[cfg(test)]
mod watch;
