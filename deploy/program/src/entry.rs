//! The entry point. `publish` is read straight from the runtime's input, everything else goes through pinocchio.

use core::mem::MaybeUninit;
use oracle_reader::board::{BOARD, HEADER_LEN, Header};

use pinocchio::{
    AccountView,
    account::{MAX_PERMITTED_DATA_INCREASE, NOT_BORROWED, RuntimeAccount},
    entrypoint::deserialize,
    error::ProgramError,
};

use crate::{
    MAX_ACCOUNTS,
    board::publish::{Batch, announce, apply},
    error::{OracleError, require},
    process,
    runtime::now,
    tag,
};

/// An account's fixed part, its data, the space it may grow into, and its rent epoch, kept 8-aligned.
#[inline(always)]
unsafe fn after(account: *mut RuntimeAccount) -> *mut u8 {
    // SAFETY: the runtime lays accounts out one behind the other.
    unsafe {
        let fixed = size_of::<RuntimeAccount>() + MAX_PERMITTED_DATA_INCREASE + 8;
        let len = ((*account).data_len as usize).wrapping_add(7) & !7;
        (account as *mut u8).add(fixed).add(len)
    }
}

/// Whether two addresses are the same, word by word; alignment is not assumed.
///
/// # Safety
/// Both point at 32 readable bytes.
#[inline(always)]
unsafe fn same(a: *const u64, b: *const u64) -> bool {
    // SAFETY: per the contract.
    unsafe { (0..4).all(|word| a.add(word).read_unaligned() == b.add(word).read_unaligned()) }
}

/// # Safety
/// `input` is the runtime's serialized input of one instruction.
pub unsafe fn run(input: *mut u8) -> u64 {
    // SAFETY: per the contract; the walk stops where the layout leaves the plain case of two distinct accounts.
    unsafe {
        if (input as *const u64).read() == 2 {
            let publisher = input.add(8) as *mut RuntimeAccount;
            let board = after(publisher) as *mut RuntimeAccount;
            if (*board).borrow_state == NOT_BORROWED {
                let data = after(board);
                let len = (data as *const u64).read() as usize;
                let data = data.add(8);
                if len > 0 && *data == tag::PUBLISH {
                    return match publish(publisher, board, core::slice::from_raw_parts(data, len)) {
                        Ok(()) => 0,
                        Err(e) => e.into(),
                    };
                }
            }
        }
        let mut accounts = [MaybeUninit::uninit(); MAX_ACCOUNTS];
        let (program_id, count, data) = deserialize::<MAX_ACCOUNTS>(input, &mut accounts);
        let accounts = core::slice::from_raw_parts_mut(accounts.as_mut_ptr() as *mut AccountView, count);
        match process(program_id, accounts, data) {
            Ok(()) => 0,
            Err(e) => e.into(),
        }
    }
}

/// # Safety
/// Two distinct accounts of the runtime's input, and its instruction data with the program id behind it.
#[inline(always)]
unsafe fn publish(publisher: *mut RuntimeAccount, board: *mut RuntimeAccount, data: &[u8]) -> Result<(), ProgramError> {
    // SAFETY: per the contract.
    unsafe {
        let program_id = data.as_ptr().add(data.len()) as *const u64;
        let bytes = (board as *mut u8).add(size_of::<RuntimeAccount>());
        require((*publisher).is_signer != 0, OracleError::MissingSigner)?;
        require((*board).is_writable != 0, OracleError::NotWritable)?;
        require(same(&raw const (*board).owner as _, program_id), OracleError::WrongOwner)?;
        require((*board).data_len >= 8, OracleError::WrongDiscriminator)?;
        let kind = (bytes as *const u64).read();
        if kind != u64::from_le_bytes(BOARD) || (*board).data_len < HEADER_LEN as u64 {
            crate::accounts::header(core::slice::from_raw_parts_mut(bytes, (*board).data_len as usize))?;
        }
        let header = bytes as *const Header;
        require(
            same(&raw const (*header).publisher as _, &raw const (*publisher).address as _),
            OracleError::WrongPublisher,
        )?;
        let batch = Batch::parse(data)?;
        let tally = apply(bytes, batch, data.as_ptr(), now()?)?;
        announce(&(&raw const (*board).address as *const [u64; 4]).read(), batch.epoch, tally)
    }
}

#[cfg(not(feature = "no-entrypoint"))]
mod exported {
    /// # Safety
    /// Called by the runtime with the serialized input of one instruction.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn entrypoint(input: *mut u8) -> u64 {
        unsafe { super::run(input) }
    }
    pinocchio::no_allocator!();
    pinocchio::nostd_panic_handler!();
}
