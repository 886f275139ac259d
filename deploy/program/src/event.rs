//! Events: `sol_log_data` lines of an 8-byte discriminator, `sha256("event:<Name>")[..8]`, and packed fields.

use pinocchio::Address;
use program_runtime::emit;

use crate::board::entries::Tally;

/// Published: board 32, epoch u32, written u16, stale u16, malformed u16.
pub const PUBLISHED: [u8; 8] = [209, 213, 222, 168, 97, 205, 86, 206];
/// FeedsListed: board 32, epoch u32, count u16.
pub const FEEDS_LISTED: [u8; 8] = [243, 173, 235, 115, 135, 132, 84, 138];
/// FeedsRetired: board 32, epoch u32, count u16.
pub const FEEDS_RETIRED: [u8; 8] = [48, 158, 63, 246, 247, 75, 23, 53];
/// AuthorityProposed: board 32, proposed 32.
pub const AUTHORITY_PROPOSED: [u8; 8] = [244, 117, 94, 112, 53, 151, 35, 89];
/// AuthorityAccepted: board 32, authority 32.
pub const AUTHORITY_ACCEPTED: [u8; 8] = [166, 192, 219, 188, 41, 209, 195, 26];
/// PublisherSet: board 32, publisher 32.
pub const PUBLISHER_SET: [u8; 8] = [93, 52, 154, 237, 136, 18, 156, 26];
/// TapeAnchored: board 32, head 32.
pub const TAPE_ANCHORED: [u8; 8] = [148, 141, 31, 29, 198, 199, 26, 196];
/// BoardMade: board 32, authority 32.
pub const BOARD_MADE: [u8; 8] = [36, 126, 140, 149, 72, 226, 112, 73];
/// BoardClosed: board 32.
pub const BOARD_CLOSED: [u8; 8] = [105, 39, 95, 48, 199, 186, 73, 135];
/// CommitteeMade: committee 32, creator 32.
pub const COMMITTEE_MADE: [u8; 8] = [245, 64, 171, 69, 189, 184, 47, 34];
/// MemberReplaced: committee 32, leaver 32, newcomer 32.
pub const MEMBER_REPLACED: [u8; 8] = [54, 193, 69, 47, 163, 89, 85, 41];
/// Opened: resolution 32, committee 32, market 32, spec_hash 32.
pub const OPENED: [u8; 8] = [166, 172, 97, 9, 77, 76, 189, 109];
/// Accepted: resolution 32, member 32.
pub const ACCEPTED: [u8; 8] = [54, 162, 140, 167, 179, 190, 95, 70];
/// Activated: resolution 32, member 32, spent u64, refunded u64.
pub const ACTIVATED: [u8; 8] = [140, 38, 35, 97, 110, 193, 239, 71];
/// Attested: resolution 32, member 32, outcome u8, evidence_hash 32, proposed u8, proposed_since u64.
pub const ATTESTED: [u8; 8] = [184, 102, 113, 199, 220, 197, 96, 50];
/// Flagged: resolution 32, member 32, reason 32, not_before u64.
pub const FLAGGED: [u8; 8] = [172, 99, 137, 6, 66, 30, 69, 5];
/// Settled: resolution 32, state u8, outcome u8, reward u64.
pub const SETTLED: [u8; 8] = [232, 210, 40, 17, 142, 124, 145, 238];
/// ResolutionClosed: resolution 32, rent u64, deposit u64.
pub const RESOLUTION_CLOSED: [u8; 8] = [221, 233, 197, 60, 45, 42, 229, 188];

const MAX_LEN: usize = 144;

/// An event under construction; the fields come in the order of its description above.
pub struct Event {
    bytes: [u8; MAX_LEN],
    len: usize,
}

impl Event {
    pub fn new(discriminator: [u8; 8]) -> Self {
        let mut event = Self { bytes: [0; MAX_LEN], len: 0 };
        event.bytes(&discriminator);
        event
    }

    #[inline(never)]
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
        self
    }

    pub fn key(&mut self, key: &Address) -> &mut Self {
        self.bytes(key.as_ref())
    }

    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn emit(&self) {
        emit(&self.bytes[..self.len]);
    }
}

/// `Published`, on the hot path.
#[inline(always)]
pub fn published(board: &[u64; 4], epoch: u32, tally: Tally) -> [u8; 50] {
    let mut event = [0; 50];
    event[..8].copy_from_slice(&PUBLISHED);
    for (at, word) in event[8..40].chunks_exact_mut(8).zip(board) {
        at.copy_from_slice(&word.to_le_bytes());
    }
    event[40..44].copy_from_slice(&epoch.to_le_bytes());
    event[44..46].copy_from_slice(&(tally.written as u16).to_le_bytes());
    event[46..48].copy_from_slice(&(tally.stale as u16).to_le_bytes());
    event[48..].copy_from_slice(&(tally.malformed as u16).to_le_bytes());
    event
}
