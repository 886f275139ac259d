//! A stand-in for the PNP program, for tests and the demo. NOT PNP's code, which is not public: the layouts,
//! discriminators, account lists and signer rules are those of PNP's published interface, the rest is the strictest
//! reading of its documents. It has no trading, no redemption and no fees, and must never hold anything of value.
#![no_std]

#[cfg(not(any(target_os = "solana", target_arch = "bpf")))]
extern crate std; // host builds: allocator and panic handler

pub mod anchor;
pub mod bytes;
pub mod config;
pub mod create;
pub mod markets;
pub mod resolve;
pub mod state;
pub mod tokens;

use pinocchio::{AccountView, Address, ProgramResult};

use anchor::Fail;
use bytes::Reader;

#[cfg(not(feature = "no-entrypoint"))]
mod entrypoint {
    pinocchio::program_entrypoint!(super::process, 20);
    pinocchio::no_allocator!();
    pinocchio::nostd_panic_handler!();
}

/// `sha256("global:<name>")[..8]`.
mod discriminator {
    pub const INIT_PROTOCOL: [u8; 8] = [3, 188, 141, 237, 225, 226, 232, 210];
    pub const CREATE_MARKET_V2: [u8; 8] = [193, 18, 155, 62, 161, 124, 80, 25];
    pub const CREATE_MARKET_V3: [u8; 8] = [222, 20, 31, 62, 200, 59, 146, 78];
    pub const SET_MARKET_RESOLVABLE_V2: [u8; 8] = [74, 223, 187, 6, 245, 19, 220, 253];
    pub const SET_MARKET_RESOLVABLE_V3: [u8; 8] = [99, 37, 90, 125, 115, 239, 60, 162];
    pub const SETTLE_MARKET_V2: [u8; 8] = [131, 199, 75, 155, 16, 199, 72, 1];
    pub const SETTLE_MARKET_V3: [u8; 8] = [137, 43, 217, 201, 230, 152, 227, 248];
}

pub fn process(program_id: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let (discriminator, data) = data.split_first_chunk().ok_or(Fail::InstructionMissing)?;
    let args = &mut Reader::new(data);
    match *discriminator {
        discriminator::INIT_PROTOCOL => config::init_protocol(program_id, accounts, args),
        discriminator::CREATE_MARKET_V2 => create::market_v2(program_id, accounts, args),
        discriminator::CREATE_MARKET_V3 => create::market_v3(program_id, accounts, args),
        discriminator::SET_MARKET_RESOLVABLE_V2 => resolve::set_resolvable_v2(program_id, accounts, args),
        discriminator::SET_MARKET_RESOLVABLE_V3 => resolve::set_resolvable_v3(program_id, accounts, args),
        discriminator::SETTLE_MARKET_V2 => resolve::settle_v2(program_id, accounts, args),
        discriminator::SETTLE_MARKET_V3 => resolve::settle_v3(program_id, accounts, args),
        _ => Err(Fail::InstructionFallbackNotFound.into()),
    }
}
