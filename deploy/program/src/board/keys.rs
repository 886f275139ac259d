//! Whose keys a board obeys, and the anchor that its publisher leaves on it.

use oracle_reader::board::Header;
use pinocchio::{AccountView, Address, ProgramResult, error::ProgramError};

use crate::{
    Call,
    accounts::{authority_of, board_of_ours, header, take_distinct},
    args::Args,
    error::{OracleError, require},
    event::{AUTHORITY_ACCEPTED, AUTHORITY_PROPOSED, Event, PUBLISHER_SET, TAPE_ANCHORED},
};

fn key_argument(data: &[u8]) -> Result<&[u8; 32], OracleError> {
    let mut args = Args::new(data);
    let key = args.bytes()?;
    args.end()?;
    Ok(key)
}

/// A board of ours, for an instruction of which one key of its header is the signer.
#[inline(always)] // more arguments than registers
fn held_by<'a>(
    program_id: &Address,
    accounts: &'a mut [AccountView],
    holder: impl Fn(&Header) -> &[u8; 32],
    refusal: OracleError,
) -> Result<(Address, &'a mut Header), ProgramError> {
    let [signer, board] = take_distinct(accounts)?;
    let (signer_key, key) = (*signer.address(), *board.address());
    let header = header(board_of_ours(program_id, signer, board)?)?;
    require(holder(header) == signer_key.as_array(), refusal)?;
    Ok((key, header))
}

/// `[new authority 32]`, all zeros to withdraw; accounts: authority S, board W.
pub fn propose_authority(Call { program_id, accounts, data }: Call) -> ProgramResult {
    let proposed = key_argument(data)?;
    let [authority, board] = take_distinct(accounts)?;
    let key = *board.address();
    header(authority_of(program_id, authority, board)?)?.pending_authority = *proposed;
    Event::new(AUTHORITY_PROPOSED).key(&key).bytes(proposed).emit();
    Ok(())
}

/// No data; accounts: proposed authority S, board W.
pub fn accept_authority(Call { program_id, accounts, data }: Call) -> ProgramResult {
    Args::new(data).end()?;
    let (key, header) =
        held_by(program_id, accounts, |header| &header.pending_authority, OracleError::WrongPendingAuthority)?;
    header.authority = header.pending_authority;
    header.pending_authority = [0; 32];
    Event::new(AUTHORITY_ACCEPTED).key(&key).bytes(&header.authority).emit();
    Ok(())
}

/// `[publisher 32]`; accounts: authority S, board W.
pub fn set_publisher(Call { program_id, accounts, data }: Call) -> ProgramResult {
    let publisher = key_argument(data)?;
    let [authority, board] = take_distinct(accounts)?;
    let key = *board.address();
    header(authority_of(program_id, authority, board)?)?.publisher = *publisher;
    Event::new(PUBLISHER_SET).key(&key).bytes(publisher).emit();
    Ok(())
}

/// `[head hash 32]` of the publisher's tape; accounts: publisher S, board W.
pub fn anchor(Call { program_id, accounts, data }: Call) -> ProgramResult {
    let head = key_argument(data)?;
    let (key, header) = held_by(program_id, accounts, |header| &header.publisher, OracleError::WrongPublisher)?;
    header.tape_head = *head;
    Event::new(TAPE_ANCHORED).key(&key).bytes(head).emit();
    Ok(())
}
