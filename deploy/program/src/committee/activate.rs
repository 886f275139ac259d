//! `activate`: a member makes the market tradeable, through the settler. The member advances what PNP's mints, metadata
//! and vaults cost, and the deposit pays it back as far as it goes.

use oracle_reader::committee::{KIND_GENERIC, KIND_V2, OPEN, RESOLUTION_LEN, Resolution};
use pinocchio::{
    AccountView, Address, ProgramResult,
    cpi::{Signer, invoke_signed},
    instruction::{InstructionAccount, InstructionView, seeds},
    sysvars::rent::RENT_ID,
};
use pinocchio_system::instructions::Transfer;

use super::{
    pnp::{Market, SET_RESOLVABLE_V2, SET_RESOLVABLE_V3},
    settle::Settler,
    votes::seat_of,
};
use crate::{
    Call,
    accounts::{file, signed, system_program, take, take_distinct, writable},
    args::Args,
    error::{OracleError, require},
    event::{ACTIVATED, Event},
    runtime::{derive, pay_out, spare},
};

const SPL_TOKEN: Address = Address::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
const TOKEN_2022: Address = Address::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
const ASSOCIATED_TOKEN: Address = Address::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");

/// `[advance u64]`, 0 for V3; accounts: member SW, committee, resolution W, PNP program, settler W, then those of
/// `set_market_resolvable_v2` or `_v3` behind the authority, in PNP's order; for V3 the system program behind them.
pub fn activate(Call { program_id, accounts, data }: Call) -> ProgramResult {
    let mut args = Args::new(data);
    let advance = args.u64()?;
    args.end()?;
    let (head, rest) = accounts.split_at_mut_checked(5).ok_or(OracleError::WrongAccountCount)?;
    let [member, committee, account, pnp, settler] = take_distinct(head)?;
    signed(member)?;
    writable(member)?;
    writable(account)?;
    writable(settler)?;
    let key = *account.address();
    let (committee, resolution) = file(program_id, committee, account)?;
    seat_of(committee, member.address().as_array())?;
    require(resolution.state == OPEN, OracleError::AlreadyDecided)?;
    require(resolution.kind != KIND_GENERIC, OracleError::Generic)?;
    require(*pnp.address().as_array() == committee.pnp_program, OracleError::WrongProgram)?;
    let seat = Settler::of(program_id, resolution, settler)?;
    let activation = Activation { resolution, metadata_program: &committee.metadata_program, program: pnp.address() };

    let before = member.lamports();
    if resolution.kind == KIND_V2 {
        activation.v2(&seat, advance, member, settler, take(rest)?)?;
    } else {
        require(advance == 0, OracleError::BadInstruction)?;
        activation.v3(&seat, settler, take(rest)?)?;
    }
    sweep(&seat, settler, member)?;
    let spent = before.saturating_sub(member.lamports());
    let len = RESOLUTION_LEN + resolution.spec_len as usize;
    let refund = spent.min(spare(account, len)?);
    pay_out(account, member, refund);
    Event::new(ACTIVATED).key(&key).key(member.address()).u64(spent).u64(refund).emit();
    Ok(())
}

/// What is left of the advance goes back, and with it what a stranger may have sent to the settler, which holds nothing at
/// rest.
fn sweep(seat: &Settler, settler: &AccountView, member: &AccountView) -> ProgramResult {
    let plain = settler.is_data_empty() && settler.owned_by(&pinocchio_system::ID);
    require(plain, OracleError::SettlerNotEmpty)?;
    let seeds = seeds!(b"settler", &seat.committee, &seat.spec_hash, &seat.bump);
    Transfer { from: settler, to: member, lamports: settler.lamports() }.invoke_signed(&[Signer::from(&seeds)])
}

/// What PNP calls with the settler's signature and money is what its interface and the committee say.
fn programs(accounts: &[AccountView; 16], metadata_program: &[u8; 32]) -> Result<(), OracleError> {
    let [.., metadata, _, _, token, associated, system, rent] = accounts;
    require(metadata.address().as_array() == metadata_program, OracleError::WrongMetadataProgram)?;
    require([SPL_TOKEN, TOKEN_2022].contains(token.address()), OracleError::WrongTokenProgram)?;
    require(*associated.address() == ASSOCIATED_TOKEN, OracleError::WrongAssociatedTokenProgram)?;
    system_program(system)?;
    require(*rent.address() == RENT_ID, OracleError::WrongRentSysvar)
}

struct Activation<'a> {
    resolution: &'a Resolution,
    metadata_program: &'a [u8; 32],
    program: &'a Address,
}

impl Activation<'_> {
    fn market(&self, account: &AccountView) -> Result<[u8; 8], OracleError> {
        require(*account.address().as_array() == self.resolution.market, OracleError::WrongMarket)?;
        Market::load(account, self.program)?.id()
    }

    /// What the program may write with the settler's signature lies at addresses of this market's alone. Else one that
    /// stands in PNP's place could settle a market of PNP's that names the same settler.
    fn own(&self, accounts: &[AccountView; 16], id: &[u8; 8]) -> Result<(), OracleError> {
        let [_, market, _, _, yes_mint, no_mint, _, yes_vault, no_vault, program, yes_metadata, no_metadata, token, ..] =
            accounts;
        let sides =
            [(&b"yes_token"[..], yes_mint, yes_vault, yes_metadata), (b"no_token", no_mint, no_vault, no_metadata)];
        for (seed, mint, vault, metadata) in sides {
            let [market, token, program, key] = [market, token, program, mint].map(|account| account.address());
            derive(mint, &[seed, id], self.program)
                .and_then(|_| derive(vault, &[market.as_ref(), token.as_ref(), key.as_ref()], &ASSOCIATED_TOKEN))
                .and_then(|_| derive(metadata, &[b"metadata", program.as_ref(), key.as_ref()], program))
                .map_err(|_| OracleError::ForeignAccount)?;
        }
        Ok(())
    }

    #[inline(always)] // more arguments than registers
    fn v3(&self, seat: &Settler, settler: &AccountView, accounts: &[AccountView; 4]) -> ProgramResult {
        let [market, extension, config, system] = accounts;
        self.market(market)?;
        system_program(system)?;
        let mut data = [1; 9];
        data[..8].copy_from_slice(&SET_RESOLVABLE_V3);
        let metas = [
            InstructionAccount::writable_signer(settler.address()),
            InstructionAccount::writable(market.address()),
            InstructionAccount::readonly(extension.address()),
            InstructionAccount::readonly(config.address()),
        ];
        let seeds = seeds!(b"settler", &seat.committee, &seat.spec_hash, &seat.bump);
        let call = InstructionView { program_id: self.program, accounts: &metas, data: &data };
        invoke_signed(&call, &[settler, market, extension, config], &[Signer::from(&seeds)])
    }

    /// Accounts: global config, market W, extension, collateral mint, YES mint W, NO mint W, creator, YES vault W, NO
    /// vault W, metadata program, YES metadata W, NO metadata W, token, associated token, system program, rent.
    #[inline(always)] // as above
    fn v2(
        &self,
        seat: &Settler,
        advance: u64,
        member: &AccountView,
        settler: &AccountView,
        accounts: &[AccountView; 16],
    ) -> ProgramResult {
        const WRITABLE: [bool; 16] =
            [false, true, false, false, true, true, false, true, true, false, true, true, false, false, false, false];
        let id = self.market(&accounts[1])?;
        programs(accounts, self.metadata_program)?;
        self.own(accounts, &id)?;
        Transfer { from: member, to: settler, lamports: advance }.invoke()?;

        let mut data = [0; 18];
        data[..8].copy_from_slice(&SET_RESOLVABLE_V2);
        data[8..16].copy_from_slice(&id);
        data[16] = 1;
        let metas: [InstructionAccount; 17] = core::array::from_fn(|i| match i {
            0 => InstructionAccount::writable_signer(settler.address()),
            _ => InstructionAccount::new(accounts[i - 1].address(), WRITABLE[i - 1], false),
        });
        let views: [&AccountView; 17] = core::array::from_fn(|i| if i == 0 { settler } else { &accounts[i - 1] });
        let seeds = seeds!(b"settler", &seat.committee, &seat.spec_hash, &seat.bump);
        let call = InstructionView { program_id: self.program, accounts: &metas, data: &data };
        invoke_signed(&call, &views, &[Signer::from(&seeds)])
    }
}
