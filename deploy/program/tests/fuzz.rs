//! Random payloads and account mixes on the entry point as the runtime lays them out: whatever comes, an answer and no
//! panic. `FUZZ_ROUNDS` and `FUZZ_SEED` lengthen and move the run.

use oracle::entry::run;
use oracle_reader::{
    board::{BOARD, IDS, MAX_CAPACITY, TOMBSTONE, board_len, ids_len},
    committee::{COMMITTEE, COMMITTEE_LEN, RESOLUTION, RESOLUTION_LEN},
};

const GROWTH: usize = 10_240;
const NOT_BORROWED: u8 = 255;

/// Xorshift: the run must be the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.next() as u8);
    }
}

/// Keys come out of a small pool, so that they meet each other in accounts, fields and arguments.
fn key(chance: &mut Chance) -> [u8; 32] {
    [chance.below(6) as u8; 32]
}

const PROGRAM: [u8; 32] = [77; 32];

fn account_data(chance: &mut Chance) -> Vec<u8> {
    let capacity = 1 + chance.below(6) as u32;
    let (kind, len) = match chance.below(8) {
        0 | 1 => (BOARD, board_len(capacity)),
        2 => (IDS, ids_len(capacity)),
        3 => (COMMITTEE, COMMITTEE_LEN),
        4 => (RESOLUTION, RESOLUTION_LEN + chance.below(20)),
        5 => (TOMBSTONE, 8),
        _ => ([0; 8], chance.below(300)),
    };
    let mut data = vec![0; len];
    if chance.one_in(3) {
        chance.fill(&mut data);
    }
    for at in (8..len.saturating_sub(32)).step_by(32) {
        if chance.one_in(2) {
            data[at..at + 32].copy_from_slice(&key(chance));
        }
    }
    let head = len.min(8);
    data[..head].copy_from_slice(&kind[..head]);
    if kind == BOARD {
        let length = if chance.one_in(20) { MAX_CAPACITY } else { chance.below(capacity as usize + 1) as u32 };
        data[104..108].fill(0);
        data[136..140].copy_from_slice(&capacity.to_le_bytes());
        // What only the program writes is never beyond the account: the fast path relies on it.
        data[140..144].copy_from_slice(&length.min(capacity).to_le_bytes());
    }
    if kind == RESOLUTION {
        data[176..178].copy_from_slice(&((len - RESOLUTION_LEN) as u16).to_le_bytes());
    }
    data.truncate(if chance.one_in(20) && kind != BOARD { chance.below(len + 1) } else { len });
    data
}

/// The runtime's input: counted accounts, each its own or an earlier one's number; counted data; the program's id.
fn input(chance: &mut Chance) -> Vec<u64> {
    let count = if chance.one_in(2) { 2 + chance.below(2) } else { chance.below(25) };
    let mut out = (count as u64).to_le_bytes().to_vec();
    for index in 0..count {
        if index > 0 && chance.one_in(12) {
            out.extend([chance.below(index) as u8, 0, 0, 0, 0, 0, 0, 0]);
            continue;
        }
        let data = account_data(chance);
        let flags = [chance.below(3) > 0, chance.below(4) > 0, false].map(|flag| flag as u8);
        out.push(NOT_BORROWED);
        out.extend(flags);
        out.extend([0; 4]);
        out.extend(if chance.one_in(8) { [0; 32] } else { key(chance) });
        out.extend(if chance.one_in(4) { [0; 32] } else { PROGRAM });
        out.extend((chance.next() >> (chance.below(40) + 8)).to_le_bytes());
        out.extend((data.len() as u64).to_le_bytes());
        out.extend(&data);
        out.resize(out.len() + GROWTH, 0);
        out.resize(out.len().next_multiple_of(8) + 8, 0);
    }
    let data = payload(chance);
    out.extend((data.len() as u64).to_le_bytes());
    out.extend(&data);
    out.extend(PROGRAM);
    out.resize(out.len().next_multiple_of(8), 0);
    out.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect()
}

fn payload(chance: &mut Chance) -> Vec<u8> {
    let lengths = [0, 1, 2, 8, 9, 18, 33, 34, 54, 65, 68, 120, 139, chance.below(400)];
    let mut data = vec![0; lengths[chance.below(lengths.len())]];
    chance.fill(&mut data);
    for at in (1..data.len().saturating_sub(32)).step_by(32) {
        if chance.one_in(2) {
            data[at..at + 32].copy_from_slice(&key(chance));
        }
    }
    if chance.one_in(3) {
        return publish(chance);
    }
    if let Some(tag) = data.first_mut() {
        *tag = chance.below(27) as u8;
    }
    data
}

fn publish(chance: &mut Chance) -> Vec<u8> {
    let count = chance.below(6);
    let mut data = vec![2, chance.one_in(20) as u8, count as u8, 0];
    data.extend((chance.below(3) as u32).to_le_bytes());
    data.extend(0u64.to_le_bytes());
    data.extend(if chance.one_in(4) { chance.next() } else { 1_770_000_000_000 }.to_le_bytes());
    let mut entries = vec![0; 12 * count];
    chance.fill(&mut entries);
    for entry in entries.chunks_exact_mut(12) {
        entry[8] = chance.below(8) as u8;
        entry[9] = 0;
    }
    data.extend(entries);
    data
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn the_entry_point_answers_whatever_comes() {
    let mut chance = Chance(setting("FUZZ_SEED", 1) | 1 << 40);
    let (rounds, mut good) = (setting("FUZZ_ROUNDS", 20_000), 0u64);
    let mut refusals = std::collections::BTreeSet::new();
    for _ in 0..rounds {
        let mut input = input(&mut chance);
        // SAFETY: laid out as the runtime does.
        match unsafe { run(input.as_mut_ptr() as *mut u8) } {
            0 => good += 1,
            number => _ = refusals.insert(number),
        }
    }
    assert!(good > 0, "some input must get through, or nothing was tried");
    assert!(refusals.len() > 12, "only {} kinds of refusal were met", refusals.len());
}
