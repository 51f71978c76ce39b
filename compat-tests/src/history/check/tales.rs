//! Every node tells every revision, and all tell the same.

use std::collections::HashMap;

use super::{Fault, Findings};
use crate::history::Event;
use crate::history::tale::Tale;

pub(super) fn check(tales: &[Tale], found: &mut Findings) {
    for tale in tales {
        check_whole(tale, found);
    }
    if let Some((one, others)) = tales.split_first() {
        for other in others {
            check_equal(one, other, found);
        }
    }
}

fn check_whole(tale: &Tale, found: &mut Findings) {
    for (want, (rev, _)) in (tale.first..).zip(&tale.events) {
        if *rev != want {
            let what = format!("{} tells {rev} where {want} should be", tale.node);
            return found.add(Fault::MissingRevision, what);
        }
    }
}

fn check_equal(one: &Tale, other: &Tale, found: &mut Findings) {
    let told: HashMap<i64, &Event> = one
        .events
        .iter()
        .map(|(rev, event)| (*rev, event))
        .collect();
    for (rev, event) in &other.events {
        if let Some(same) = told.get(rev).filter(|same| **same != event) {
            let what = format!(
                "at {rev} {} has {same:?} and {} has {event:?}",
                one.node, other.node
            );
            return found.add(Fault::NodesDiffer, what);
        }
    }
    let newest = |tale: &Tale| tale.events.last().map(|(rev, _)| *rev);
    if newest(one) != newest(other) {
        let what = format!(
            "{} ends at {:?} and {} at {:?}",
            one.node,
            newest(one),
            other.node,
            newest(other)
        );
        found.add(Fault::NodesDiffer, what);
    }
}
