//! GET and STAT, now and at a revision; WALK and GETDIR, a step a request.

use bytes::BytesMut;
use doozer_proto::{FLAG_SET, Reply, Request, Verb};

use super::cursors::{self, Listed, Sought};
use super::dispatch::Conversation;
use super::open::Open;
use super::refused::Refused;
use crate::consensus::ReadAt;
use crate::store::{Found, Glob, Revision, View, WalkStep};

/// Steps of a walk or a listing before others go first.
const STEPS_MAX: u64 = 2048;

impl Conversation {
    pub(super) fn get(&mut self, request: Request, out: &mut BytesMut) -> Result<(), Refused> {
        let path = request.path.as_ref().ok_or(Refused::MissingArg)?;
        if request.rev.is_none() {
            let published = self.server.consensus.published();
            return encode_file(request.tag, &published.view, path, out);
        }
        let Some((request, view)) = self.view_for(request)? else {
            return Ok(());
        };
        let path = request.path.as_deref().unwrap_or_default();
        encode_file(request.tag, &view, path, out)
    }

    pub(super) fn stat(&mut self, request: Request, out: &mut BytesMut) -> Result<(), Refused> {
        let Some((request, view)) = self.view_for(request)? else {
            return Ok(());
        };
        let path = request.path.as_deref().unwrap_or_default();
        let (rev, len) = match view.tree.lookup(path) {
            Found::Missing => (Revision::MISSING, 0),
            Found::File { rev, value } => (rev, value.len()),
            Found::Dir { entries } => (Revision::DIR, entries),
        };
        let len = Some(i32::try_from(len).unwrap_or(i32::MAX));
        Reply {
            tag: request.tag,
            rev: Some(rev.0),
            len,
            ..Reply::default()
        }
        .encode_frame(out);
        Ok(())
    }

    /// Runs a read whose revision has come. A walk or a listing is left to the next round.
    pub(super) fn read_again(&mut self, request: Request, out: &mut BytesMut) {
        let (tag, verb) = (
            request.tag,
            request.verb.and_then(|verb| Verb::try_from(verb).ok()),
        );
        let done = match verb {
            Some(Verb::Get) => self.get(request, out),
            Some(Verb::Stat) => self.stat(request, out),
            _ => {
                self.ready.push_back(request);
                Ok(())
            }
        };
        if let Err(refused) = done {
            refused.encode(tag, out);
        }
    }

    /// Answers a WALK or a GETDIR.
    pub(super) async fn browse(&mut self, request: Request, out: &mut BytesMut) {
        let tag = request.tag;
        let done = if request.verb == Some(Verb::Walk.into()) {
            self.walk(request, out).await
        } else {
            self.getdir(request, out).await
        };
        if let Err(refused) = done {
            refused.encode(tag, out);
        }
    }

    async fn walk(&mut self, request: Request, out: &mut BytesMut) -> Result<(), Refused> {
        let path = request.path.clone().ok_or(Refused::MissingArg)?;
        let offset = request.offset.ok_or(Refused::MissingArg)?;
        let glob = Glob::parse(&path).map_err(|_invalid| Refused::BadGlob(path.to_vec()))?;
        let offset = u64::try_from(offset).map_err(|_negative| Refused::Range)?;
        let sought = Sought {
            path,
            rev: request.rev,
        };
        let mut cursor = match self.walk_under_way(&sought, &glob) {
            Some(cursor) => cursor,
            None => match self.view_for(request.clone())? {
                Some((_, view)) => cursors::Walk::new(&sought, glob, &view),
                None => return Ok(()),
            },
        };
        let item = loop {
            match cursor.seek(offset, STEPS_MAX) {
                WalkStep::Item(item) => break Some(item),
                WalkStep::End => break None,
                WalkStep::More => tokio::task::yield_now().await,
            }
        };
        self.keep(|cursors| cursors.keep_walk(cursor));
        let item = item.ok_or(Refused::Range)?;
        Reply {
            tag: request.tag,
            flags: Some(FLAG_SET),
            rev: Some(item.rev.0),
            path: Some(item.path.as_bytes()),
            value: Some(&item.value),
            ..Reply::default()
        }
        .encode_frame(out);
        Ok(())
    }

    async fn getdir(&mut self, request: Request, out: &mut BytesMut) -> Result<(), Refused> {
        let path = request.path.clone().ok_or(Refused::MissingArg)?;
        let offset = request.offset.ok_or(Refused::MissingArg)?;
        let sought = Sought {
            path,
            rev: request.rev,
        };
        let mut cursor = match self.listing_under_way(&sought) {
            Some(cursor) => cursor,
            None => match self.view_for(request.clone())? {
                Some((_, view)) => cursors::Listing::open(&sought, &view)?,
                None => return Ok(()),
            },
        };
        let offset = u64::try_from(offset).map_err(|_negative| Refused::Range)?;
        let name = loop {
            match cursor.seek(offset, STEPS_MAX) {
                Listed::Name(name) => break Some(name),
                Listed::End => break None,
                Listed::More => tokio::task::yield_now().await,
            }
        };
        self.keep(|cursors| cursors.keep_listing(cursor));
        let name = name.ok_or(Refused::Range)?;
        let path = Some(name.as_bytes());
        Reply {
            tag: request.tag,
            path,
            ..Reply::default()
        }
        .encode_frame(out);
        Ok(())
    }

    /// The view that a read wants. Nothing when it is still to come: the request then waits for it.
    fn view_for(&mut self, request: Request) -> Result<Option<(Request, View)>, Refused> {
        let Some(rev) = request.rev else {
            let view = self.server.consensus.published().view.clone();
            return Ok(Some((request, view)));
        };
        let rev = Revision(rev);
        loop {
            match self.server.consensus.read_at(rev) {
                ReadAt::View(view) => return Ok(Some((request, view))),
                ReadAt::TooLate => return Err(Refused::TooLate),
                ReadAt::ToCome => {}
            }
            let read = Open::Read {
                request: Box::new(request.clone()),
                key: None,
            };
            let ticket = self.insert_waiter(read)?;
            match self.server.consensus.wait_for(rev, self.sink(), ticket) {
                Some(key) => {
                    self.open.set_key(ticket, key);
                    return Ok(None);
                }
                // It has come in between.
                None => drop(self.take(ticket)),
            }
        }
    }
}

fn encode_file(
    tag: Option<i32>,
    view: &View,
    path: &[u8],
    out: &mut BytesMut,
) -> Result<(), Refused> {
    let (rev, value): (_, &[u8]) = match view.tree.lookup(path) {
        Found::Missing => (Revision::MISSING, &[]),
        Found::File { rev, value } => (rev, value),
        Found::Dir { .. } => return Err(Refused::IsDir),
    };
    let reply = Reply {
        tag,
        rev: Some(rev.0),
        value: Some(value),
        ..Reply::default()
    };
    reply.encode_frame(out);
    Ok(())
}
