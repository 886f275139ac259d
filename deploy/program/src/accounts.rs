//! Checks before a byte of an account is believed: count, signer, writable, owner, address, discriminator.

use oracle_reader::layout::{BOARD, HEADER_LEN, Header, IDS, TOMBSTONE};
use pinocchio::{AccountView, Address, address::address_eq, error::ProgramError};

use crate::{
    error::{OracleError, require},
    runtime::derive,
};

/// Exactly `N` accounts, no two of them the same.
pub fn take<const N: usize>(accounts: &mut [AccountView]) -> Result<&mut [AccountView; N], OracleError> {
    let accounts: &mut [AccountView; N] = accounts.try_into().map_err(|_| OracleError::WrongAccountCount)?;
    for (i, account) in accounts.iter().enumerate() {
        let twice = accounts[..i].iter().any(|other| address_eq(other.address(), account.address()));
        require(!twice, OracleError::DuplicateAccount)?;
    }
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

/// The header of a board's bytes; `data` is 8-aligned, as the runtime and `Slab` keep it.
pub fn header(data: &mut [u8]) -> Result<&mut Header, OracleError> {
    let kind = data.first_chunk::<8>();
    require(kind != Some(&TOMBSTONE), OracleError::BoardClosed)?;
    require(kind == Some(&BOARD) && data.len() >= HEADER_LEN, OracleError::WrongDiscriminator)?;
    // SAFETY: long enough, 8-aligned, and every bit pattern is a header.
    Ok(unsafe { &mut *(data.as_mut_ptr() as *mut Header) })
}

/// A board of ours that `authority` has signed for; its bytes stay borrowed.
pub fn authority_of<'a>(
    program_id: &Address,
    authority: &AccountView,
    board: &'a mut AccountView,
) -> Result<&'a mut [u8], ProgramError> {
    signed(authority)?;
    writable(board)?;
    ours(board, program_id)?;
    // SAFETY: `take` has refused the same account twice, so nothing else borrows these bytes.
    let data = unsafe { board.borrow_unchecked_mut() };
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
