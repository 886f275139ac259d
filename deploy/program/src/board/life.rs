//! How a board comes to be, and how it ends.

use oracle_reader::board::{BOARD, Header, IDS, IDS_HEADER_LEN, MAX_CAPACITY, TOMBSTONE, board_len, ids_len};
use pinocchio::{AccountView, Address, ProgramResult, Resize, cpi::Signer, error::ProgramError, instruction::seeds};

use program_runtime::New;

use crate::{
    Call,
    accounts::{authority_of, header, ids_of, signed, system_program, take_distinct, writable},
    args::Args,
    error::{OracleError, require},
    event::{BOARD_CLOSED, BOARD_MADE, Event},
    runtime::{MAX_GROWTH, derive, grow, pay_out, spare},
};

struct Init {
    index: [u8; 2],
    capacity: u32,
    publisher: [u8; 32],
    name: [u8; 16],
}

impl Init {
    fn parse(data: &[u8]) -> Result<Self, OracleError> {
        let mut args = Args::new(data);
        let init =
            Self { index: *args.bytes()?, capacity: args.u32()?, publisher: *args.bytes()?, name: *args.bytes()? };
        args.end()?;
        require((1..=MAX_CAPACITY).contains(&init.capacity), OracleError::BadInstruction)?;
        Ok(init)
    }
}

/// `[index u16][capacity u32][publisher 32][name 16]`; accounts: authority SW, board W, ids W, system program.
///
/// The first call makes both accounts, each call lets them grow as far as one instruction may; to be repeated with the
/// same data until both hold the capacity.
pub fn init(Call { program_id, accounts, data }: Call) -> ProgramResult {
    let init = Init::parse(data)?;
    let [authority, board, ids, system] = take_distinct(accounts)?;
    signed(authority)?;
    writable(authority)?;
    writable(board)?;
    writable(ids)?;
    system_program(system)?;
    if board.owned_by(&pinocchio_system::ID) {
        make(program_id, authority, board, ids, &init)
    } else {
        extend(program_id, authority, board, ids, &init)
    }
}

#[inline(always)] // more arguments than registers
fn make(
    program_id: &Address,
    authority: &AccountView,
    board: &mut AccountView,
    ids: &mut AccountView,
    init: &Init,
) -> ProgramResult {
    let key = *board.address();
    let board_bump = [derive(board, &[b"board", authority.address().as_ref(), &init.index], program_id)?];
    let ids_bump = [derive(ids, &[b"ids", key.as_ref()], program_id)?];
    let board_seeds = seeds!(b"board", authority.address().as_ref(), &init.index, &board_bump);
    let ids_seeds = seeds!(b"ids", key.as_ref(), &ids_bump);
    let (board_len, ids_len) = (board_len(init.capacity), ids_len(init.capacity));
    New { payer: authority, owner: program_id, len: board_len.min(MAX_GROWTH) }
        .at(board, Signer::from(&board_seeds))?;
    New { payer: authority, owner: program_id, len: ids_len.min(MAX_GROWTH) }.at(ids, Signer::from(&ids_seeds))?;
    // SAFETY: `take` has refused the same account twice.
    let (board, ids) = unsafe { (board.borrow_unchecked_mut(), ids.borrow_unchecked_mut()) };
    ids[..IDS_HEADER_LEN].copy_from_slice(&IDS);
    board[..8].copy_from_slice(&BOARD);
    *header(board)? = Header {
        discriminator: BOARD,
        authority: *authority.address().as_array(),
        pending_authority: [0; 32],
        publisher: init.publisher,
        epoch: 0,
        flags: 0,
        updates: 0,
        slot: 0,
        last_publish_ms: 0,
        capacity: init.capacity,
        length: 0,
        tape_head: [0; 32],
        name: init.name,
    };
    Event::new(BOARD_MADE).key(&key).key(authority.address()).emit();
    Ok(())
}

#[inline(always)] // as above
fn extend(
    program_id: &Address,
    authority: &AccountView,
    board: &mut AccountView,
    ids: &mut AccountView,
    init: &Init,
) -> ProgramResult {
    let key = *board.address();
    {
        let data = authority_of(program_id, authority, board)?;
        require(header(data)?.capacity == init.capacity, OracleError::WrongCapacity)?;
        ids_of(program_id, &key, ids)?;
    }
    grow(board, board_len(init.capacity), authority)?;
    grow(ids, ids_len(init.capacity), authority)
}

/// Both accounts have reached the board's capacity.
pub fn grown(board: &mut [u8], ids: &[u8]) -> Result<(), ProgramError> {
    let capacity = header(board)?.capacity;
    let full = board.len() == board_len(capacity) && ids.len() == ids_len(capacity);
    Ok(require(full, OracleError::BoardGrowing)?)
}

/// No data; accounts: authority SW, board W, ids W. The rent goes back to the authority but for that of a tombstone.
pub fn close(Call { program_id, accounts, data }: Call) -> ProgramResult {
    Args::new(data).end()?;
    let [authority, board, ids] = take_distinct(accounts)?;
    let key = *board.address();
    writable(authority)?;
    authority_of(program_id, authority, board)?[..8].copy_from_slice(&TOMBSTONE);
    ids_of(program_id, &key, ids)?;
    board.resize(TOMBSTONE.len())?;
    let spared = spare(board, TOMBSTONE.len())?;
    pay_out(board, authority, spared);
    let rent = ids.lamports();
    pay_out(ids, authority, rent);
    Event::new(BOARD_CLOSED).key(&key).emit();
    ids.close()
}
