//! Bytes of a committee and of a resolution.

use core::mem::{align_of, offset_of, size_of};

/// First 8 bytes of the accounts; the last of them is the layout's version.
pub const COMMITTEE: [u8; 8] = *b"commit\0\x01";
pub const RESOLUTION: [u8; 8] = *b"resolv\0\x01";

pub const MAX_MEMBERS: usize = 9;
pub const MAX_SPEC_LEN: usize = 640;
pub const COMMITTEE_LEN: usize = size_of::<Committee>();
/// Of a resolution before its spec.
pub const RESOLUTION_LEN: usize = size_of::<Resolution>();

pub const NO_OUTCOME: u8 = 0;
pub const YES: u8 = 1;
pub const NO: u8 = 2;

/// What a resolution is about: its spec alone, or a market of PNP.
pub const KIND_GENERIC: u8 = 0;
pub const KIND_V2: u8 = 2;
pub const KIND_V3: u8 = 3;

pub const OPEN: u8 = 0;
pub const SETTLED: u8 = 1;
/// Somebody else settled the market, with the winner that the committee proposed.
pub const SETTLED_ELSEWHERE: u8 = 2;
/// Somebody else settled the market, with the other winner.
pub const CONTRADICTED: u8 = 3;

/// Immutable but for its members.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committee {
    pub discriminator: [u8; 8],
    pub creator: [u8; 32],
    /// All zeros: none, the committee's resolutions are generic.
    pub pnp_program: [u8; 32],
    /// Where PNP's activation makes token metadata; fixed here, as it is called with the settler's signature and money.
    pub metadata_program: [u8; 32],
    /// Lamports for whoever settles, out of the deposit.
    pub reward: u64,
    pub challenge_s: u32,
    pub safety_s: u32,
    pub index: u16,
    pub threshold: u8,
    pub size: u8,
    pub padding: [u8; 4],
    pub members: [[u8; 32]; MAX_MEMBERS],
    /// Raised when a seat changes hands: what an earlier holder did in a resolution counts no longer.
    pub generations: [u32; MAX_MEMBERS],
    pub padding_end: [u8; 4],
}

/// One seat's part in a resolution, by the holder of the given generation.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    pub evidence_hash: [u8; 32],
    pub voted_at: u64,
    pub generation: u32,
    pub outcome: u8,
    /// How often the member voted: a vote may be changed once.
    pub votes: u8,
    pub accepted: u8,
    pub flagged: u8,
}

/// The file of one market; the canonical spec follows behind it. Times in seconds, 0 = never.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    pub discriminator: [u8; 8],
    pub committee: [u8; 32],
    pub market: [u8; 32],
    pub opener: [u8; 32],
    pub spec_hash: [u8; 32],
    pub opened_at: u64,
    /// The market's end; 0 for a generic one.
    pub end_time: u64,
    /// Since when `proposed` has had its votes; both may lag behind a replaced member until somebody votes or settles.
    pub proposed_since: u64,
    pub not_before: u64,
    pub decided_at: u64,
    pub spec_len: u16,
    pub kind: u8,
    pub state: u8,
    pub proposed: u8,
    /// The committee's outcome, once decided.
    pub winner: u8,
    pub bump: u8,
    pub settler_bump: u8,
    pub seats: [Seat; MAX_MEMBERS],
}

const _: () = {
    assert!(COMMITTEE_LEN == 456 && align_of::<Committee>() == 8 && offset_of!(Committee, members) == 128);
    assert!(size_of::<Seat>() == 48);
    assert!(RESOLUTION_LEN == 616 && offset_of!(Resolution, seats) == 184);
};
