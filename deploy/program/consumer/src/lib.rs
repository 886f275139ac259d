//! Example of a reader of boards: one price, or the median of several publishers', as return data.
//!
//! What it trusts stands in an account of its own, written once: the oracle program, the sources, how old a price may be
//! and how many authorities it takes. Callers choose nothing but which accounts to pass.
#![no_std]

#[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
extern crate std; // host builds: allocator and panic handler

use oracle_reader::{
    Account, Key,
    median::{MAX_SOURCES, median_of},
    read::{Refusal, Source, Terms},
};
use pinocchio::{
    AccountView, Address, ProgramResult,
    cpi::set_return_data,
    error::ProgramError,
    sysvars::{Sysvar, clock::Clock},
};

#[cfg(not(feature = "no-entrypoint"))]
mod entrypoint {
    pinocchio::program_entrypoint!(super::process, 20);
    pinocchio::no_allocator!();
    pinocchio::nostd_panic_handler!();
}

const CONFIGURE: u8 = 0;
const READ: u8 = 1;
const MEDIAN: u8 = 2;

/// `[0][config]`, accounts: config SW, new; `[1]`, accounts: config, board; `[2]`, accounts: config, boards in any order.
/// A refusal comes as a custom error with its number.
pub fn process(program_id: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let (config, boards) = accounts.split_first_mut().ok_or(ProgramError::NotEnoughAccountKeys)?;
    if !config.owned_by(program_id) {
        return Err(ProgramError::InvalidAccountOwner);
    }
    match data.split_first() {
        Some((&CONFIGURE, bytes)) => configure(config, bytes),
        Some((&READ, [])) => read(&Config::load(config)?, boards),
        Some((&MEDIAN, [])) => median(&Config::load(config)?, boards),
        _ => Err(ProgramError::InvalidInstructionData),
    }
}

/// Once, by whoever made the account.
fn configure(account: &mut AccountView, bytes: &[u8]) -> ProgramResult {
    if !account.is_signer() {
        return Err(ProgramError::MissingRequiredSignature);
    }
    let mut data = account.try_borrow_mut()?;
    if data.iter().any(|byte| *byte != 0) {
        return Err(ProgramError::AccountAlreadyInitialized);
    }
    if data.len() != bytes.len() {
        return Err(ProgramError::InvalidInstructionData);
    }
    data.copy_from_slice(bytes);
    Ok(())
}

/// The price of the first source.
fn read(config: &Config, boards: &[AccountView]) -> ProgramResult {
    let (Some(source), [board]) = (config.sources().first(), boards) else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let slot = source.price(&account(board), &config.terms()?).map_err(refused)?;
    let ([b0, b1], [a0, a1]) = (slot.bid.to_le_bytes(), slot.ask.to_le_bytes());
    set_return_data(&[b0, b1, a0, a1]);
    Ok(())
}

fn median(config: &Config, boards: &[AccountView]) -> ProgramResult {
    let found = median_of(config.sources(), boards.iter().map(account), &config.terms()?, config.quorum);
    let [p0, p1, p2, p3] = found.map_err(refused)?.twice_mid.to_le_bytes();
    set_return_data(&[p0, p1, p2, p3]);
    Ok(())
}

struct Config {
    program: Key,
    max_age_ms: u32,
    quorum: usize,
    sources: [Source; MAX_SOURCES],
    count: usize,
}

impl Config {
    fn load(account: &AccountView) -> Result<Self, ProgramError> {
        Self::parse(&account.try_borrow()?).ok_or(ProgramError::InvalidAccountData)
    }

    /// `[oracle program 32][max age ms u32][quorum u8][source 68; up to 16]`.
    fn parse(data: &[u8]) -> Option<Self> {
        let (program, data) = data.split_first_chunk()?;
        let (max_age_ms, data) = data.split_first_chunk()?;
        let (&quorum, data) = data.split_first()?;
        let (sources, rest) = data.as_chunks();
        if sources.len() > MAX_SOURCES || !rest.is_empty() {
            return None;
        }
        let none = Source { authority: [0; 32], board: [0; 32], index: 0, generation: 0 };
        let mut config = Self {
            program: *program,
            max_age_ms: u32::from_le_bytes(*max_age_ms),
            quorum: quorum as usize,
            sources: [none; MAX_SOURCES],
            count: sources.len(),
        };
        for (source, bytes) in config.sources.iter_mut().zip(sources) {
            *source = Source::from_bytes(bytes);
        }
        Some(config)
    }

    fn sources(&self) -> &[Source] {
        &self.sources[..self.count]
    }

    fn terms(&self) -> Result<Terms, ProgramError> {
        let now_ms = Clock::get()?.unix_timestamp as u64 * 1000;
        Ok(Terms { program: self.program, now_ms, max_age_ms: self.max_age_ms as u64 })
    }
}

fn account(view: &AccountView) -> Account<'_> {
    // SAFETY: this program writes no account whose bytes are read here.
    let data = unsafe { view.borrow_unchecked() };
    Account { address: *view.address().as_array(), owner: *view.owner().as_array(), data }
}

fn refused(refusal: Refusal) -> ProgramError {
    ProgramError::Custom(refusal as u32)
}
