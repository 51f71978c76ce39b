//! Exactly once: what comes again is answered again, and executed no second time.

use super::*;

fn batch(store: &mut Store, session: u64, floor: u64, counters: &[u64]) -> Vec<(u64, Answer)> {
    let proposals: Vec<Proposal> = counters
        .iter()
        .map(|counter| Proposal {
            counter: *counter,
            mutation: set("/f", 0, &counter.to_string()),
        })
        .collect();
    let command = encode_batch(NODE, session, floor, proposals.iter());
    store.apply(99, &command).unwrap().batch.unwrap().answers
}

fn open(store: &mut Store, index: u64, node: &[u8], nonce: u64) -> Opened {
    let applied = store.apply(index, &encode_open_session(node, nonce));
    applied.unwrap().opened.unwrap()
}

fn applied(rev: i64) -> Answer {
    Answer::Applied(Revision(rev))
}

fn mismatch(rev: i64) -> Answer {
    Answer::Refused(Revision(rev), Refusal::RevMismatch)
}

#[test]
fn opening_a_session_takes_no_revision_and_tells_its_id() {
    let mut store = Store::new();
    let expected = Opened {
        node: Bytes::from_static(NODE),
        nonce: 7,
        session: 4,
    };
    assert_eq!(open(&mut store, 4, NODE, 7), expected);
    assert_eq!(store.rev(), Revision(0));
}

#[test]
fn a_proposal_that_comes_again_is_answered_and_not_executed() {
    let mut store = Store::new();
    open(&mut store, 4, NODE, 1);
    let answers = [(1, applied(1)), (2, mismatch(2))];
    assert_eq!(batch(&mut store, 4, 1, &[1, 2]), answers);
    assert_eq!(batch(&mut store, 4, 1, &[1, 2]), answers);
    assert_eq!(
        batch(&mut store, 4, 1, &[2, 3, 3]),
        [(2, mismatch(2)), (3, mismatch(3)), (3, mismatch(3))]
    );
    assert_eq!(store.rev(), Revision(3));
}

#[test]
fn below_the_floor_nothing_is_executed() {
    let mut store = Store::new();
    open(&mut store, 4, NODE, 1);
    batch(&mut store, 4, 1, &[1, 2]);
    assert_eq!(batch(&mut store, 4, 3, &[3]), [(3, mismatch(3))]);
    // Neither what was executed, nor what never was, nor with a lower floor than before.
    let forgotten = [(2, Answer::Forgotten), (0, Answer::Forgotten)];
    assert_eq!(batch(&mut store, 4, 1, &[2, 0]), forgotten);
    assert_eq!(store.rev(), Revision(3));
    let (_, session) = store.sessions().iter().next().unwrap();
    assert_eq!(session.floor, 3);
    assert_eq!(session.answers.len(), 1);
}

#[test]
fn a_batch_of_another_session_is_not_executed() {
    let mut store = Store::new();
    assert_eq!(batch(&mut store, 4, 1, &[1]), [(1, Answer::Forgotten)]);
    open(&mut store, 4, NODE, 1);
    batch(&mut store, 4, 1, &[1]);
    open(&mut store, 8, NODE, 2);
    assert_eq!(
        batch(&mut store, 4, 1, &[1, 2]),
        [(1, Answer::Forgotten), (2, Answer::Forgotten)]
    );
    // The new one starts with nothing answered.
    assert_eq!(batch(&mut store, 8, 1, &[1]), [(1, mismatch(2))]);
}

#[test]
fn nodes_have_sessions_of_their_own() {
    let mut store = Store::new();
    open(&mut store, 4, NODE, 1);
    open(&mut store, 5, b"other", 1);
    assert_eq!(batch(&mut store, 5, 1, &[1]), [(1, Answer::Forgotten)]);
    assert_eq!(batch(&mut store, 4, 1, &[1]), [(1, applied(1))]);
}

#[test]
fn no_more_answers_are_kept_than_the_limit() {
    let mut store = Store::new();
    open(&mut store, 4, NODE, 1);
    let counters: Vec<u64> = (1..=ANSWERS_MAX as u64 + 10).collect();
    batch(&mut store, 4, 1, &counters);
    let (_, session) = store.sessions().iter().next().unwrap();
    assert_eq!(session.answers.len(), ANSWERS_MAX);
    assert_eq!(session.floor, 11);
    assert_eq!(batch(&mut store, 4, 1, &[10]), [(10, Answer::Forgotten)]);
    assert_eq!(batch(&mut store, 4, 1, &[11]), [(11, mismatch(11))]);
}

#[test]
fn past_the_limit_the_session_opened_first_goes() {
    let mut store = Store::new();
    open(&mut store, 1, NODE, 1);
    for index in 2..=SESSIONS_MAX as u64 + 1 {
        open(&mut store, index, format!("node-{index}").as_bytes(), 1);
    }
    assert_eq!(store.sessions().len(), SESSIONS_MAX);
    assert_eq!(batch(&mut store, 1, 1, &[1]), [(1, Answer::Forgotten)]);
}

#[test]
fn sessions_and_answers_survive_a_snapshot() {
    let mut store = Store::new();
    open(&mut store, 4, NODE, 1);
    open(&mut store, 5, b"other", 1);
    batch(&mut store, 4, 1, &[1, 2, 3]);
    batch(&mut store, 4, 2, &[]);
    let mut copy = restored(&store);
    assert_eq!(
        batch(&mut copy, 4, 2, &[1, 2, 3, 4]),
        [
            (1, Answer::Forgotten),
            (2, mismatch(2)),
            (3, mismatch(3)),
            (4, mismatch(4))
        ]
    );
}
