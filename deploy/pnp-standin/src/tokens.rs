//! Calls into the token, associated token and metadata programs: mints, vaults, and what moves between them.

use pinocchio::{
    AccountView, Address, ProgramResult,
    cpi::{Signer, invoke, invoke_signed},
    error::ProgramError,
    instruction::{InstructionAccount, InstructionView, seeds},
};
use program_runtime::New;

use crate::{
    anchor::{Fail, program, require, seeded, writable},
    bytes::Writer,
};

const SPL_TOKEN: Address = Address::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
const TOKEN_2022: Address = Address::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
const ASSOCIATED_TOKEN: Address = Address::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");

const MINT_LEN: usize = 82;
const ACCOUNT_LEN: usize = 165;
/// Of every outcome token.
pub const DECIMALS: u8 = 6;

const MINT_TO: u8 = 7;
const TRANSFER_CHECKED: u8 = 12;
const INITIALIZE_ACCOUNT_3: u8 = 18;
const INITIALIZE_MINT_2: u8 = 20;
const CREATE_IDEMPOTENT: u8 = 1;
const CREATE_METADATA_ACCOUNT_V3: u8 = 33;

/// The programs that an instruction names, checked.
pub struct Programs<'a> {
    pub token: &'a AccountView,
    pub associated: &'a AccountView,
    pub system: &'a AccountView,
}

impl<'a> Programs<'a> {
    pub fn check(token: &'a AccountView, associated: &'a AccountView, system: &'a AccountView) -> Result<Self, Fail> {
        let known = token.address() == &SPL_TOKEN || token.address() == &TOKEN_2022;
        require(known, Fail::InvalidProgramId)?;
        program(associated, &ASSOCIATED_TOKEN)?;
        program(system, &pinocchio_system::ID)?;
        Ok(Self { token, associated, system })
    }

    /// Outcome tokens are always classic ones.
    pub fn classic(&self) -> Result<(), Fail> {
        program(self.token, &SPL_TOKEN)
    }
}

/// Decimals of a mint of this token program.
pub fn decimals(mint: &AccountView, programs: &Programs) -> Result<u8, Fail> {
    require(mint.owned_by(programs.token.address()), Fail::AccountOwnedByWrongProgram)?;
    // SAFETY: nothing borrows account data mutably while this view is in use.
    let data = unsafe { mint.borrow_unchecked() };
    data.get(44).copied().ok_or(Fail::AccountDidNotDeserialize)
}

/// An associated token account, `ATA(owner, token program, mint)`.
pub struct Ata<'a> {
    pub account: &'a AccountView,
    pub owner: &'a AccountView,
    pub mint: &'a AccountView,
}

impl Ata<'_> {
    pub fn check(&self, programs: &Programs) -> Result<(), Fail> {
        writable(self.account)?;
        let path = [self.owner.address().as_ref(), programs.token.address().as_ref(), self.mint.address().as_ref()];
        seeded(self.account, &path, &ASSOCIATED_TOKEN).map(|_| ())
    }

    /// Make it, if it is not there.
    pub fn make(&self, payer: &AccountView, programs: &Programs) -> ProgramResult {
        self.check(programs)?;
        let call = InstructionView {
            program_id: &ASSOCIATED_TOKEN,
            accounts: &[
                InstructionAccount::writable_signer(payer.address()),
                InstructionAccount::writable(self.account.address()),
                InstructionAccount::readonly(self.owner.address()),
                InstructionAccount::readonly(self.mint.address()),
                InstructionAccount::readonly(programs.system.address()),
                InstructionAccount::readonly(programs.token.address()),
            ],
            data: &[CREATE_IDEMPOTENT],
        };
        invoke(&call, &[payer, self.account, self.owner, self.mint, programs.system, programs.token])
    }
}

/// Collateral from the payer's account into the market's vault.
pub struct Deposit<'a> {
    pub payer: &'a AccountView,
    pub funds: &'a AccountView,
    pub vault: &'a AccountView,
    pub mint: &'a AccountView,
}

impl Deposit<'_> {
    /// `market` owns the vault, which is made if it is not there.
    pub fn pay(&self, market: &AccountView, amount: u64, programs: &Programs) -> ProgramResult {
        Ata { account: self.funds, owner: self.payer, mint: self.mint }.check(programs)?;
        Ata { account: self.vault, owner: market, mint: self.mint }.make(self.payer, programs)?;
        let mut data = [0; 10];
        Writer::new(&mut data).u8(TRANSFER_CHECKED).u64(amount).u8(decimals(self.mint, programs)?);
        let call = InstructionView {
            program_id: programs.token.address(),
            accounts: &[
                InstructionAccount::writable(self.funds.address()),
                InstructionAccount::readonly(self.mint.address()),
                InstructionAccount::writable(self.vault.address()),
                InstructionAccount::readonly_signer(self.payer.address()),
            ],
            data: &data,
        };
        invoke(&call, &[self.funds, self.mint, self.vault, self.payer])
    }
}

/// The creator's treasury for one collateral: a token account at a PDA, which owns itself; made if it is not there.
pub struct Treasury<'a> {
    pub program_id: &'a Address,
    pub account: &'a mut AccountView,
    pub creator: &'a [u8; 32],
    pub mint: &'a AccountView,
}

impl Treasury<'_> {
    pub fn make(&mut self, payer: &AccountView, programs: &Programs) -> ProgramResult {
        writable(self.account)?;
        let mint_key = *self.mint.address();
        let path: [&[u8]; 3] = [b"creator_fee_treasury", self.creator, mint_key.as_ref()];
        let bump = [seeded(self.account, &path, self.program_id)?];
        if !self.account.is_data_empty() {
            return Ok(());
        }
        let token = programs.token.address();
        let seeds = seeds!(b"creator_fee_treasury", self.creator, mint_key.as_ref(), &bump);
        let signer = Signer::from(&seeds);
        New { payer: payer, owner: token, len: ACCOUNT_LEN }.at(self.account, signer)?;
        let mut data = [INITIALIZE_ACCOUNT_3; 33];
        data[1..].copy_from_slice(self.account.address().as_ref());
        let call = InstructionView {
            program_id: token,
            accounts: &[
                InstructionAccount::writable(self.account.address()),
                InstructionAccount::readonly(self.mint.address()),
            ],
            data: &data,
        };
        invoke(&call, &[&*self.account, self.mint])
    }
}

/// One side of a market: its mint at a PDA, of which the market is the authority.
pub struct Side<'a> {
    pub program_id: &'a Address,
    pub seed: &'static [u8],
    pub id: [u8; 8],
    /// Seed and bump by which the market signs.
    pub market_seed: &'static [u8],
    pub market_bump: [u8; 1],
}

impl Side<'_> {
    pub fn make_mint(
        &self,
        mint: &mut AccountView,
        market: &AccountView,
        payer: &AccountView,
    ) -> Result<(), ProgramError> {
        writable(mint)?;
        let bump = [seeded(mint, &[self.seed, &self.id], self.program_id)?];
        let seeds = seeds!(self.seed, &self.id, &bump);
        let signer = Signer::from(&seeds);
        New { payer: payer, owner: &SPL_TOKEN, len: MINT_LEN }.at(mint, signer)?;
        let mut data = [0; 35];
        Writer::new(&mut data).u8(INITIALIZE_MINT_2).u8(DECIMALS).bytes(market.address().as_ref()).u8(0);
        let accounts = [InstructionAccount::writable(mint.address())];
        invoke(&InstructionView { program_id: &SPL_TOKEN, accounts: &accounts, data: &data }, &[&*mint])
    }

    /// New outcome tokens into an account that is there.
    pub fn mint_to(&self, to: &Ata, market: &AccountView, amount: u64) -> ProgramResult {
        if amount == 0 {
            return Ok(());
        }
        let mut data = [0; 9];
        Writer::new(&mut data).u8(MINT_TO).u64(amount);
        let call = InstructionView {
            program_id: &SPL_TOKEN,
            accounts: &[
                InstructionAccount::writable(to.mint.address()),
                InstructionAccount::writable(to.account.address()),
                InstructionAccount::readonly_signer(market.address()),
            ],
            data: &data,
        };
        let seeds = seeds!(self.market_seed, &self.id, &self.market_bump);
        invoke_signed(&call, &[to.mint, to.account, market], &[Signer::from(&seeds)])
    }

    /// `CreateMetadataAccountV3`: name and symbol, mutable, no creators, collection, uses.
    pub fn make_metadata(&self, name: &str, accounts: &Metadata) -> ProgramResult {
        let mut data = [0; 128];
        let mut out = Writer::new(&mut data);
        out.u8(CREATE_METADATA_ACCOUNT_V3).string(name).string(name).string("").u16(0).bytes(&[0, 0, 0, 1, 0]);
        let Metadata { program, metadata, mint, market, payer, system, rent } = *accounts;
        writable(metadata)?;
        let call = InstructionView {
            program_id: program.address(),
            accounts: &[
                InstructionAccount::writable(metadata.address()),
                InstructionAccount::readonly(mint.address()),
                InstructionAccount::readonly_signer(market.address()),
                InstructionAccount::writable_signer(payer.address()),
                InstructionAccount::readonly(market.address()),
                InstructionAccount::readonly(system.address()),
                InstructionAccount::readonly(rent.address()),
            ],
            data: out.written(),
        };
        let seeds = seeds!(self.market_seed, &self.id, &self.market_bump);
        invoke_signed(&call, &[metadata, mint, market, payer, market, system, rent], &[Signer::from(&seeds)])
    }
}

/// What the metadata program is called with. PNP takes that program from the accounts, unchecked.
#[derive(Clone, Copy)]
pub struct Metadata<'a> {
    pub program: &'a AccountView,
    pub metadata: &'a AccountView,
    pub mint: &'a AccountView,
    pub market: &'a AccountView,
    pub payer: &'a AccountView,
    pub system: &'a AccountView,
    pub rent: &'a AccountView,
}
