//! Snapshots that are damaged, or that make no sense.

use doozer_proto::peer::{self, snapshot_frame::Kind};
use proptest::prelude::*;
use prost::Message;

use super::*;

fn example() -> Store {
    let mut rig = Rig::new();
    for n in 0..20 {
        rig.set(&format!("/d{}/f{n}", n % 3), 0, &n.to_string());
    }
    rig.set("/d0/f0", 0, "refused");
    rig.del("/d1/f1", -1);
    rig.nop();
    rig.store.trim(&HistoryLimits {
        revisions: 8,
        bytes: u64::MAX,
    });
    rig.store
}

fn frames() -> Vec<Kind> {
    let kind = |body: Vec<u8>| {
        peer::SnapshotFrame::decode(&body[..])
            .unwrap()
            .kind
            .unwrap()
    };
    example().snapshot().map(kind).collect()
}

fn restore(frames: Vec<Kind>) -> Result<Store, SnapshotError> {
    let mut sink = SnapshotSink::new();
    for kind in frames {
        sink.frame(&peer::SnapshotFrame { kind: Some(kind) }.encode_to_vec())?;
    }
    sink.finish()
}

fn check_refused(change: impl Fn(&mut Vec<Kind>), expected: &str) {
    let mut frames = frames();
    change(&mut frames);
    assert_eq!(restore(frames).unwrap_err().to_string(), expected);
}

fn header(frames: &mut [Kind]) -> &mut peer::SnapshotHeader {
    frames
        .iter_mut()
        .find_map(|frame| {
            if let Kind::Header(header) = frame {
                Some(header)
            } else {
                None
            }
        })
        .unwrap()
}

fn files(frames: &mut [Kind]) -> &mut Vec<peer::SnapshotFile> {
    frames
        .iter_mut()
        .find_map(|frame| {
            if let Kind::Files(files) = frame {
                Some(&mut files.file)
            } else {
                None
            }
        })
        .unwrap()
}

fn events(frames: &mut [Kind]) -> &mut peer::SnapshotEvents {
    frames
        .iter_mut()
        .find_map(|frame| {
            if let Kind::Events(events) = frame {
                Some(events)
            } else {
                None
            }
        })
        .unwrap()
}

fn session(frames: &mut [Kind]) -> &mut peer::Session {
    frames
        .iter_mut()
        .find_map(|frame| {
            if let Kind::Sessions(all) = frame {
                Some(&mut all.session[0])
            } else {
                None
            }
        })
        .unwrap()
}

#[test]
fn a_snapshot_holds_the_history() {
    let store = example();
    let copy = restored(&store);
    assert_eq!(copy.rev(), Revision(23));
    assert_eq!(copy.history().oldest(), Revision(16));
    let all = glob("/**");
    for rev in 16..=23 {
        let found = store.history().search(&all, Revision(rev), 1);
        assert_eq!(copy.history().search(&all, Revision(rev), 1), found);
    }
}

#[test]
fn an_empty_store_has_a_snapshot() {
    let copy = restored(&Store::new());
    assert_eq!(copy.rev(), Revision(0));
    assert_eq!(copy.history().oldest(), Revision(1));
    assert_eq!(copy.view().tree.files(), 0);
}

#[test]
fn a_store_whose_history_was_cut_has_a_snapshot() {
    let mut frames = frames();
    let events_at = frames
        .iter()
        .position(|frame| matches!(frame, Kind::Events(_)))
        .unwrap();
    frames.remove(events_at);
    header(&mut frames).rev = 100;
    header(&mut frames).oldest = 101;
    let Some(Kind::Footer(footer)) = frames.last_mut() else {
        panic!("the footer is last");
    };
    footer.events = 0;
    let mut store = restore(frames).unwrap();
    assert_eq!(
        store.history().search(&glob("/**"), Revision(100), 1),
        Search::TooLate
    );
    assert_eq!(restored(&store).history().oldest(), Revision(101));
    store.trim(&HistoryLimits {
        revisions: 0,
        bytes: 0,
    });
    assert_eq!(store.rev(), Revision(100));
}

#[test]
fn large_stores_have_many_frames() {
    let mut rig = Rig::new();
    for n in 0..300 {
        rig.set(&format!("/f{n}"), 0, &"x".repeat(10_000));
    }
    let frames: Vec<Vec<u8>> = rig.store.snapshot().collect();
    assert!(frames.len() > 10, "{}", frames.len());
    assert!(
        frames
            .iter()
            .all(|frame| frame.len() < SNAPSHOT_FRAME_BYTES + 16_384)
    );
    assert_eq!(restored(&rig.store).view().tree.files(), 300);
}

#[test]
fn frames_come_in_one_order() {
    check_refused(|frames| drop(frames.remove(0)), "a frame is out of place");
    check_refused(|frames| frames.swap(1, 2), "a frame is out of place");
    check_refused(|frames| frames.swap(0, 1), "a frame is out of place");
    let twice = |frames: &mut Vec<Kind>| frames.insert(0, frames[0].clone());
    check_refused(twice, "a frame is out of place");
    let after_the_end = |frames: &mut Vec<Kind>| frames.push(frames[3].clone());
    check_refused(after_the_end, "a frame is out of place");
}

#[test]
fn what_is_missing_is_noticed() {
    check_refused(|frames| drop(frames.pop()), "the end is missing");
    check_refused(Vec::clear, "the end is missing");
    check_refused(
        |frames| drop(files(frames).pop()),
        "15 files and 8 events are not what the end says",
    );
    let without_event = |frames: &mut Vec<Kind>| drop(events(frames).event.pop());
    check_refused(
        without_event,
        "event of revision 23 is out of order or makes no sense",
    );
}

#[test]
fn a_header_that_makes_no_sense_is_refused() {
    check_refused(
        |frames| header(frames).version = 2,
        "version 2 is not known",
    );
    for (oldest, rev) in [
        (0, 23),
        (25, 23),
        (1, -1),
        (i64::MIN, i64::MAX),
        (1, i64::MAX),
    ] {
        let change = |frames: &mut Vec<Kind>| {
            header(frames).oldest = oldest;
            header(frames).rev = rev;
        };
        check_refused(
            change,
            &format!("revisions {oldest} to {rev} make no sense"),
        );
    }
}

#[test]
fn files_that_make_no_sense_are_refused() {
    check_refused(
        |frames| files(frames).swap(3, 4),
        "file /d0/f3 is out of order",
    );
    let twice = |frames: &mut Vec<Kind>| files(frames)[1] = files(frames)[0].clone();
    check_refused(twice, "file /d0/f0 is out of order");
    let future = |frames: &mut Vec<Kind>| files(frames)[0].rev = 17;
    check_refused(future, "file /d0/f0 is out of order");
    let invalid = |frames: &mut Vec<Kind>| files(frames)[0].path = Bytes::from_static(b"/_");
    check_refused(invalid, "file or event without a valid path");
    let below_a_file = |frames: &mut Vec<Kind>| {
        files(frames)[1].path = Bytes::from_static(b"/d0/f0/x");
    };
    check_refused(below_a_file, "file /d0/f15 is out of order");
    let last_below_a_file = |frames: &mut Vec<Kind>| {
        let files = files(frames);
        let [.., file, last] = &mut files[..] else {
            panic!("there are files");
        };
        last.path = [&file.path[..], b"/x"].concat().into();
    };
    check_refused(last_below_a_file, "the last directory is out of order");
}

#[test]
fn events_that_make_no_sense_are_refused() {
    let wrong = "event of revision 16 is out of order or makes no sense";
    check_refused(
        |frames| events(frames).first = 17,
        "event of revision 17 is out of order or makes no sense",
    );
    check_refused(|frames| events(frames).event[0].kind = 7, wrong);
    check_refused(|frames| events(frames).event[0].kind = 0, wrong);
    check_refused(
        |frames| events(frames).event[0].path = Bytes::from_static(b"/"),
        wrong,
    );
    check_refused(
        |frames| events(frames).event[0].path = Bytes::from_static(b"/d0"),
        wrong,
    );
    check_refused(
        |frames| events(frames).event[0].path = Bytes::from_static(b"x"),
        wrong,
    );
    let more = |frames: &mut Vec<Kind>| events(frames).event.push(peer::SnapshotEvent::default());
    check_refused(
        more,
        "event of revision 24 is out of order or makes no sense",
    );
}

#[test]
fn sessions_that_make_no_sense_are_refused() {
    let wrong = "session of 4 bytes of node id makes no sense";
    check_refused(|frames| session(frames).floor = 99, wrong);
    check_refused(|frames| session(frames).answer[0].rev = 99, wrong);
    check_refused(|frames| session(frames).answer[0].refusal = 9, wrong);
    let twice = |frames: &mut Vec<Kind>| {
        let answer = session(frames).answer[0];
        session(frames).answer.push(answer);
    };
    check_refused(twice, wrong);
    let nameless = |frames: &mut Vec<Kind>| session(frames).node = Bytes::new();
    check_refused(nameless, "session of 0 bytes of node id makes no sense");
}

#[test]
fn a_frame_after_an_error_is_an_error() {
    let mut sink = SnapshotSink::new();
    let bodies: Vec<Vec<u8>> = example().snapshot().collect();
    sink.frame(&bodies[1]).unwrap_err();
    sink.frame(&bodies[0]).unwrap_err();
    sink.finish().unwrap_err();
}

proptest! {
    #[test]
    fn damaged_bytes_are_a_store_or_an_error(
        frame in any::<usize>(),
        at in any::<usize>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bodies: Vec<Vec<u8>> = example().snapshot().collect();
        let frame = frame % bodies.len();
        let at = at % bodies[frame].len();
        if cut {
            bodies[frame].truncate(at);
        } else {
            bodies[frame][at] = byte;
        }
        let mut sink = SnapshotSink::new();
        if bodies.iter().all(|body| sink.frame(body).is_ok()) && let Ok(store) = sink.finish() {
            for rev in store.history().oldest().0..=store.rev().0 {
                prop_assert!(store.history().view_at(Revision(rev)).is_ok());
            }
        }
    }
}
