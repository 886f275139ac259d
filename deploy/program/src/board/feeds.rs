//! Which market each slot carries.

use oracle_reader::board::{
    FeedId, HEADER_LEN, Header, ID_LEN, IDS_HEADER_LEN, PRICE_MAX, SLOT_LEN, STATUS_RETIRED, Slot,
};
use pinocchio::{Address, ProgramResult};

use super::life::grown;
use crate::{
    Call,
    accounts::{authority_of, header, ids_of, take_distinct},
    args::Args,
    error::{OracleError, require},
    event::{Event, FEEDS_LISTED, FEEDS_RETIRED},
};

/// `[index u16, id 32; 1..]`; accounts: authority S, board W, ids W.
///
/// An index is the board's next free one or that of a retired slot, which begins a new generation without a price.
pub fn list(Call { program_id, accounts, data }: Call) -> ProgramResult {
    let [authority, board, ids] = take_distinct(accounts)?;
    let key = *board.address();
    let board = authority_of(program_id, authority, board)?;
    let ids = ids_of(program_id, &key, ids)?;
    grown(board, ids)?;
    let mut args = Args::new(data);
    let mut count = 0;
    while !args.is_empty() {
        list_one(board, ids, args.u16()?, args.bytes()?)?;
        count += 1;
    }
    finish(&key, header(board)?, count, FEEDS_LISTED)
}

/// `[index u16; 1..]`; accounts: authority S, board W. The slots keep their times, lose their prices, and take no more.
pub fn retire(Call { program_id, accounts, data }: Call) -> ProgramResult {
    let [authority, board] = take_distinct(accounts)?;
    let key = *board.address();
    let board = authority_of(program_id, authority, board)?;
    let mut args = Args::new(data);
    let mut count = 0;
    while !args.is_empty() {
        let index = args.u16()?;
        require((index as u32) < header(board)?.length, OracleError::BadIndex)?;
        let slot = slot(board, index);
        require(slot.status != STATUS_RETIRED, OracleError::SlotRetired)?;
        *slot = Slot { bid: 0, ask: PRICE_MAX, last: 0, status: STATUS_RETIRED, size: 0, ..*slot };
        count += 1;
    }
    finish(&key, header(board)?, count, FEEDS_RETIRED)
}

fn list_one(board: &mut [u8], ids: &mut [u8], index: u16, id: &[u8; 32]) -> ProgramResult {
    let head = header(board)?;
    let fresh = index as u32 == head.length;
    require(index as u32 <= head.length && (index as u32) < head.capacity, OracleError::BadIndex)?;
    head.length += fresh as u32;
    let slot = slot(board, index);
    require(fresh || slot.status == STATUS_RETIRED, OracleError::SlotInUse)?;
    let generation = slot.generation.checked_add(!fresh as u16).ok_or(OracleError::CounterOverflow)?;
    *slot =
        Slot { bid: 0, ask: PRICE_MAX, last: 0, status: 0, size: 0, as_of_ms: 0, updates: 0, generation, reserved: 0 };
    *feed_id(ids, index) = FeedId { id: *id, generation, padding: [0; 6] };
    Ok(())
}

/// Raise the epoch, so that no transaction in flight writes into a slot that has changed hands. It goes round at its end.
fn finish(board: &Address, header: &mut Header, count: u16, event: [u8; 8]) -> ProgramResult {
    require(count > 0, OracleError::BadInstruction)?;
    header.epoch = header.epoch.wrapping_add(1);
    Event::new(event).key(board).u32(header.epoch).u16(count).emit();
    Ok(())
}

/// The slot at `index`, which is below the capacity of a grown board.
fn slot(board: &mut [u8], index: u16) -> &mut Slot {
    let at = HEADER_LEN + index as usize * SLOT_LEN;
    // SAFETY: the range check is the slice's; 8-aligned, and every bit pattern is a slot.
    unsafe { &mut *(board[at..at + SLOT_LEN].as_mut_ptr() as *mut Slot) }
}

fn feed_id(ids: &mut [u8], index: u16) -> &mut FeedId {
    let at = IDS_HEADER_LEN + index as usize * ID_LEN;
    // SAFETY: as above.
    unsafe { &mut *(ids[at..at + ID_LEN].as_mut_ptr() as *mut FeedId) }
}
