//! Accounts as the program and PNP write them, in states drawn at random.

use oracle_reader::{
    board::{BOARD, HEADER_LEN, Header, IDS, PRICE_MAX, SLOT_LEN, STATUS_RETIRED, Slot, TOMBSTONE, board_len, ids_len},
    committee::{
        COMMITTEE, Committee, KIND_GENERIC, KIND_V2, KIND_V3, MAX_MEMBERS, NO, NO_OUTCOME, OPEN, RESOLUTION,
        Resolution, Seat, YES,
    },
};

use pinocchio::Address;

use crate::{
    chance::Chance,
    runtime::{Account, Key, PROGRAM, Role, SYSTEM, derived, derived_for},
};

pub const NOW_S: u64 = oracle::runtime::HOST_CLOCK_S as u64;
pub const PNP: Key = [88; 32];
pub const METADATA: Key = [89; 32];
pub const TOKEN: Key = Address::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA").to_bytes();
pub const TOKEN_2022: Key = Address::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb").to_bytes();
pub const ASSOCIATED: Key = Address::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL").to_bytes();
pub const SPEC: &[u8] = b"{\"kind\":\"outcome\"}";
const PEOPLE: usize = 12;
const MOST_AGE_S: usize = 400 * 24 * 3600;

/// One of a dozen keys, so that they meet each other in accounts, fields and arguments.
pub fn someone(chance: &mut Chance) -> Key {
    [1 + chance.below(PEOPLE) as u8; 32]
}

pub fn person(key: Key) -> Account {
    Account::new(Role::Person, key, SYSTEM, vec![])
}

pub fn program(key: Key) -> Account {
    Account::new(Role::Program, key, SYSTEM, vec![])
}

pub fn fresh(key: Key) -> Account {
    Account { lamports: 0, ..Account::new(Role::Fresh, key, SYSTEM, vec![]).writable() }
}

fn bytes_of<T: Copy>(value: &T) -> Vec<u8> {
    // SAFETY: the layouts have no implicit padding.
    unsafe { core::slice::from_raw_parts(value as *const T as *const u8, size_of::<T>()) }.to_vec()
}

/// A board, its ids, and the header that was drawn.
pub struct Board {
    pub header: Header,
    pub index: [u8; 2],
    pub board: Account,
    pub ids: Account,
}

pub fn board_keys(authority: &Key, index: [u8; 2]) -> (Key, Key) {
    let board = derived(&[b"board", authority, &index]).0;
    (board, derived(&[b"ids", &board]).0)
}

pub fn board(chance: &mut Chance) -> Board {
    let (authority, index) = (someone(chance), [chance.below(2) as u8, 0]);
    let capacity = 1 + chance.below(6) as u32;
    let header = Header {
        discriminator: BOARD,
        authority,
        pending_authority: someone(chance),
        publisher: someone(chance),
        epoch: if chance.one_in(20) { u32::MAX } else { chance.below(4) as u32 },
        flags: 0,
        updates: chance.next() >> 1,
        slot: 0,
        last_publish_ms: 0,
        capacity,
        length: capacity.saturating_sub(chance.below(3) as u32),
        tape_head: [0; 32],
        name: [0; 16],
    };
    let mut data = bytes_of(&header);
    for _ in 0..header.length {
        data.extend(bytes_of(&slot(chance)));
    }
    data.resize(board_len(capacity), 0);
    if chance.one_in(16) {
        data = TOMBSTONE.to_vec();
    }
    let (board, ids) = board_keys(&authority, index);
    let mut listed = IDS.to_vec();
    listed.resize(ids_len(capacity), 0);
    if chance.one_in(12) {
        listed.truncate(8);
    }
    Board {
        header,
        index,
        board: Account::new(Role::Board, board, PROGRAM, data).writable(),
        ids: Account::new(Role::Ids, ids, PROGRAM, listed).writable(),
    }
}

fn slot(chance: &mut Chance) -> Slot {
    Slot {
        bid: 0,
        ask: PRICE_MAX,
        last: 0,
        status: if chance.one_in(3) { STATUS_RETIRED } else { 2 },
        size: 0,
        as_of_ms: (NOW_S * 1000).saturating_sub(chance.below(4000) as u64),
        updates: chance.next() as u32,
        generation: if chance.one_in(12) { u16::MAX } else { chance.below(4) as u16 },
        reserved: 0,
    }
}

/// The program never writes a length beyond the account, and `publish` relies on it: whatever else changes in a
/// board's bytes, this stays so.
pub fn keep_length_within(data: &mut [u8]) {
    if data.len() < HEADER_LEN || data.first_chunk() != Some(&BOARD) {
        return;
    }
    let room = ((data.len() - HEADER_LEN) / SLOT_LEN) as u32;
    let length = u32::from_le_bytes(data[140..144].try_into().unwrap());
    data[140..144].copy_from_slice(&length.min(room).to_le_bytes());
}

pub struct Court {
    pub committee: Committee,
    pub account: Account,
}

impl Court {
    pub fn members(&self) -> &[Key] {
        &self.committee.members[..self.committee.size as usize]
    }
}

pub fn court(chance: &mut Chance, pnp_program: Key) -> Court {
    let creator = someone(chance);
    let size = 1 + chance.below(5);
    let first = chance.below(PEOPLE);
    let member = |seat: usize| if seat < size { [1 + ((first + seat) % PEOPLE) as u8; 32] } else { [0; 32] };
    let committee = Committee {
        discriminator: COMMITTEE,
        creator,
        pnp_program,
        metadata_program: METADATA,
        reward: chance.below(1000) as u64,
        challenge_s: 600,
        safety_s: 300,
        index: chance.below(2) as u16,
        threshold: (size / 2 + 1) as u8,
        size: size as u8,
        padding: [0; 4],
        members: core::array::from_fn(member),
        generations: core::array::from_fn(|_| if chance.one_in(20) { u32::MAX } else { 1 }),
        padding_end: [0; 4],
    };
    let key = derived(&[b"committee", &creator, &committee.index.to_le_bytes()]).0;
    Court { committee, account: Account::new(Role::Committee, key, PROGRAM, bytes_of(&committee)) }
}

/// Where the two kinds of PNP's markets have what the program reads; as in PNP's published interface.
struct Layout {
    kind: u8,
    market: [u8; 8],
    extension: [u8; 8],
    seed: &'static [u8],
    extension_seed: &'static [u8],
    winner: usize,
    creator: usize,
    end_time: usize,
    question: usize,
}

const LAYOUTS: [Layout; 2] = [
    Layout {
        kind: KIND_V2,
        market: [219, 190, 213, 55, 0, 227, 198, 154],
        extension: [37, 143, 0, 22, 58, 40, 52, 44],
        seed: b"market-v2",
        extension_seed: b"market_ext",
        winner: 57,
        creator: 138,
        end_time: 214,
        question: 202,
    },
    Layout {
        kind: KIND_V3,
        market: [247, 134, 112, 200, 45, 95, 27, 136],
        extension: [66, 142, 160, 171, 84, 68, 153, 246],
        seed: b"market-v3",
        extension_seed: b"market_v3_ext",
        winner: 194,
        creator: 33,
        end_time: 231,
        question: 227,
    },
];

/// A market with an empty question, and its extension.
pub struct Market {
    pub kind: u8,
    pub creator: Key,
    pub end_time: u64,
    pub market: Account,
    pub extension: Account,
}

pub fn market(chance: &mut Chance, oracle: &Key, winner: u8) -> Market {
    let layout = &LAYOUTS[chance.below(2)];
    let id = [chance.below(200) as u8, 0, 0, 0, 0, 0, 0, 0];
    let (creator, end_time) = (someone(chance), sometime(chance));
    let mut data = vec![0; 300];
    data[..8].copy_from_slice(&layout.market);
    data[8..16].copy_from_slice(&id);
    data[16] = (winner != NO_OUTCOME) as u8;
    data[layout.winner] = winner;
    data[layout.creator..layout.creator + 32].copy_from_slice(&creator);
    debug_assert_eq!(data[layout.question..layout.question + 4], [0; 4]);
    data[layout.end_time..layout.end_time + 8].copy_from_slice(&end_time.to_le_bytes());
    let mut names = vec![0; 64];
    names[..8].copy_from_slice(&layout.extension);
    names[18..50].copy_from_slice(oracle);
    let key = derived_for(&[layout.seed, &id], PNP).0;
    let extension = derived_for(&[layout.extension_seed, &id], PNP).0;
    Market {
        kind: layout.kind,
        creator,
        end_time,
        market: Account::new(Role::Market, key, PNP, data),
        extension: Account::new(Role::Extension, extension, PNP, names),
    }
}

/// Mostly past.
pub fn sometime(chance: &mut Chance) -> u64 {
    if chance.one_in(6) { NOW_S + 1 + chance.below(1000) as u64 } else { NOW_S - chance.below(2000) as u64 }
}

/// A resolution, its court, and its market unless it is generic.
pub struct File {
    pub court: Court,
    pub market: Option<Market>,
    pub settler: Account,
    pub resolution: Resolution,
    pub account: Account,
}

pub fn settler(court: &Court) -> (Account, [u8; 32], u8) {
    let spec_hash = oracle::runtime::sha256(SPEC);
    let (key, bump) = derived(&[b"settler", &court.account.key, &spec_hash]);
    let account = Account { lamports: 0, ..Account::new(Role::Settler, key, SYSTEM, vec![]).writable() };
    (account, spec_hash, bump)
}

pub fn file(chance: &mut Chance, generic: bool) -> File {
    let court = court(chance, if generic { SYSTEM } else { PNP });
    let (settler, spec_hash, settler_bump) = settler(&court);
    let winner = chance.of(&[NO_OUTCOME, NO_OUTCOME, YES, NO]);
    let market = (!generic).then(|| market(chance, &settler.key, winner));
    let subject = market.as_ref().map_or(spec_hash, |market| market.market.key);
    let (key, bump) = derived(&[b"resolution", &court.account.key, &subject]);
    let state = if chance.one_in(4) { 1 + chance.below(3) as u8 } else { OPEN };
    let resolution = Resolution {
        discriminator: RESOLUTION,
        committee: court.account.key,
        market: subject,
        opener: someone(chance),
        spec_hash,
        opened_at: NOW_S - chance.below(MOST_AGE_S) as u64,
        end_time: market.as_ref().map_or(0, |market| market.end_time),
        proposed_since: NOW_S - chance.below(4000) as u64,
        not_before: sometime(chance),
        decided_at: if state == OPEN { 0 } else { NOW_S - chance.below(90 * 24 * 3600) as u64 },
        spec_len: SPEC.len() as u16,
        kind: market.as_ref().map_or(KIND_GENERIC, |market| market.kind),
        state,
        proposed: NO_OUTCOME,
        winner: if state == OPEN { NO_OUTCOME } else { YES },
        bump,
        settler_bump,
        seats: seats(chance, &court.committee),
    };
    let data = [bytes_of(&resolution), SPEC.to_vec()].concat();
    File { court, market, settler, resolution, account: Account::new(Role::Resolution, key, PROGRAM, data).writable() }
}

/// Votes mostly of one mind.
fn seats(chance: &mut Chance, committee: &Committee) -> [Seat; MAX_MEMBERS] {
    let mind = chance.of(&[YES, NO]);
    core::array::from_fn(|seat| Seat {
        evidence_hash: [0; 32],
        voted_at: 0,
        generation: if chance.one_in(8) { 0 } else { committee.generations[seat] },
        outcome: if chance.one_in(4) { NO_OUTCOME } else { mind },
        votes: chance.below(3) as u8,
        accepted: chance.below(2) as u8,
        flagged: chance.below(2) as u8,
    })
}
