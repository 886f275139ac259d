//! `publish`: the publisher writes prices.

use oracle_reader::board::{HEADER_LEN, Header, Slot};
use pinocchio::error::ProgramError;
use program_runtime::emit;

use super::entries::{ENTRY_LEN, Job, MAX_AGE_MS, Tally};
use crate::{
    error::{OracleError, require},
    event,
    runtime::Now,
};

/// tag u8, version u8, count u16, epoch u32, reserved u64, base_ms u64.
pub const PUBLISH_HEADER_LEN: usize = 24;
pub const PUBLISH_VERSION: u8 = 0;
/// An entry from further ahead of the cluster's clock is stored as of now + this much.
pub const FUTURE_MS: u64 = 5_000;

/// The fixed part of the instruction's data.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Batch {
    tag: u8,
    version: u8,
    count: u16,
    pub epoch: u32,
    reserved: u64,
    base_ms: u64,
}

impl Batch {
    /// The batch at the front of `data` (8-aligned, tag included); its length must fit its count.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Result<Self, OracleError> {
        require(data.len() >= PUBLISH_HEADER_LEN, OracleError::BadInstruction)?;
        // SAFETY: long enough, 8-aligned, every bit pattern is a batch.
        let batch = unsafe { *(data.as_ptr() as *const Self) };
        let fits = data.len() == PUBLISH_HEADER_LEN + batch.count as usize * ENTRY_LEN;
        require(
            fits && batch.version == PUBLISH_VERSION && batch.reserved == 0 && batch.base_ms >= MAX_AGE_MS,
            OracleError::BadInstruction,
        )?;
        Ok(batch)
    }
}

/// Whether `epoch` is not behind the board's. Epochs are serial numbers that go round at 2^32, and the half of the circle
/// before a board's lies behind it: whatever a publisher makes of the epoch, there is a next one.
#[inline(always)]
pub fn in_force(epoch: u32, boards: u32) -> bool {
    epoch.wrapping_sub(boards) as i32 >= 0
}

/// Apply a batch to a board's header and slots.
///
/// # Safety
/// `board` points at a board's bytes, 8-aligned and long enough for its length; `data` is what `batch` was parsed from.
#[inline(always)]
pub unsafe fn apply(board: *mut u8, batch: Batch, data: *const u8, now: Now) -> Result<Tally, OracleError> {
    // SAFETY: per the contract above.
    let header = unsafe { &mut *(board as *mut Header) };
    require(in_force(batch.epoch, header.epoch), OracleError::StaleEpoch)?;
    let job = Job {
        // SAFETY: per the contract above.
        slots: unsafe { board.add(HEADER_LEN) } as *mut Slot,
        length: header.length as u64,
        // SAFETY: `parse` has checked the length.
        entries: unsafe { data.add(PUBLISH_HEADER_LEN) },
        count: batch.count as u64,
        base_ms: batch.base_ms,
        limit_ms: now.ms.saturating_add(FUTURE_MS),
    };
    // SAFETY: per the contract above; `parse` has checked count and base.
    let tally = unsafe { job.run() };
    header.epoch = batch.epoch;
    header.updates = header.updates.wrapping_add(tally.written);
    header.slot = now.slot;
    header.last_publish_ms = now.ms;
    Ok(tally)
}

/// The event of one `publish`.
#[inline(always)]
pub fn announce(board: &[u64; 4], epoch: u32, tally: Tally) -> Result<(), ProgramError> {
    emit(&event::published(board, epoch, tally));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::in_force;

    #[test]
    fn epochs_go_round() {
        for boards in [0, 7, i32::MAX as u32, 1 << 31, u32::MAX] {
            for ahead in [0, 1, i32::MAX as u32] {
                assert!(in_force(boards.wrapping_add(ahead), boards), "{ahead} ahead of {boards}");
            }
            for behind in [1, 2, 1 << 31] {
                assert!(!in_force(boards.wrapping_sub(behind), boards), "{behind} behind {boards}");
            }
        }
    }
}
