//! What can be wrong with one account of a call, and the refusal that each fault earns.

use oracle::{error::OracleError as E, tag};

use crate::runtime::{Account, Call, Role};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Unsigned,
    ReadOnly,
    OtherOwner,
    OtherKind,
    OtherVersion,
    TooShort,
    Elsewhere,
    /// The account stands in the next place too.
    Twice,
    /// At the end, as the next.
    Missing,
    Extra,
}

pub const FAULTS: [Fault; 10] = [
    Fault::Unsigned,
    Fault::ReadOnly,
    Fault::OtherOwner,
    Fault::OtherKind,
    Fault::OtherVersion,
    Fault::TooShort,
    Fault::Elsewhere,
    Fault::Twice,
    Fault::Missing,
    Fault::Extra,
];

impl Fault {
    /// Put into the account at `place`.
    pub fn put(self, call: &mut Call, place: usize) {
        let next = (place + 1) % call.accounts.len();
        let account = &mut call.accounts[place];
        match self {
            Fault::Unsigned => account.signer = false,
            Fault::ReadOnly => account.writable = false,
            Fault::OtherOwner => account.owner = [66; 32],
            Fault::OtherKind => flip(account, 0),
            Fault::OtherVersion => flip(account, 7),
            Fault::TooShort => account.data.truncate(account.data.len().min(7)),
            Fault::Elsewhere => account.key = [65; 32],
            Fault::Twice => call.accounts[next] = account.clone(),
            Fault::Missing => _ = call.accounts.pop(),
            Fault::Extra => call.accounts.push(Account::new(Role::Passed, [64; 32], [64; 32], vec![])),
        }
    }
}

fn flip(account: &mut Account, at: usize) {
    if let Some(byte) = account.data.get_mut(at) {
        *byte ^= 1;
    }
}

/// The refusal of a good call with this fault in it; None where the fault changes nothing, or where another program
/// finds it.
pub fn refusal(tag: u8, call: &Call, place: usize, fault: Fault) -> Option<E> {
    let account = &call.accounts[place];
    match fault {
        Fault::Unsigned => account.signer.then_some(E::MissingSigner),
        Fault::ReadOnly => (account.writable && checked(tag, account.role)).then_some(E::NotWritable),
        Fault::OtherOwner | Fault::OtherKind | Fault::OtherVersion | Fault::TooShort if gone(tag, account) => {
            // What is left of the file is then the opener's alone.
            (call.accounts[3].key != call.accounts[4].key).then_some(E::WrongReceiver)
        }
        Fault::OtherOwner => other_owner(tag, account.role),
        Fault::OtherKind | Fault::OtherVersion | Fault::TooShort => other_bytes(account.role),
        Fault::Elsewhere => elsewhere(tag, account),
        Fault::Twice => twice(tag, call.accounts.len(), place),
        Fault::Missing | Fault::Extra => (tag != tag::REPLACE_MEMBER).then_some(E::WrongAccountCount),
    }
}

/// A market that is no market to the program any more hinders no closing.
fn gone(tag: u8, account: &Account) -> bool {
    tag == tag::CLOSE_RESOLUTION && account.role == Role::Market
}

/// The market of an activation is PNP's to check.
fn checked(tag: u8, role: Role) -> bool {
    !(tag == tag::ACTIVATE && role == Role::Market)
}

fn other_owner(tag: u8, role: Role) -> Option<E> {
    match role {
        // It is taken for a member.
        Role::Resolution if tag == tag::REPLACE_MEMBER => Some(E::MissingSigner),
        Role::Board | Role::Ids | Role::Committee | Role::Resolution => Some(E::WrongOwner),
        // A board that exists is extended.
        Role::Fresh if tag == tag::INIT_BOARD => None,
        Role::Fresh => Some(E::AlreadyExists),
        Role::Settler if tag == tag::ACTIVATE => Some(E::SettlerNotEmpty),
        Role::Market | Role::Extension => Some(E::WrongMarket),
        _ => None,
    }
}

fn other_bytes(role: Role) -> Option<E> {
    match role {
        Role::Board | Role::Ids | Role::Committee | Role::Resolution => Some(E::WrongDiscriminator),
        Role::Market | Role::Extension => Some(E::WrongMarket),
        _ => None,
    }
}

fn elsewhere(tag: u8, account: &Account) -> Option<E> {
    match account.role {
        Role::Program => Some(E::WrongProgram),
        Role::Metadata => Some(E::WrongMetadataProgram),
        Role::Token => Some(E::WrongTokenProgram),
        Role::Associated => Some(E::WrongAssociatedTokenProgram),
        Role::Rent => Some(E::WrongRentSysvar),
        Role::MarketsOwn => Some(E::ForeignAccount),
        // Of a market that somebody else has settled, nobody asks the settler.
        Role::Settler if tag == tag::SETTLE => None,
        Role::Ids | Role::Fresh | Role::Settler => Some(E::WrongAddress),
        Role::Market | Role::Extension => Some(E::WrongMarket),
        Role::Receiver => Some(E::WrongReceiver),
        Role::Board if matches!(tag, tag::INIT_BOARD | tag::LIST_FEEDS | tag::CLOSE_BOARD) => Some(E::WrongAddress),
        Role::Committee if tag == tag::OPEN => Some(E::WrongAddress),
        Role::Committee if tag != tag::REPLACE_MEMBER => Some(E::WrongCommittee),
        Role::Person => stranger(tag),
        _ => None,
    }
}

/// What a stranger hears who signs in place of the rightful one.
fn stranger(tag: u8) -> Option<E> {
    match tag {
        tag::LIST_FEEDS | tag::RETIRE_FEED | tag::PROPOSE_AUTHORITY | tag::SET_PUBLISHER | tag::CLOSE_BOARD => {
            Some(E::WrongAuthority)
        }
        tag::ACCEPT_AUTHORITY => Some(E::WrongPendingAuthority),
        tag::PUBLISH | tag::ANCHOR => Some(E::WrongPublisher),
        tag::ACCEPT | tag::ACTIVATE | tag::ATTEST | tag::FLAG | tag::REPLACE_MEMBER => Some(E::NotAMember),
        tag::INIT_COMMITTEE => Some(E::WrongAddress),
        _ => None,
    }
}

fn twice(tag: u8, count: usize, place: usize) -> Option<E> {
    let distinct = match tag {
        // Committee, then signers: what stands twice may be the committee, which signs nothing.
        tag::REPLACE_MEMBER => 1..count,
        tag::ACTIVATE => 0..5,
        tag::CLOSE_RESOLUTION => 0..3,
        _ => 0..count,
    };
    (distinct.contains(&place) && distinct.contains(&((place + 1) % count))).then_some(E::DuplicateAccount)
}
