//! Checks before a byte of an account is believed: count, signer, writable, owner, address, discriminator.

use oracle_reader::{
    board::{BOARD, HEADER_LEN, Header, IDS, TOMBSTONE},
    committee::{COMMITTEE, COMMITTEE_LEN, Committee, RESOLUTION, RESOLUTION_LEN, Resolution},
};
use pinocchio::{AccountView, Address, address::address_eq, error::ProgramError};

use crate::{
    error::{OracleError, require},
    runtime::derive,
};

/// Exactly `N` accounts.
pub fn take<const N: usize>(accounts: &mut [AccountView]) -> Result<&mut [AccountView; N], OracleError> {
    accounts.try_into().map_err(|_| OracleError::WrongAccountCount)
}

/// No two of them are the same.
pub fn distinct(accounts: &[AccountView]) -> Result<(), OracleError> {
    for (i, account) in accounts.iter().enumerate() {
        let twice = accounts[..i].iter().any(|other| address_eq(other.address(), account.address()));
        require(!twice, OracleError::DuplicateAccount)?;
    }
    Ok(())
}

/// Exactly `N` accounts, no two of them the same.
pub fn take_distinct<const N: usize>(accounts: &mut [AccountView]) -> Result<&mut [AccountView; N], OracleError> {
    let accounts = take(accounts)?;
    distinct(accounts)?;
    Ok(accounts)
}

pub fn signed(account: &AccountView) -> Result<(), OracleError> {
    require(account.is_signer(), OracleError::MissingSigner)
}

pub fn writable(account: &AccountView) -> Result<(), OracleError> {
    require(account.is_writable(), OracleError::NotWritable)
}

pub fn ours(account: &AccountView, program_id: &Address) -> Result<(), OracleError> {
    require(account.owned_by(program_id), OracleError::WrongOwner)
}

pub fn system_program(account: &AccountView) -> Result<(), OracleError> {
    require(address_eq(account.address(), &pinocchio_system::ID), OracleError::WrongProgram)
}

/// The header of a board's bytes; `data` is 8-aligned, as the runtime keeps it.
pub fn header(data: &mut [u8]) -> Result<&mut Header, OracleError> {
    let kind = data.first_chunk::<8>();
    require(kind != Some(&TOMBSTONE), OracleError::BoardClosed)?;
    require(kind == Some(&BOARD) && data.len() >= HEADER_LEN, OracleError::WrongDiscriminator)?;
    // SAFETY: long enough, 8-aligned, and every bit pattern is a header.
    Ok(unsafe { &mut *(data.as_mut_ptr() as *mut Header) })
}

/// The bytes of a board of ours that somebody has signed for; they stay borrowed.
pub fn board_of_ours<'a>(
    program_id: &Address,
    signer: &AccountView,
    board: &'a mut AccountView,
) -> Result<&'a mut [u8], ProgramError> {
    signed(signer)?;
    writable(board)?;
    ours(board, program_id)?;
    // SAFETY: `distinct` has refused the same account twice, so nothing else borrows these bytes.
    Ok(unsafe { board.borrow_unchecked_mut() })
}

/// The same, signed by the board's authority.
pub fn authority_of<'a>(
    program_id: &Address,
    authority: &AccountView,
    board: &'a mut AccountView,
) -> Result<&'a mut [u8], ProgramError> {
    let data = board_of_ours(program_id, authority, board)?;
    let is_authority = header(data)?.authority == *authority.address().as_array();
    require(is_authority, OracleError::WrongAuthority)?;
    Ok(data)
}

/// The ids account of `board`, writable.
pub fn ids_of<'a>(
    program_id: &Address,
    board: &Address,
    ids: &'a mut AccountView,
) -> Result<&'a mut [u8], ProgramError> {
    writable(ids)?;
    ours(ids, program_id)?;
    derive(ids, &[b"ids", board.as_ref()], program_id)?;
    // SAFETY: as above.
    let data = unsafe { ids.borrow_unchecked_mut() };
    require(data.first_chunk() == Some(&IDS), OracleError::WrongDiscriminator)?;
    Ok(data)
}

/// A committee's bytes; the caller has checked the owner.
pub fn committee(account: &AccountView) -> Result<&Committee, OracleError> {
    // SAFETY: nothing borrows a committee mutably but `replace_member`, which has no other account.
    let data = unsafe { account.borrow_unchecked() };
    let ok = data.first_chunk() == Some(&COMMITTEE) && data.len() == COMMITTEE_LEN;
    require(ok, OracleError::WrongDiscriminator)?;
    // SAFETY: of this length, 8-aligned, and every bit pattern is a committee.
    Ok(unsafe { &*(data.as_ptr() as *const Committee) })
}

pub fn committee_mut(account: &mut AccountView) -> Result<&mut Committee, OracleError> {
    committee(account)?;
    // SAFETY: as above.
    Ok(unsafe { &mut *(account.data_mut_ptr() as *mut Committee) })
}

/// A resolution of ours and the committee it belongs to. Its bytes stay borrowed behind the borrow checker's back, as
/// lamports of the same account are moved meanwhile.
pub fn file<'a>(
    program_id: &Address,
    committee_account: &'a AccountView,
    account: &mut AccountView,
) -> Result<(&'a Committee, &'a mut Resolution), OracleError> {
    ours(committee_account, program_id)?;
    ours(account, program_id)?;
    let committee = committee(committee_account)?;
    // SAFETY: the callers have refused the same account twice, so nothing else borrows these bytes.
    let data = unsafe { account.borrow_unchecked_mut() };
    let ok = data.first_chunk() == Some(&RESOLUTION) && data.len() >= RESOLUTION_LEN;
    require(ok, OracleError::WrongDiscriminator)?;
    // SAFETY: long enough, 8-aligned, and every bit pattern is a resolution; account data outlives the instruction.
    let resolution = unsafe { &mut *(data.as_mut_ptr() as *mut Resolution) };
    require(resolution.committee == *committee_account.address().as_array(), OracleError::WrongCommittee)?;
    Ok((committee, resolution))
}
