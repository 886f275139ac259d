//! What the programs ask of the Solana runtime: rent, new accounts, events. On the host there is none: calls do nothing, accounts
//! are made at no cost, and rent is that of mainnet.
#![no_std]

use pinocchio::{AccountView, Address, ProgramResult, Resize, cpi::Signer, error::ProgramError};
use pinocchio_system::instructions::{Allocate, Assign, CreateAccount, Transfer};

/// One `Program data:` line.
pub fn emit(event: &[u8]) {
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    // SAFETY: a slice of slices is an array of (address, length) pairs, as the syscall expects.
    unsafe {
        let parts = [event];
        pinocchio::syscalls::sol_log_data(parts.as_ptr() as *const u8, 1)
    };
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    core::hint::black_box(event);
}

/// The first 16 bytes of the rent sysvar: lamports per byte (u64), exemption threshold in years (bits of an f64).
#[cfg(any(target_os = "solana", target_arch = "bpf"))]
fn rent() -> Result<[u64; 2], ProgramError> {
    let mut rent = [0; 2];
    // SAFETY: the buffer holds the 16 bytes.
    unsafe {
        pinocchio::sysvars::get_sysvar_unchecked(
            rent.as_mut_ptr() as *mut u8,
            &pinocchio::sysvars::rent::RENT_ID,
            0,
            16,
        )?
    };
    Ok(rent)
}

#[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
fn rent() -> Result<[u64; 2], ProgramError> {
    Ok([6_960, 0x3ff0_0000_0000_0000])
}

/// Lamports that keep `len` bytes rent-exempt. Reads the sysvar in both its forms: clusters before SIMD-0194 have half
/// the lamports per byte and an exemption threshold of 2 years.
pub fn minimum_balance(len: usize) -> Result<u64, ProgramError> {
    const ACCOUNT_OVERHEAD: u64 = 128;
    let rent = rent()?;
    let years = match rent[1] {
        0x3ff0_0000_0000_0000 => 1,
        0x4000_0000_0000_0000 => 2,
        _ => return Err(ProgramError::UnsupportedSysvar),
    };
    Ok((ACCOUNT_OVERHEAD + len as u64) * rent[0] * years)
}

/// A new account of `len` zero bytes that belongs to `owner`.
pub struct New<'a> {
    pub payer: &'a AccountView,
    pub owner: &'a Address,
    pub len: usize,
}

impl New<'_> {
    /// Make it at `account`, for which `signer` holds the seeds; lamports that lie there already count.
    pub fn at(&self, account: &mut AccountView, signer: Signer) -> ProgramResult {
        if cfg!(not(any(target_os = "solana", target_arch = "bpf"))) {
            account.assign(self.owner);
            return account.resize(self.len);
        }
        let (payer, owner, space) = (self.payer, self.owner, self.len as u64);
        if account.lamports() == 0 {
            let lamports = minimum_balance(self.len)?;
            return CreateAccount { from: payer, to: account, lamports, space, owner }.invoke_signed(&[signer]);
        }
        fund(account, self.len, payer)?;
        let signer = [signer];
        Allocate { account, space }.invoke_signed(&signer)?;
        Assign { account, owner }.invoke_signed(&signer)
    }
}

/// Pay what `account` lacks to be rent-exempt at `len` bytes.
pub fn fund(account: &AccountView, len: usize, payer: &AccountView) -> ProgramResult {
    let lamports = minimum_balance(len)?.saturating_sub(account.lamports());
    if lamports == 0 {
        return Ok(());
    }
    Transfer { from: payer, to: account, lamports }.invoke()
}
