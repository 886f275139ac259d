//! The entry point on the host, as the runtime calls it: good calls go through, each fault of each account earns its
//! number, and whatever comes, an answer and no panic. `FUZZ_ROUNDS` and `FUZZ_SEED` lengthen and move the run.

mod accounts;
mod calls;
mod chance;
mod faults;
mod runtime;

use std::collections::{BTreeMap, BTreeSet};

use accounts::keep_length_within;
use calls::CALLS;
use chance::Chance;
use faults::{FAULTS, refusal};
use runtime::{Account, Call, Key, PROGRAM, Role, SYSTEM};

const ERRORS: &str = include_str!("../../src/error.rs");
const DRAWS: usize = 2_000;
const GOOD_CALLS: usize = 40;

/// The number of each refusal.
fn numbers() -> Vec<u64> {
    let lines = ERRORS.lines().filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "));
    lines.map(|(_, number)| number.parse().expect("a number")).collect()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn every_fault_of_every_account_earns_its_number() {
    let mut chance = Chance::new(setting("FUZZ_SEED", 1));
    for (tag, make) in CALLS {
        let drawn = (0..DRAWS).map(|_| make(&mut chance));
        let good: Vec<Call> = drawn.filter(|call| call.answer() == 0).take(GOOD_CALLS).collect();
        assert_eq!(good.len(), GOOD_CALLS, "good calls of tag {tag}");
        good.iter().for_each(|call| every_fault(tag, call));
    }
}

fn every_fault(tag: u8, call: &Call) {
    for place in (0..call.accounts.len()).filter(|&place| call.is_first(place)) {
        for fault in FAULTS {
            let Some(want) = refusal(tag, call, place, fault) else { continue };
            let mut bad = call.clone();
            fault.put(&mut bad, place);
            let role = call.accounts[place].role;
            assert_eq!(bad.answer(), want as u64, "{fault:?} in place {place}, {role:?}, of tag {tag}");
        }
    }
}

/// One change to a call: a fault, a byte, a key, or the end of the data.
fn spoil(call: &mut Call, chance: &mut Chance) {
    if call.accounts.is_empty() {
        return;
    }
    let place = chance.below(call.accounts.len());
    match chance.below(8) {
        0..3 => chance.of(&FAULTS).put(call, place),
        3 => any_byte(&mut call.accounts[place].data, chance),
        4 => any_byte(&mut call.data, chance),
        5 => call.data.resize(chance.below(call.data.len() + 8), 0),
        6 => call.accounts[place].lamports = chance.next() >> (8 + chance.below(40)),
        _ => call.accounts[place].key = call.accounts[chance.below(call.accounts.len())].key,
    }
}

fn any_byte(data: &mut [u8], chance: &mut Chance) {
    if !data.is_empty() {
        data[chance.below(data.len())] = chance.next() as u8;
    }
}

/// Accounts and data without any plan.
fn noise(chance: &mut Chance) -> Call {
    let heads: [&[u8]; 6] =
        [b"board\0\0\x01", b"ids\0\0\0\0\x01", b"commit\0\x01", b"resolv\0\x01", b"closed\0\x01", b""];
    let accounts = (0..chance.below(25)).map(|_| {
        let head = chance.of(&heads);
        let mut data = vec![0; head.len() + chance.below(1200)];
        chance.fill(&mut data);
        data[..head.len()].copy_from_slice(head);
        let owner: Key = chance.of(&[PROGRAM, PROGRAM, SYSTEM]);
        let (signer, writable) = (!chance.one_in(4), !chance.one_in(4));
        Account {
            signer,
            writable,
            lamports: chance.next() >> 8,
            ..Account::new(Role::Passed, chance.hash(), owner, data)
        }
    });
    let accounts = accounts.collect();
    let mut data = vec![0; chance.below(200)];
    chance.fill(&mut data);
    if let Some(tag) = data.first_mut() {
        *tag = chance.below(27) as u8;
    }
    Call { accounts, data }
}

fn draw(chance: &mut Chance) -> Call {
    let mut call = if chance.one_in(12) { noise(chance) } else { chance.of(&CALLS).1(chance) };
    if chance.one_in(2) {
        for _ in 0..1 + chance.below(2) {
            spoil(&mut call, chance);
        }
    }
    for account in &mut call.accounts {
        keep_length_within(&mut account.data);
    }
    call
}

/// By instruction (None: no tag that there is), how often each answer was met.
type Answers = BTreeMap<Option<u8>, BTreeMap<u64, u64>>;

fn meet(rounds: u64, chance: &mut Chance) -> Answers {
    let mut answers = Answers::new();
    for _ in 0..rounds {
        let call = draw(chance);
        let tag = call.data.first().copied().filter(|tag| CALLS.iter().any(|(known, _)| known == tag));
        *answers.entry(tag).or_default().entry(call.answer()).or_default() += 1;
    }
    answers
}

#[test]
fn whatever_comes_there_is_an_answer_and_every_answer_is_met() {
    let rounds = setting("FUZZ_ROUNDS", 20_000);
    let answers = meet(rounds, &mut Chance::new(setting("FUZZ_SEED", 1)));
    let mut met = BTreeSet::new();
    for (tag, counts) in &answers {
        println!("tag {tag:?}: {counts:?}");
        met.extend(counts.keys().copied());
    }
    for (tag, _) in CALLS {
        let good = answers[&Some(tag)][&0];
        assert!(good >= rounds / 400, "tag {tag} succeeded {good} times in {rounds} rounds");
    }
    assert_eq!(met, [0].into_iter().chain(numbers()).collect(), "success and every refusal, and nothing else");
}
