//! A stand-in for the token metadata program: `CreateMetadataAccountV3` alone, with the real layout, size and payer, so
//! that the PNP stand-in's call has a callee. It checks what the call depends on, not what real metadata may contain.
#![no_std]

#[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
extern crate std; // host builds: allocator and panic handler

use pinocchio::{
    AccountView, Address, ProgramResult, address::address_eq, cpi::Signer, error::ProgramError, instruction::seeds,
};
use program_runtime::New;

#[cfg(not(feature = "no-entrypoint"))]
mod entrypoint {
    pinocchio::program_entrypoint!(super::process, 8);
    pinocchio::no_allocator!();
    pinocchio::nostd_panic_handler!();
}

const CREATE_METADATA_ACCOUNT_V3: u8 = 33;
/// `Key::MetadataV1`, the first byte of a metadata account.
const METADATA_V1: u8 = 4;
const METADATA_LEN: usize = 607;
/// Strings are padded with zeros to these lengths.
const STRINGS: [usize; 3] = [32, 10, 200];

/// `[33][name, symbol, uri: string][seller fee u16][..]`; accounts: metadata W, mint, mint authority S, payer SW, update
/// authority, system program, rent.
pub fn process(program_id: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [metadata, mint, authority, payer, update_authority, ..] = accounts else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let data = data.strip_prefix(&[CREATE_METADATA_ACCOUNT_V3]).ok_or(ProgramError::InvalidInstructionData)?;
    if !authority.is_signer() || !payer.is_signer() {
        return Err(ProgramError::MissingRequiredSignature);
    }
    let mint_key = *mint.address();
    let path: [&[u8]; 3] = [b"metadata", program_id.as_ref(), mint_key.as_ref()];
    let (want, bump) = Address::try_find_program_address(&path, program_id).ok_or(ProgramError::InvalidSeeds)?;
    if !address_eq(&want, metadata.address()) {
        return Err(ProgramError::InvalidSeeds);
    }
    let bump = [bump];
    let seeds = seeds!(b"metadata", program_id.as_ref(), mint_key.as_ref(), &bump);
    New { payer, owner: program_id, len: METADATA_LEN }.at(metadata, Signer::from(&seeds))?;
    let account = &mut metadata.try_borrow_mut()?;
    account[0] = METADATA_V1;
    account[1..33].copy_from_slice(update_authority.address().as_ref());
    account[33..65].copy_from_slice(mint_key.as_ref());
    write_strings(&mut account[65..], data)
}

fn write_strings(account: &mut [u8], mut data: &[u8]) -> ProgramResult {
    let mut at = 0;
    for room in STRINGS {
        let text = string(&mut data, room)?;
        account[at..at + 4].copy_from_slice(&(room as u32).to_le_bytes());
        account[at + 4..at + 4 + text.len()].copy_from_slice(text);
        at += 4 + room;
    }
    Ok(())
}

fn string<'a>(data: &mut &'a [u8], room: usize) -> Result<&'a [u8], ProgramError> {
    let (len, rest) = data.split_first_chunk().ok_or(ProgramError::InvalidInstructionData)?;
    let len = u32::from_le_bytes(*len) as usize;
    let (text, rest) = rest.split_at_checked(len).ok_or(ProgramError::InvalidInstructionData)?;
    *data = rest;
    if len > room { Err(ProgramError::InvalidInstructionData) } else { Ok(text) }
}
