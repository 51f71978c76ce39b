//! Each case: who votes, who learns, what the slots hold, who is silent; and what comes of it.

use super::*;

fn id(number: u64) -> NodeId {
    NodeId::from(number)
}

fn slot(number: u64, holder: Holder) -> Slot {
    Slot {
        path: ctl::cal(number),
        rev: Revision(10 + i64::try_from(number).unwrap()),
        holder,
    }
}

/// Node 1 leads. `slots`: the holder of each, 0 for a free one.
fn sight(voters: &[u64], nodes: &[u64], slots: &[u64]) -> Sight {
    let holder = |number: &u64| match number {
        0 => Holder::Free,
        number => Holder::Node(id(*number)),
    };
    let others = || nodes.iter().filter(|number| **number != 1);
    Sight {
        me: id(1),
        voters: voters.iter().map(|number| id(*number)).collect(),
        nodes: nodes
            .iter()
            .map(|number| (id(*number), NodeAddr::default()))
            .collect(),
        slots: (0..)
            .zip(slots)
            .map(|(number, node)| slot(number, holder(node)))
            .collect(),
        emptied: BTreeMap::new(),
        is_founded: true,
        silent: others()
            .map(|number| (id(*number), Duration::ZERO))
            .collect(),
        heard: others()
            .map(|number| (id(*number), Duration::ZERO))
            .collect(),
        behind: others().map(|number| (id(*number), 0)).collect(),
        lease: Duration::from_millis(600),
        timeout: Duration::from_secs(60),
    }
}

fn silence(sight: &mut Sight, number: u64, secs: u64) {
    sight.silent.insert(id(number), Duration::from_secs(secs));
    sight.heard.insert(id(number), Duration::from_secs(secs));
}

fn fill(slot_number: u64, node: u64) -> Step {
    let slot = slot(slot_number, Holder::Free);
    Step::Fill(slot.path, slot.rev, id(node))
}

#[test]
fn where_all_is_as_wanted_nothing_is_done() {
    assert_eq!(next_step(&sight(&[1], &[1], &[1])), None);
    assert_eq!(
        next_step(&sight(&[1, 2, 3], &[1, 2, 3, 4], &[1, 2, 3])),
        None
    );
}

#[test]
fn a_free_slot_goes_to_the_learner_furthest_along() {
    let mut seen = sight(&[1], &[1, 2, 3], &[1, 0]);
    seen.behind.insert(id(2), 5);
    assert_eq!(next_step(&seen), Some(fill(1, 3)));
    silence(&mut seen, 3, 1);
    assert_eq!(next_step(&seen), Some(fill(1, 2)), "who is silent waits");
    seen.behind.insert(id(2), 100_000);
    assert_eq!(next_step(&seen), None, "who is far behind waits");
    seen.behind.remove(&id(2));
    assert_eq!(next_step(&seen), None, "who is not known waits");
}

#[test]
fn a_holder_becomes_a_voter_once_it_is_heard_and_caught_up() {
    let mut seen = sight(&[1], &[1, 2], &[1, 2]);
    assert_eq!(next_step(&seen), Some(Step::Admit(id(2))));
    seen.behind.insert(id(2), 100_000);
    assert_eq!(next_step(&seen), None);
    seen.behind.insert(id(2), 0);
    silence(&mut seen, 2, 1);
    assert_eq!(next_step(&seen), None);
}

#[test]
fn a_voter_without_a_slot_is_dismissed_the_leader_last_and_after_it_has_handed_over() {
    let seen = sight(&[1, 2, 3], &[1, 2, 3], &[1, 2]);
    assert_eq!(next_step(&seen), Some(Step::Dismiss(id(3))));
    let seen = sight(&[1, 2, 3], &[1, 2, 3], &[2]);
    assert_eq!(next_step(&seen), Some(Step::Dismiss(id(3))));
    let seen = sight(&[1, 2], &[1, 2, 3], &[2]);
    assert_eq!(next_step(&seen), Some(Step::HandOver(id(2))));
}

#[test]
fn a_slot_that_moves_brings_the_new_voter_first() {
    let seen = sight(&[1, 2, 3], &[1, 2, 3, 4], &[1, 2, 4]);
    assert_eq!(next_step(&seen), Some(Step::Admit(id(4))));
}

#[test]
fn the_last_voter_stays_and_takes_a_slot() {
    let seen = sight(&[1], &[1], &[]);
    assert_eq!(
        next_step(&seen),
        Some(Step::Fill(ctl::cal(0), Revision::MISSING, id(1)))
    );
    assert_eq!(next_step(&sight(&[1], &[1, 2], &[0])), Some(fill(0, 1)));
    let mut founding = sight(&[1], &[1], &[]);
    founding.is_founded = false;
    assert_eq!(next_step(&founding), None, "its founder takes the first");
}

#[test]
fn a_silent_member_is_kicked_if_the_others_are_heard() {
    let mut seen = sight(&[1, 2, 3], &[1, 2, 3], &[1, 2, 3]);
    silence(&mut seen, 3, 59);
    assert_eq!(next_step(&seen), None);
    silence(&mut seen, 3, 61);
    let slot = slot(2, Holder::Node(id(3)));
    assert_eq!(
        next_step(&seen),
        Some(Step::Kick(slot.path, slot.rev, id(3)))
    );
    silence(&mut seen, 2, 1);
    assert_eq!(next_step(&seen), None, "no majority is heard");
}

#[test]
fn a_kicked_member_is_dismissed_and_then_removed() {
    let mut seen = sight(&[1, 2, 3], &[1, 2, 3], &[1, 2, 0]);
    silence(&mut seen, 3, 61);
    assert_eq!(next_step(&seen), Some(Step::Dismiss(id(3))));
    let mut seen = sight(&[1, 2], &[1, 2, 3], &[1, 2, 0]);
    silence(&mut seen, 3, 61);
    assert_eq!(next_step(&seen), Some(Step::Remove(id(3))));
}

#[test]
fn who_was_never_heard_has_not_answered_however_new_the_leader_is() {
    let mut seen = sight(&[1, 2, 3], &[1, 2, 3], &[1, 3]);
    seen.heard.remove(&id(3));
    assert_eq!(
        next_step(&seen),
        None,
        "without 2 there would be no majority"
    );
}

#[test]
fn a_timeout_below_some_leases_counts_as_these() {
    let mut seen = sight(&[1, 2, 3], &[1, 2, 3], &[1, 2, 3]);
    seen.timeout = Duration::from_millis(1);
    silence(&mut seen, 3, 1);
    assert_eq!(next_step(&seen), None);
    silence(&mut seen, 3, 2);
    assert!(matches!(next_step(&seen), Some(Step::Kick(..))));
}

#[test]
fn of_two_nodes_the_silent_one_can_not_be_kicked() {
    let mut seen = sight(&[1, 2], &[1, 2], &[1, 2]);
    silence(&mut seen, 2, 1000);
    assert_eq!(next_step(&seen), None, "one of two is no majority");
}

#[test]
fn an_id_in_two_slots_counts_once_and_what_is_no_node_counts_not_at_all() {
    assert_eq!(next_step(&sight(&[1, 2], &[1, 2], &[1, 2, 2])), None);
    let mut seen = sight(&[1, 2], &[1, 2], &[1, 2, 9]);
    assert_eq!(next_step(&seen), None, "not attached");
    seen.slots[2].holder = Holder::Unreadable;
    assert_eq!(next_step(&seen), None);
}

#[test]
fn who_was_put_out_of_a_slot_does_not_take_it_again() {
    let mut seen = sight(&[1, 2], &[1, 2, 3], &[1, 2, 0]);
    seen.emptied.insert(ctl::cal(2), id(3));
    assert_eq!(next_step(&seen), None);
    seen.nodes.insert(id(4), NodeAddr::default());
    seen.silent.insert(id(4), Duration::ZERO);
    seen.heard.insert(id(4), Duration::ZERO);
    seen.behind.insert(id(4), 0);
    assert_eq!(next_step(&seen), Some(fill(2, 4)));
    seen.emptied.clear();
    assert_eq!(next_step(&seen), Some(fill(2, 3)), "it has attached anew");
}

#[test]
fn a_node_in_memory_votes_only_beside_others_in_memory() {
    let mut seen = sight(&[1], &[1, 2], &[1, 0]);
    seen.nodes.get_mut(&id(2)).unwrap().memory = true;
    assert_eq!(next_step(&seen), None);
    seen.slots[1].holder = Holder::Node(id(2));
    assert_eq!(next_step(&seen), None);
    seen.nodes.get_mut(&id(1)).unwrap().memory = true;
    assert_eq!(next_step(&seen), Some(Step::Admit(id(2))));
}

/// Whatever a membership and its slots are, steps lead to the slots and end.
#[test]
fn steps_end_with_the_voters_that_the_slots_name() {
    for case in 0..4096u64 {
        let voters: Vec<u64> = (1..=4).filter(|n| *n == 1 || case >> n & 1 == 1).collect();
        let slots: Vec<u64> = (0..4).map(|n| case >> (5 + 2 * n) & 3).collect();
        let mut seen = sight(&voters, &[1, 2, 3, 4], &slots);
        let mut steps = 0;
        while let Some(step) = next_step(&seen) {
            steps += 1;
            assert!(steps < 50, "case {case}: {step:?}");
            if !carry_out(&mut seen, step) {
                break;
            }
            assert!(!seen.voters.is_empty(), "case {case}");
        }
        let holders = seen.slots.iter().filter_map(Slot::node).collect();
        assert!(
            seen.voters == holders || !holders.contains(&id(1)),
            "case {case}: {:?} {holders:?}",
            seen.voters
        );
    }
}

/// What a step makes of the leader's sight; whether this node still leads.
fn carry_out(seen: &mut Sight, step: Step) -> bool {
    match step {
        Step::Admit(node) => drop(seen.voters.insert(node)),
        Step::Dismiss(node) => drop(seen.voters.remove(&node)),
        Step::HandOver(_) => return false,
        Step::Fill(path, rev, node) => {
            seen.slots.retain(|slot| slot.path != path);
            let holder = Holder::Node(node);
            seen.slots.push(Slot { path, rev, holder });
        }
        Step::Kick(..) | Step::Remove(_) => panic!("nobody is silent"),
    }
    true
}
