//! A call of each instruction with accounts that fit, in states and with arguments that may be refused.

use oracle::{runtime::sha256, tag};
use oracle_reader::committee::{KIND_V2, MAX_MEMBERS, NO_OUTCOME, OPEN};
use pinocchio::sysvars::rent::RENT_ID;

use crate::{
    accounts::{
        ASSOCIATED, Board, Court, File, METADATA, NOW_S, PNP, SPEC, TOKEN, TOKEN_2022, board, board_keys, court, file,
        fresh, market, person, program, settler, someone,
    },
    chance::Chance,
    runtime::{Account, Call, Key, Role, SYSTEM, derived, derived_for},
};

type Make = fn(&mut Chance) -> Call;

/// Every instruction.
pub const CALLS: [(u8, Make); 18] = [
    (tag::INIT_BOARD, init_board),
    (tag::LIST_FEEDS, list_feeds),
    (tag::PUBLISH, publish),
    (tag::RETIRE_FEED, retire_feed),
    (tag::PROPOSE_AUTHORITY, propose_authority),
    (tag::ACCEPT_AUTHORITY, accept_authority),
    (tag::SET_PUBLISHER, set_publisher),
    (tag::ANCHOR, anchor),
    (tag::CLOSE_BOARD, close_board),
    (tag::INIT_COMMITTEE, init_committee),
    (tag::REPLACE_MEMBER, replace_member),
    (tag::OPEN, open),
    (tag::ACCEPT, accept),
    (tag::ACTIVATE, activate),
    (tag::ATTEST, attest),
    (tag::FLAG, flag),
    (tag::SETTLE, settle),
    (tag::CLOSE_RESOLUTION, close_resolution),
];

/// Mostly the rightful one.
fn mostly(chance: &mut Chance, rightful: Key) -> Key {
    if chance.one_in(8) { someone(chance) } else { rightful }
}

fn init_board(chance: &mut Chance) -> Call {
    let Board { header, index, mut board, mut ids } = board(chance);
    let mut capacity = header.capacity;
    if chance.one_in(2) {
        let (board_key, ids_key) = board_keys(&header.authority, index);
        capacity = chance.of(&[1, capacity, 500, 1024, 1025]);
        (board, ids) = (fresh(board_key), fresh(ids_key));
    } else if chance.one_in(6) {
        capacity += 1;
    }
    let authority = person(mostly(chance, header.authority)).signer().writable();
    let data = [&index[..], &capacity.to_le_bytes(), &someone(chance), &[b'n'; 16]].concat();
    Call::new(tag::INIT_BOARD, vec![authority, board, ids, program(SYSTEM)], &data)
}

fn list_feeds(chance: &mut Chance) -> Call {
    let Board { header, board, ids, .. } = board(chance);
    let mut data = vec![];
    for offset in 0..chance.of(&[0, 1, 1, 1, 2, 2]) {
        let index = if chance.one_in(3) { chance.below(6) as u16 } else { header.length as u16 + offset };
        data.extend(index.to_le_bytes());
        data.extend(chance.hash());
    }
    let authority = person(mostly(chance, header.authority)).signer();
    Call::new(tag::LIST_FEEDS, vec![authority, board, ids], &data)
}

fn retire_feed(chance: &mut Chance) -> Call {
    let Board { header, board, .. } = board(chance);
    let data: Vec<u8> =
        (0..chance.of(&[0, 1, 1, 1, 2])).flat_map(|_| [chance.below(header.length as usize + 1) as u8, 0]).collect();
    let authority = person(mostly(chance, header.authority)).signer();
    Call::new(tag::RETIRE_FEED, vec![authority, board], &data)
}

fn publish(chance: &mut Chance) -> Call {
    let Board { header, board, .. } = board(chance);
    let count = chance.below(6);
    let mut data = vec![0, count as u8, 0];
    let epoch = header.epoch.wrapping_add(chance.of(&[0, 0, 0, 1, u32::MAX]));
    data.extend(epoch.to_le_bytes());
    data.extend(0u64.to_le_bytes());
    let base_ms = NOW_S * 1000 + 10_000;
    data.extend(if chance.one_in(8) { chance.next() } else { base_ms - chance.below(20_000) as u64 }.to_le_bytes());
    let mut entries = vec![0; 12 * count];
    chance.fill(&mut entries);
    for entry in entries.chunks_exact_mut(12) {
        if chance.one_in(2) {
            entry[..8].copy_from_slice(&[0, 1, 0, 2, 0, 0, 2, 9]);
        }
        entry[8..10].copy_from_slice(&[chance.below(8) as u8, 0]);
    }
    data.extend(entries);
    let publisher = person(mostly(chance, header.publisher)).signer();
    Call::new(tag::PUBLISH, vec![publisher, board], &data)
}

fn by_key(chance: &mut Chance, tag: u8, holder: fn(&Board) -> Key, argument: &[u8]) -> Call {
    let board = board(chance);
    let holder = person(mostly(chance, holder(&board))).signer();
    Call::new(tag, vec![holder, board.board], argument)
}

fn propose_authority(chance: &mut Chance) -> Call {
    let proposed = someone(chance);
    by_key(chance, tag::PROPOSE_AUTHORITY, |board| board.header.authority, &proposed)
}

fn accept_authority(chance: &mut Chance) -> Call {
    by_key(chance, tag::ACCEPT_AUTHORITY, |board| board.header.pending_authority, &[])
}

fn set_publisher(chance: &mut Chance) -> Call {
    let publisher = someone(chance);
    by_key(chance, tag::SET_PUBLISHER, |board| board.header.authority, &publisher)
}

fn anchor(chance: &mut Chance) -> Call {
    let head = chance.hash();
    by_key(chance, tag::ANCHOR, |board| board.header.publisher, &head)
}

fn close_board(chance: &mut Chance) -> Call {
    let Board { header, board, ids, .. } = board(chance);
    let authority = person(mostly(chance, header.authority)).signer().writable();
    Call::new(tag::CLOSE_BOARD, vec![authority, board, ids], &[])
}

fn init_committee(chance: &mut Chance) -> Call {
    let Court { committee, account } = court(chance, PNP);
    let creator = person(mostly(chance, committee.creator)).signer().writable();
    let account = if chance.one_in(8) { account.writable() } else { fresh(account.key) };
    let size = if chance.one_in(8) { chance.below(MAX_MEMBERS + 2) } else { committee.size as usize };
    let threshold = if chance.one_in(8) { chance.below(6) as u8 } else { committee.threshold };
    let mut data = [&committee.index.to_le_bytes()[..], &[threshold]].concat();
    data.extend([0; 16]);
    data.extend([committee.pnp_program, METADATA].concat());
    for seat in 0..size {
        data.extend(if seat < committee.size as usize { committee.members[seat] } else { someone(chance) });
    }
    Call::new(tag::INIT_COMMITTEE, vec![creator, account, program(SYSTEM)], &data)
}

fn replace_member(chance: &mut Chance) -> Call {
    let generic = chance.one_in(2);
    let File { court, account: file, .. } = file(chance, generic);
    let count = (court.committee.threshold as usize).saturating_sub(chance.one_in(6) as usize);
    let signers: Vec<Key> = court.members()[..count].iter().map(|&member| mostly(chance, member)).collect();
    let leaver = mostly(chance, court.members()[0]);
    let newcomer = if chance.one_in(12) { [0; 32] } else { someone(chance) };
    let mut accounts = vec![court.account.writable()];
    accounts.extend(signers.into_iter().map(|key| person(key).signer()));
    accounts.extend(chance.one_in(2).then_some(file));
    Call::new(tag::REPLACE_MEMBER, accounts, &[leaver, newcomer].concat())
}

fn open(chance: &mut Chance) -> Call {
    let generic = chance.one_in(3);
    let court = court(chance, if generic { SYSTEM } else { PNP });
    let (settler, ..) = settler(&court);
    let named = if chance.one_in(10) { someone(chance) } else { settler.key };
    let winner = if chance.one_in(10) { 1 } else { NO_OUTCOME };
    let market = (!generic).then(|| market(chance, &named, winner));
    let len = if chance.one_in(12) { 641 } else { SPEC.len() };
    let mut spec = SPEC.to_vec();
    spec.resize(len, b' ');
    let question = mostly(chance, sha256(&spec));
    let subject = market.as_ref().map_or(question, |market| market.market.key);
    let (key, _) = derived(&[b"resolution", &court.account.key, &subject]);
    let data = [&(chance.below(100) as u64).to_le_bytes()[..], &subject, &spec].concat();
    let mut accounts = vec![person(someone(chance)).signer().writable(), court.account, fresh(key), program(SYSTEM)];
    accounts.extend(market.into_iter().flat_map(|market| [market.market, market.extension]));
    Call::new(tag::OPEN, accounts, &data)
}

fn by_member(chance: &mut Chance, tag: u8, argument: &[u8]) -> Call {
    let generic = chance.one_in(2);
    let File { court, account, .. } = file(chance, generic);
    let member = chance.of(court.members());
    let member = person(mostly(chance, member)).signer();
    Call::new(tag, vec![member, court.account, account], argument)
}

fn accept(chance: &mut Chance) -> Call {
    by_member(chance, tag::ACCEPT, &[])
}

fn attest(chance: &mut Chance) -> Call {
    let (outcome, hash) = (chance.of(&[0, 1, 1, 2, 2, 3]), chance.hash());
    by_member(chance, tag::ATTEST, &[&[outcome][..], &hash].concat())
}

fn flag(chance: &mut Chance) -> Call {
    let reason = chance.hash();
    by_member(chance, tag::FLAG, &reason)
}

fn activate(chance: &mut Chance) -> Call {
    let generic = chance.one_in(12);
    let File { court, market, mut settler, account, .. } = file(chance, generic);
    match chance.below(16) {
        0 => settler.data = vec![0; 8],
        1 => settler.owner = PNP,
        2 => settler.lamports = chance.below(1000) as u64,
        _ => {}
    }
    let member = chance.of(court.members());
    let member = person(mostly(chance, member)).signer().writable();
    let mut accounts = vec![member, court.account, account, program(PNP), settler];
    let mut advance = 0u64;
    if let Some(market) = market {
        if market.kind == KIND_V2 {
            advance = chance.below(1000) as u64;
            accounts.extend(tail_of_v2(chance, market.market));
        } else {
            accounts.extend([market.market, passed(market.extension.key), passed([90; 32]), program(SYSTEM)]);
        }
    }
    Call::new(tag::ACTIVATE, accounts, &advance.to_le_bytes())
}

fn passed(key: Key) -> Account {
    Account::new(Role::Passed, key, SYSTEM, vec![])
}

/// What PNP's V2 activation takes behind the authority.
fn tail_of_v2(chance: &mut Chance, market: Account) -> Vec<Account> {
    let mut tail: Vec<Account> = (0..16).map(|place| passed([100 + place; 32])).collect();
    let token = chance.of(&[TOKEN, TOKEN_2022]);
    for (seed, places) in [(&b"yes_token"[..], [4, 7, 10]), (b"no_token", [5, 8, 11])] {
        for (place, key) in places.into_iter().zip(owned_by_market(&market, &token, seed)) {
            tail[place] = Account { role: Role::MarketsOwn, ..passed(key) };
        }
    }
    tail[1] = market.writable();
    tail[9] = Account { role: Role::Metadata, ..program(METADATA) };
    tail[12] = Account { role: Role::Token, ..program(token) };
    tail[13] = Account { role: Role::Associated, ..program(ASSOCIATED) };
    tail[14] = program(SYSTEM);
    tail[15] = Account { role: Role::Rent, ..program(RENT_ID.to_bytes()) };
    if chance.one_in(4) {
        tail[chance.of(&[9, 12, 13, 15])].key = someone(chance);
    }
    tail
}

/// Mint, vault and metadata of one side of a market.
fn owned_by_market(market: &Account, token: &Key, seed: &[u8]) -> [Key; 3] {
    let mint = derived_for(&[seed, &market.data[8..16]], PNP).0;
    let vault = derived_for(&[&market.key, token, &mint], ASSOCIATED).0;
    [mint, vault, derived_for(&[b"metadata", &METADATA, &mint], METADATA).0]
}

fn settle(chance: &mut Chance) -> Call {
    let generic = chance.one_in(3);
    let File { court, market, settler, account, .. } = file(chance, generic);
    let mut accounts = vec![person(someone(chance)).signer().writable(), court.account, account];
    if let Some(market) = market {
        let passed = [passed(market.extension.key), passed([90; 32])];
        accounts.extend([settler, market.market.writable()]);
        accounts.extend(passed);
        accounts.push(program(PNP));
    }
    Call::new(tag::SETTLE, accounts, &[])
}

/// Mostly.
fn decided(chance: &mut Chance, generic: bool) -> File {
    let file = file(chance, generic);
    if file.resolution.state == OPEN && !chance.one_in(4) { decided(chance, generic) } else { file }
}

fn close_resolution(chance: &mut Chance) -> Call {
    let generic = chance.one_in(12);
    let File { court, market, resolution, account, .. } = decided(chance, generic);
    let receiver = |key| Account { role: Role::Receiver, ..person(key) }.writable();
    let (opener, creator) = (mostly(chance, resolution.opener), market.as_ref().map(|market| market.creator));
    let creator = mostly(chance, creator.unwrap_or([5; 32]));
    let market = market.map_or_else(|| passed([99; 32]), |market| market.market);
    let accounts = vec![account, court.account, market, receiver(opener), receiver(creator)];
    Call::new(tag::CLOSE_RESOLUTION, accounts, &[])
}
