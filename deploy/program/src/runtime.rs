//! What only the runtime can do: the clock, rent, events, and making, growing and closing this program's accounts.

use pinocchio::{
    AccountView, Address, ProgramResult, Resize,
    address::address_eq,
    cpi::Signer,
    error::ProgramError,
    sysvars::{Sysvar, clock::Clock, get_sysvar_unchecked, rent::RENT_ID},
};
use pinocchio_system::instructions::{Allocate, Assign, CreateAccount, Transfer};

use crate::error::{OracleError, require};

/// The runtime lets an account grow by this much an instruction.
pub const MAX_GROWTH: usize = 10_240;

/// What the cluster says of the present: slot, and milliseconds since 1970.
#[derive(Clone, Copy)]
pub struct Now {
    pub slot: u64,
    pub ms: u64,
}

pub fn now() -> Result<Now, ProgramError> {
    let clock = Clock::get()?;
    Ok(Now { slot: clock.slot, ms: (clock.unix_timestamp.max(0) as u64).saturating_mul(1000) })
}

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

/// Lamports that keep `len` bytes rent-exempt. Reads the sysvar in both its forms: clusters before SIMD-0194 have half
/// the lamports per byte and an exemption threshold of 2 years.
pub fn minimum_balance(len: usize) -> Result<u64, ProgramError> {
    const ACCOUNT_OVERHEAD: u64 = 128;
    let mut rent = [0u64; 2];
    // SAFETY: the sysvar begins with 16 bytes of lamports per byte (u64) and threshold (f64).
    unsafe { get_sysvar_unchecked(rent.as_mut_ptr() as *mut u8, &RENT_ID, 0, 16)? };
    let years = match rent[1] {
        0x3ff0_0000_0000_0000 => 1,
        0x4000_0000_0000_0000 => 2,
        _ => return Err(ProgramError::UnsupportedSysvar),
    };
    Ok((ACCOUNT_OVERHEAD + len as u64) * rent[0] * years)
}

/// A new account of this program, of `len` zero bytes.
pub struct New<'a> {
    pub payer: &'a AccountView,
    pub program_id: &'a Address,
    pub len: usize,
}

impl New<'_> {
    /// Make it at `account`, for which `signer` holds the seeds; lamports that lie there already count.
    pub fn at(&self, account: &mut AccountView, signer: Signer) -> ProgramResult {
        let (payer, owner, space) = (self.payer, self.program_id, self.len as u64);
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

/// Grow one of our accounts by as much as the runtime lets it in one instruction, towards `len`.
pub fn grow(account: &mut AccountView, len: usize, payer: &AccountView) -> ProgramResult {
    let next = len.min(account.data_len() + MAX_GROWTH);
    if next == account.data_len() {
        return Ok(());
    }
    fund(account, next, payer)?;
    account.resize(next)
}

fn fund(account: &AccountView, len: usize, payer: &AccountView) -> ProgramResult {
    let lamports = minimum_balance(len)?.saturating_sub(account.lamports());
    if lamports == 0 {
        return Ok(());
    }
    Transfer { from: payer, to: account, lamports }.invoke()
}

/// Move lamports out of one of our accounts.
pub fn pay_out(from: &mut AccountView, to: &mut AccountView, lamports: u64) {
    from.set_lamports(from.lamports() - lamports);
    to.set_lamports(to.lamports() + lamports);
}

/// The bump of `account`, which must lie where the seeds say.
pub fn derive(account: &AccountView, seeds: &[&[u8]], program_id: &Address) -> Result<u8, OracleError> {
    let (want, bump) = Address::try_find_program_address(seeds, program_id).ok_or(OracleError::WrongAddress)?;
    require(address_eq(&want, account.address()), OracleError::WrongAddress)?;
    Ok(bump)
}
