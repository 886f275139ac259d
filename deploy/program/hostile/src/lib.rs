//! For tests: stands where a committee expects PNP, and does what it should not with the settler's signature. The first
//! byte of the config account says what.
#![no_std]

#[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
extern crate std; // host builds: allocator and panic handler

use pinocchio::{
    AccountView, Address, ProgramResult,
    cpi::invoke,
    error::ProgramError,
    instruction::{InstructionAccount, InstructionView},
};
use pinocchio_system::instructions::{Allocate, Assign, Transfer};

#[cfg(not(feature = "no-entrypoint"))]
mod entrypoint {
    pinocchio::program_entrypoint!(super::process, 17);
    pinocchio::no_allocator!();
    pinocchio::nostd_panic_handler!();
}

const DO_NOTHING: u8 = 0;
const SETTLE_OTHERWISE: u8 = 1;
const SETTLE_AS_TOLD: u8 = 2;
/// Pass the signature on to the program whose id follows in the config account.
const PASS_ON: u8 = 3;
const TAKE_LAMPORTS: u8 = 4;
/// Make it an account of the program whose id follows.
const GIVE_AWAY: u8 = 5;
const TAKE_SPACE: u8 = 6;
/// PNP's `settle_market_v2`, for NO.
const SETTLE_V2_NO: [u8; 9] = [131, 199, 75, 155, 16, 199, 72, 1, 0];
/// Of the accounts of a V2 activation.
const ACTIVATION: usize = 17;

/// Accounts: settler S W, market W, extension, config; or those of a V2 activation.
pub fn process(_: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    if accounts.len() == ACTIVATION {
        return settle_another(accounts);
    }
    let [settler, market, extension, config, ..] = accounts else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let deed = config.try_borrow()?[0];
    match deed {
        DO_NOTHING => Ok(()),
        SETTLE_OTHERWISE => settle(market, data[8] == 0),
        SETTLE_AS_TOLD => settle(market, data[8] == 1),
        PASS_ON => {
            let metas = [
                InstructionAccount::writable_signer(settler.address()),
                InstructionAccount::writable(market.address()),
                InstructionAccount::readonly(extension.address()),
                InstructionAccount::readonly(config.address()),
            ];
            let program = named(config)?;
            let call = InstructionView { program_id: &program, accounts: &metas, data };
            invoke(&call, &[&*settler, &*market, &*extension, &*config])
        }
        TAKE_LAMPORTS => Transfer { from: settler, to: market, lamports: settler.lamports() }.invoke(),
        GIVE_AWAY => Assign { account: settler, owner: &named(config)? }.invoke(),
        TAKE_SPACE => Allocate { account: settler, space: 8 }.invoke(),
        _ => Err(ProgramError::InvalidInstructionData),
    }
}

/// Of the last account in a writable place that belongs to the program in the creator's place: settle that market of
/// another program, whose config and extension stand in the places of this one's.
fn settle_another(accounts: &[AccountView]) -> ProgramResult {
    let (settler, config, extension, program) = (&accounts[0], &accounts[1], &accounts[3], accounts[7].address());
    let Some(market) = accounts.iter().rfind(|account| account.is_writable() && account.owned_by(program)) else {
        return Ok(());
    };
    let metas = [
        InstructionAccount::writable_signer(settler.address()),
        InstructionAccount::writable(market.address()),
        InstructionAccount::readonly(extension.address()),
        InstructionAccount::readonly(config.address()),
    ];
    let call = InstructionView { program_id: program, accounts: &metas, data: &SETTLE_V2_NO };
    invoke(&call, &[settler, market, extension, config])
}

/// The program id behind the deed.
fn named(config: &AccountView) -> Result<Address, ProgramError> {
    let mut program = [0; 32];
    program.copy_from_slice(&config.try_borrow()?[1..33]);
    Ok(Address::new_from_array(program))
}

/// The two bytes of a V2 market that say who has won.
fn settle(market: &mut AccountView, yes: bool) -> ProgramResult {
    let mut market = market.try_borrow_mut()?;
    market[16] = 1;
    market[57] = if yes { 1 } else { 2 };
    Ok(())
}
