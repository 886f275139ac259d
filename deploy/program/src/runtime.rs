//! What only the runtime can do for this program: the clock, growing and emptying its accounts, deriving addresses.

use pinocchio::{
    AccountView, Address, ProgramResult, Resize, address::address_eq, error::ProgramError, sysvars::clock::Clock,
};
use program_runtime::{fund, minimum_balance};

use crate::error::{OracleError, require};

/// The runtime lets an account grow by this much an instruction.
pub const MAX_GROWTH: usize = 10_240;

/// Where the clock stands on the host, where fuzzing runs the entry point.
#[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
pub const HOST_CLOCK_S: i64 = 1_770_000_000;

/// What the cluster says of the present: slot, and milliseconds since 1970.
#[derive(Clone, Copy)]
pub struct Now {
    pub slot: u64,
    pub ms: u64,
}

impl Now {
    pub fn seconds(&self) -> u64 {
        self.ms / 1000
    }
}

pub fn now() -> Result<Now, ProgramError> {
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    let clock = <Clock as pinocchio::sysvars::Sysvar>::get()?;
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    let clock =
        Clock { slot: 1, epoch_start_timestamp: 0, epoch: 0, leader_schedule_epoch: 0, unix_timestamp: HOST_CLOCK_S };
    Ok(Now { slot: clock.slot, ms: (clock.unix_timestamp.max(0) as u64).saturating_mul(1000) })
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

/// What one of our accounts of `len` bytes holds above its rent.
pub fn spare(account: &AccountView, len: usize) -> Result<u64, ProgramError> {
    Ok(account.lamports().saturating_sub(minimum_balance(len)?))
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    {
        let (parts, mut hash) = ([bytes], [0; 32]);
        // SAFETY: a slice of slices is an array of (address, length) pairs, as the syscall expects.
        unsafe { pinocchio::syscalls::sol_sha256(parts.as_ptr() as *const u8, 1, hash.as_mut_ptr()) };
        hash
    }
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    {
        solana_sha256_hasher::hash(bytes).to_bytes()
    }
}
