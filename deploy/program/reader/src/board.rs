//! Bytes of a board and of its ids account.

use core::mem::{align_of, offset_of, size_of};

/// First 8 bytes of the accounts; the last of them is the layout's version.
pub const BOARD: [u8; 8] = *b"board\0\0\x01";
pub const IDS: [u8; 8] = *b"ids\0\0\0\0\x01";
/// What stays of a closed board: 8 bytes, so that its address never comes back with other feeds.
pub const TOMBSTONE: [u8; 8] = *b"closed\0\x01";

pub const HEADER_LEN: usize = size_of::<Header>();
pub const SLOT_LEN: usize = size_of::<Slot>();
pub const IDS_HEADER_LEN: usize = 8;
pub const ID_LEN: usize = size_of::<FeedId>();
pub const MAX_CAPACITY: u32 = 1024;

/// Prices are centi-cents of YES, 0..=10000; a bid of 0 and an ask of 10000 are an empty side.
pub const PRICE_MAX: u16 = 10_000;
/// The one status in which the venue trades.
pub const STATUS_ACTIVE: u8 = 2;
pub const STATUS_FINAL: u8 = 8;
pub const STATUS_RETIRED: u8 = 9;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub discriminator: [u8; 8],
    pub authority: [u8; 32],
    pub pending_authority: [u8; 32],
    pub publisher: [u8; 32],
    /// Fence: a `publish` with a lower one is refused.
    pub epoch: u32,
    pub flags: u32,
    /// Entries written so far.
    pub updates: u64,
    /// Cluster slot and clock of the last `publish`.
    pub slot: u64,
    pub last_publish_ms: u64,
    pub capacity: u32,
    pub length: u32,
    pub tape_head: [u8; 32],
    pub name: [u8; 16],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub bid: u16,
    pub ask: u16,
    /// Price of the last trade, 0 = none.
    pub last: u16,
    pub status: u8,
    /// Bit length of the whole contracts on the thinner side.
    pub size: u8,
    /// Milliseconds since 1970 up to which the publisher vouches for these values.
    pub as_of_ms: u64,
    pub updates: u32,
    /// Counts how often the slot was given to another market.
    pub generation: u16,
    pub reserved: u16,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedId {
    /// SHA-256 of `venue:market`.
    pub id: [u8; 32],
    pub generation: u16,
    pub padding: [u8; 6],
}

const _: () = {
    assert!(HEADER_LEN == 192 && align_of::<Header>() == 8);
    assert!(offset_of!(Header, epoch) == 104 && offset_of!(Header, updates) == 112);
    assert!(offset_of!(Header, capacity) == 136 && offset_of!(Header, tape_head) == 144);
    assert!(SLOT_LEN == 24 && offset_of!(Slot, as_of_ms) == 8 && offset_of!(Slot, generation) == 20);
    assert!(ID_LEN == 40);
};

/// Account size of a board, and of its ids account, for that many feeds.
pub const fn board_len(capacity: u32) -> usize {
    HEADER_LEN + capacity as usize * SLOT_LEN
}

pub const fn ids_len(capacity: u32) -> usize {
    IDS_HEADER_LEN + capacity as usize * ID_LEN
}
