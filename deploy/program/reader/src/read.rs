//! One price out of a board: trading now, not older than asked for, from the authority that the reader trusts.

use core::mem::offset_of;

use crate::{
    Account, Key, at,
    board::{
        BOARD, HEADER_LEN, Header, ID_LEN, IDS, IDS_HEADER_LEN, PRICE_MAX, SLOT_LEN, STATUS_ACTIVE, STATUS_RETIRED,
        Slot,
    },
};

/// Why there is no price. Checked in this order; the first that applies is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Refusal {
    /// Another account than the source's board.
    WrongBoard = 1,
    /// Not an account of the oracle program.
    WrongOwner = 2,
    /// Closed, cut short, or no board (or ids account) at all.
    NotABoard = 3,
    /// The board has been handed over to somebody else.
    WrongAuthority = 4,
    /// No feed was listed there.
    BadIndex = 5,
    /// The slot is retired, or carries another market by now.
    Gone = 6,
    /// Never published.
    NoPrice = 7,
    /// Older than asked for.
    Stale = 8,
    /// Fresh, but the venue does not trade: paused, closed, determined, final or unknown.
    NotTrading = 9,
    /// One side of the book is empty, so that there is no middle.
    OneSided = 10,
    /// More sources than `MAX_SOURCES`.
    TooManySources = 11,
    /// Too few authorities with a price.
    NoQuorum = 12,
    /// No slot in use carries the feed.
    Unlisted = 13,
}

/// On what terms a price is believed.
#[derive(Clone, Copy)]
pub struct Terms {
    /// The oracle program.
    pub program: Key,
    /// The cluster's clock; it counts whole seconds, so that a price may be up to one second older than asked for.
    pub now_ms: u64,
    pub max_age_ms: u64,
}

/// One publisher's word on one market: who answers for it, and the slot in which it stands. The index means something
/// on this one board alone, so the board is named too.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    pub authority: Key,
    pub board: Key,
    pub index: u16,
    /// Of the slot, when the reader found its market there: a slot given to another market is another source.
    pub generation: u16,
}

const _: () = assert!(Source::LEN == 68);

impl Source {
    pub const LEN: usize = size_of::<Self>();

    /// Out of a program's own state: the fields in their order, little-endian.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        // SAFETY: of the same length, and every bit pattern is a source.
        unsafe { (bytes.as_ptr() as *const Self).read_unaligned() }
    }

    /// The slot, whatever its age and status.
    pub fn slot(&self, account: &Account, program: &Key) -> Result<Slot, Refusal> {
        if account.address != self.board {
            return Err(Refusal::WrongBoard);
        }
        let slots = slots(account, program)?;
        if at(account.data, offset_of!(Header, authority)) != Some(&self.authority) {
            return Err(Refusal::WrongAuthority);
        }
        let slot = slots.get(self.index as usize).map(Slot::from_bytes).ok_or(Refusal::BadIndex)?;
        if slot.status == STATUS_RETIRED || slot.generation != self.generation {
            return Err(Refusal::Gone);
        }
        Ok(slot)
    }

    /// The slot of a market that trades, for which its publisher vouches within the age asked for.
    pub fn price(&self, account: &Account, terms: &Terms) -> Result<Slot, Refusal> {
        let slot = self.slot(account, &terms.program)?;
        if slot.as_of_ms == 0 {
            return Err(Refusal::NoPrice);
        }
        if slot.as_of_ms < terms.now_ms.saturating_sub(terms.max_age_ms) {
            return Err(Refusal::Stale);
        }
        if slot.status != STATUS_ACTIVE {
            return Err(Refusal::NotTrading);
        }
        Ok(slot)
    }

    /// Bid plus ask of such a slot: twice the middle, in centi-cents.
    pub fn twice_mid(&self, account: &Account, terms: &Terms) -> Result<u32, Refusal> {
        twice_mid(&self.price(account, terms)?)
    }
}

pub(crate) fn twice_mid(slot: &Slot) -> Result<u32, Refusal> {
    if slot.bid == 0 || slot.ask >= PRICE_MAX {
        return Err(Refusal::OneSided);
    }
    Ok(slot.bid as u32 + slot.ask as u32)
}

/// Where a feed stands on a board, by its id (SHA-256 of `venue:market`): index and generation of the slot that carries
/// it now; of several the one of the newest price, then the first. The caller checks that `ids` is the program's address
/// for `["ids", board]`.
pub fn find(board: &Account, ids: &Account, program: &Key, id: &Key) -> Result<(u16, u16), Refusal> {
    let slots = slots(board, program)?;
    if ids.owner != *program {
        return Err(Refusal::WrongOwner);
    }
    if ids.data.first_chunk() != Some(&IDS) {
        return Err(Refusal::NotABoard);
    }
    let (entries, _) = ids.data[IDS_HEADER_LEN..].as_chunks::<ID_LEN>();
    let listed = entries.get(..slots.len()).ok_or(Refusal::NotABoard)?.iter();
    let mut found = None::<(usize, Slot)>;
    for (index, (slot, entry)) in slots.iter().map(Slot::from_bytes).zip(listed).enumerate() {
        let newer = found.is_none_or(|(_, best)| slot.as_of_ms > best.as_of_ms);
        if entry.first_chunk() == Some(id) && slot.status != STATUS_RETIRED && newer {
            found = Some((index, slot));
        }
    }
    found.map(|(index, slot)| (index as u16, slot.generation)).ok_or(Refusal::Unlisted)
}

/// The listed slots of an account that is a board.
fn slots<'a>(account: &Account<'a>, program: &Key) -> Result<&'a [[u8; SLOT_LEN]], Refusal> {
    if account.owner != *program {
        return Err(Refusal::WrongOwner);
    }
    let data = account.data;
    if data.len() < HEADER_LEN || data.first_chunk() != Some(&BOARD) {
        return Err(Refusal::NotABoard);
    }
    let (slots, _) = data[HEADER_LEN..].as_chunks();
    let length = at(data, offset_of!(Header, length)).map_or(0, |bytes| u32::from_le_bytes(*bytes));
    slots.get(..length as usize).ok_or(Refusal::NotABoard)
}

impl Slot {
    /// The account's bytes need no alignment.
    fn from_bytes(bytes: &[u8; SLOT_LEN]) -> Self {
        // SAFETY: of the same length, and every bit pattern is a slot.
        unsafe { (bytes.as_ptr() as *const Self).read_unaligned() }
    }
}
