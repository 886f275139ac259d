//! Example of a reader of boards: `read` one price, or the `median` of several publishers', as return data.
//!
//! A real program pins the oracle program's id and its boards in its own state; here the first account names the oracle
//! program, so that the example runs under any id.
#![no_std]

#[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
extern crate std; // host builds: allocator and panic handler

use oracle_reader::read::{Age, Feed, MAX_SOURCES, Refusal, median_of};
use pinocchio::{
    AccountView, Address, ProgramResult,
    cpi::set_return_data,
    error::ProgramError,
    sysvars::{Sysvar, clock::Clock},
};

#[cfg(not(feature = "no-entrypoint"))]
mod entrypoint {
    pinocchio::program_entrypoint!(super::process, 20);
    pinocchio::no_allocator!();
    pinocchio::nostd_panic_handler!();
}

const READ: u8 = 0;
const MEDIAN: u8 = 1;

/// `[0][max age ms u32]` or `[1][max age ms u32][quorum u8]`, then `[index u16][generation u16]` a board; accounts:
/// oracle program, boards. A refusal comes as a custom error with its number.
pub fn process(_: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let (&tag, data) = data.split_first().ok_or(ProgramError::InvalidInstructionData)?;
    let (max_age, data) = data.split_first_chunk().ok_or(ProgramError::InvalidInstructionData)?;
    let age = Age { now_ms: Clock::get()?.unix_timestamp as u64 * 1000, max_ms: u32::from_le_bytes(*max_age) as u64 };
    let mut feeds = [Feed { board: &[], index: 0, generation: 0 }; MAX_SOURCES];
    let refused = |refusal: Refusal| ProgramError::Custom(refusal as u32);
    match tag {
        READ => {
            let slot = gather(accounts, data, &mut feeds)?[0].fresh(&age).map_err(refused)?;
            let ([b0, b1], [a0, a1]) = (slot.bid.to_le_bytes(), slot.ask.to_le_bytes());
            set_return_data(&[b0, b1, a0, a1]);
        }
        MEDIAN => {
            let (&quorum, data) = data.split_first().ok_or(ProgramError::InvalidInstructionData)?;
            let feeds = gather(accounts, data, &mut feeds)?;
            let (price, _) = median_of(feeds, &age, quorum as usize).map_err(refused)?;
            set_return_data(&price.to_le_bytes());
        }
        _ => return Err(ProgramError::InvalidInstructionData),
    }
    Ok(())
}

/// One feed a board, at least one; every board belongs to the oracle program.
fn gather<'a, 'b>(
    accounts: &'a [AccountView],
    data: &[u8],
    feeds: &'b mut [Feed<'a>; MAX_SOURCES],
) -> Result<&'b [Feed<'a>], ProgramError> {
    let (oracle, boards) = accounts.split_first().ok_or(ProgramError::NotEnoughAccountKeys)?;
    if boards.is_empty() || boards.len() > MAX_SOURCES || data.len() != 4 * boards.len() {
        return Err(ProgramError::InvalidInstructionData);
    }
    for ((feed, board), place) in feeds.iter_mut().zip(boards).zip(data.chunks_exact(4)) {
        if !board.owned_by(oracle.address()) {
            return Err(ProgramError::InvalidAccountOwner);
        }
        // SAFETY: this program borrows no account mutably.
        let bytes = unsafe { board.borrow_unchecked() };
        let (index, generation) = (u16::from_le_bytes([place[0], place[1]]), u16::from_le_bytes([place[2], place[3]]));
        *feed = Feed { board: bytes, index, generation };
    }
    Ok(&feeds[..boards.len()])
}
