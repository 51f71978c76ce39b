//! The history as one node tells it.

use std::io::{Error, Result};

use super::Event;
use crate::connection::Connection;
use crate::wire::{Request, Response, verb};

/// Requests outstanding while a history is read.
const READ_AHEAD: i64 = 100;

/// Every event from `first` on, as one node told it, in the order of what was asked for.
#[derive(Clone, Debug)]
pub struct Tale {
    /// Which node, for what is shown.
    pub node: String,
    pub first: i64,
    /// With the revisions that the node gave them.
    pub events: Vec<(i64, Event)>,
}

impl Tale {
    /// Asks the node at `addr` for what happened from `first` up to `last`, waiting for what it
    /// has not applied yet.
    pub fn read(addr: &str, first: i64, last: i64) -> Result<Self> {
        let mut connection = Connection::open(addr)?;
        let mut told = Vec::new();
        let (mut next, mut read) = (first, first);
        while read <= last {
            while next <= last && next < read + READ_AHEAD {
                let tag = i32::try_from(next - first).map_err(Error::other)?;
                connection.send(&Request::wait("/**", next).tag(tag))?;
                next += 1;
            }
            told.push(numbered(&connection.response()?)?);
            read += 1;
        }
        told.sort_by_key(|(tag, _, _)| *tag);
        let events = told.into_iter().map(|(_, rev, event)| (rev, event));
        Ok(Self {
            node: addr.to_owned(),
            first,
            events: events.collect(),
        })
    }

    /// The same history from each of `addrs`, up to the newest revision of any of them.
    pub fn read_all(addrs: &[String], first: i64) -> Result<Vec<Self>> {
        let mut newest = 0;
        for addr in addrs {
            let answer = Connection::open(addr)?.ask(&Request::new(verb::REV))?;
            newest = newest.max(answer.rev.unwrap_or_default());
        }
        let read = |addr: &String| Self::read(addr, first, newest);
        addrs.iter().map(read).collect()
    }
}

fn numbered(answer: &Response) -> Result<(i32, i64, Event)> {
    let (Some(tag), Some(rev), None) = (answer.tag, answer.rev, answer.err_code) else {
        return Err(Error::other(format!("no event of the past: {answer:?}")));
    };
    Ok((tag, rev, Event::of(answer)))
}
