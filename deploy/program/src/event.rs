//! Events: `sol_log_data` lines of an 8-byte discriminator, `sha256("event:<Name>")[..8]`, and packed fields.

use crate::board::entries::Tally;

pub const PUBLISHED: [u8; 8] = [28, 141, 221, 12, 206, 105, 246, 5];

/// Published: board 32, epoch u32, written u16, stale u16, malformed u16.
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
