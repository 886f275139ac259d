//! Anchor's habits: its error numbers and log lines, and its checks of accounts.

use pinocchio::{AccountView, Address, address::address_eq, error::ProgramError};

macro_rules! errors {
    ($($name:ident = $number:literal, $message:literal;)*) => {
        /// Framework errors below 6000; from 6000 this program's own, whose numbers PNP does not publish.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Fail { $($name = $number,)* }

        impl Fail {
            /// The line by which Anchor programs name an error.
            fn line(self) -> &'static str {
                match self {
                    $(Self::$name => concat!(
                        "AnchorError occurred. Error Code: ", stringify!($name), ". Error Number: ", $number,
                        ". Error Message: ", $message, "."
                    ),)*
                }
            }
        }
    };
}

errors! {
    InstructionMissing = 100, "Instruction discriminator not provided";
    InstructionFallbackNotFound = 101, "Fallback functions are not supported";
    InstructionDidNotDeserialize = 102, "The program could not deserialize the given instruction";
    ConstraintMut = 2000, "A mut constraint was violated";
    ConstraintRaw = 2003, "A raw constraint was violated";
    ConstraintSeeds = 2006, "A seeds constraint was violated";
    ConstraintAddress = 2012, "An address constraint was violated";
    AccountDiscriminatorMismatch = 3002, "Account discriminator did not match what was expected";
    AccountDidNotDeserialize = 3003, "Failed to deserialize the account";
    AccountNotEnoughKeys = 3005, "Not enough account keys given to the instruction";
    AccountOwnedByWrongProgram = 3007, "The given account is owned by a different program than expected";
    InvalidProgramId = 3008, "Program ID was not as expected";
    AccountNotSigner = 3010, "The given account did not sign";
    AccountNotInitialized = 3012, "The program expected this account to be already initialized";
    Unauthorized = 6000, "The signer is neither admin nor global oracle nor the market's oracle";
    MarketAlreadyResolved = 6001, "The market is resolved already";
    MarketNotResolvable = 6002, "The market was not made resolvable";
    MarketNotEnded = 6003, "The market has not ended";
    BufferPeriodExpired = 6004, "The buffer period since the market's creation has passed";
    InvalidLiquidity = 6005, "The initial liquidity is below the minimum";
    InvalidEndTime = 6006, "The end time has passed";
    InvalidOdds = 6007, "Odds must lie within 100 and 9900 basis points";
    QuestionTooLong = 6008, "The question is too long";
    ExtensionMissing = 6009, "Custom odds or a custom oracle need the market extension account";
    TradingPaused = 6010, "Trading is paused";
}

impl From<Fail> for ProgramError {
    fn from(fail: Fail) -> Self {
        log(fail.line());
        ProgramError::Custom(fail as u32)
    }
}

fn log(line: &str) {
    #[cfg(any(target_os = "solana", target_arch = "bpf"))]
    // SAFETY: address and length of a live string.
    unsafe {
        pinocchio::syscalls::sol_log_(line.as_ptr(), line.len() as u64)
    };
    #[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
    core::hint::black_box(line);
}

pub fn require(ok: bool, fail: Fail) -> Result<(), Fail> {
    if ok { Ok(()) } else { Err(fail) }
}

pub fn take<const N: usize>(accounts: &mut [AccountView]) -> Result<&mut [AccountView; N], Fail> {
    accounts.first_chunk_mut().ok_or(Fail::AccountNotEnoughKeys)
}

/// A signer that pays.
pub fn payer(account: &AccountView) -> Result<(), Fail> {
    require(account.is_signer(), Fail::AccountNotSigner)?;
    writable(account)
}

pub fn writable(account: &AccountView) -> Result<(), Fail> {
    require(account.is_writable(), Fail::ConstraintMut)
}

/// The bump of `account`, which must be the address of these seeds.
pub fn seeded(account: &AccountView, seeds: &[&[u8]], program_id: &Address) -> Result<u8, Fail> {
    let (want, bump) = Address::try_find_program_address(seeds, program_id).ok_or(Fail::ConstraintSeeds)?;
    require(address_eq(&want, account.address()), Fail::ConstraintSeeds)?;
    Ok(bump)
}

/// The bytes of an account of this program and this kind.
pub fn load<'a>(account: &'a AccountView, program_id: &Address, discriminator: &[u8; 8]) -> Result<&'a [u8], Fail> {
    require(!account.is_data_empty(), Fail::AccountNotInitialized)?;
    require(account.owned_by(program_id), Fail::AccountOwnedByWrongProgram)?;
    // SAFETY: nothing borrows account data mutably while this view is in use.
    let data = unsafe { account.borrow_unchecked() };
    require(data.first_chunk() == Some(discriminator), Fail::AccountDiscriminatorMismatch)?;
    Ok(data)
}

pub fn program(account: &AccountView, id: &Address) -> Result<(), Fail> {
    require(address_eq(account.address(), id), Fail::InvalidProgramId)
}
