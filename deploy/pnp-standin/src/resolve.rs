//! Making a market resolvable, and settling it. Signers: the admin, the global oracle, or the market's own oracle.

use pinocchio::{
    AccountView, Address, ProgramResult,
    cpi::set_return_data,
    error::ProgramError,
    sysvars::{Sysvar, clock::Clock},
};
use program_runtime::emit;

use crate::{
    anchor::{Fail, payer, require, seeded, take, writable},
    bytes::{Reader, Writer},
    state::{GlobalConfig, Kind, Market, RESOLVED_AT, V2, V3, custom_oracle},
    tokens::{Ata, Metadata, Programs, Side},
};

const MARKET_V2_RESOLVABLE_UPDATED: [u8; 8] = [250, 22, 126, 96, 59, 231, 75, 200];
const MARKET_RESOLVABLE_V3_EVENT: [u8; 8] = [8, 161, 76, 225, 143, 213, 139, 158];
const SETTLE_MARKET_V2_EVENT: [u8; 8] = [134, 247, 23, 246, 163, 42, 206, 229];
const SETTLE_MARKET_V3_EVENT: [u8; 8] = [156, 110, 168, 141, 88, 142, 44, 100];
/// `resolvable`, `force_resolve`: neighbours in a V2 market.
const FORCE_RESOLVE: usize = 1;
/// From `resolvable` to `creator_yes_locked` and `creator_no_locked`.
const CREATOR_LOCKED: usize = 3;
const EVEN_ODDS: u64 = 5_000;
/// Mints of YES and NO, and their supplies behind them.
const YES_MINT_AT: usize = 58;

/// `set_market_resolvable_v2(market_id, resolvable, force_resolve?)`.
pub fn set_resolvable_v2(program_id: &Address, accounts: &mut [AccountView], args: &mut Reader) -> ProgramResult {
    let [
        authority,
        config,
        market,
        extension,
        collateral,
        yes_mint,
        no_mint,
        creator,
        yes_vault,
        no_vault,
        metadata_program,
        yes_metadata,
        no_metadata,
        token,
        associated,
        system,
        rent,
    ] = take(accounts)?;
    let (id, resolvable, force) = (args.u64()?, args.bool()?, args.option(Reader::bool)?);
    let state = authorized(program_id, &V2, authority, market, extension, config)?;
    require(state.id == id, Fail::ConstraintSeeds)?;
    within_buffer(program_id, &state, config)?;
    seeded(yes_mint, &[b"yes_token", &id.to_le_bytes()], program_id)?;
    seeded(no_mint, &[b"no_token", &id.to_le_bytes()], program_id)?;
    let programs = Programs::check(token, associated, system)?;
    programs.classic()?;
    let before = V2Details::load(market)?;
    require(before.collateral == *collateral.address().as_array(), Fail::ConstraintAddress)?;
    require(before.creator == *creator.address().as_array(), Fail::ConstraintAddress)?;

    let create = resolvable && before.yes_mint == [0; 32];
    let address = *market.address();
    let mints = [*yes_mint.address(), *no_mint.address()];
    let market_bump = [seeded(market, &[V2.seed, &id.to_le_bytes()], program_id)?];
    if create {
        let (yes, no) = state.locked(odds(extension, program_id)?);
        let sides = [
            (&b"yes_token"[..], "YES", yes_mint, yes_vault, yes_metadata, yes),
            (&b"no_token"[..], "NO", no_mint, no_vault, no_metadata, no),
        ];
        for (seed, name, mint, vault, metadata, amount) in sides {
            let side = Side { program_id, seed, id: id.to_le_bytes(), market_seed: V2.seed, market_bump };
            side.make_mint(mint, market, authority)?;
            let accounts =
                Metadata { program: metadata_program, metadata, mint, market, payer: authority, system, rent };
            side.make_metadata(name, &accounts)?;
            let vault = Ata { account: vault, owner: market, mint };
            vault.make(authority, &programs)?;
            side.mint_to(&vault, market, amount)?;
        }
        V2Details::lock(&mut market.try_borrow_mut()?, &state, &mints, [yes, no]);
    }

    let mut data = market.try_borrow_mut()?;
    data[state.resolvable_at] = resolvable as u8;
    if let Some(force) = force {
        data[state.resolvable_at + FORCE_RESOLVE] = force as u8;
    }
    let mut event = [0; 128];
    let mut out = Writer::new(&mut event);
    out.bytes(&MARKET_V2_RESOLVABLE_UPDATED)
        .u64(id)
        .bytes(address.as_ref())
        .bool(resolvable)
        .bool(create)
        .bytes(&data[YES_MINT_AT..YES_MINT_AT + 64]);
    emit(out.written());
    Ok(())
}

/// What activation needs of a V2 market beyond what both kinds have.
struct V2Details {
    collateral: [u8; 32],
    yes_mint: [u8; 32],
    creator: [u8; 32],
}

impl V2Details {
    fn load(market: &AccountView) -> Result<Self, ProgramError> {
        let data = market.try_borrow()?;
        let key = |at: usize| -> [u8; 32] { core::array::from_fn(|i| data[at + i]) };
        Ok(Self { collateral: key(25), yes_mint: key(YES_MINT_AT), creator: key(138) })
    }

    /// The mints exist, and the creator's tokens lie in the market's vaults.
    fn lock(data: &mut [u8], market: &Market, mints: &[Address; 2], [yes, no]: [u64; 2]) {
        Writer::new(&mut data[YES_MINT_AT..]).bytes(mints[0].as_ref()).bytes(mints[1].as_ref()).u64(yes).u64(no);
        Writer::new(&mut data[market.resolvable_at + CREATOR_LOCKED..]).u64(yes).u64(no);
    }
}

/// Odds of YES in a market's extension, or even ones.
fn odds(extension: &AccountView, program_id: &Address) -> Result<u64, ProgramError> {
    if extension.address() == program_id {
        return Ok(EVEN_ODDS);
    }
    let data = extension.try_borrow()?;
    Ok(u16::from_le_bytes([data[16], data[17]]) as u64)
}

/// `set_market_resolvable_v3(resolvable)`.
pub fn set_resolvable_v3(program_id: &Address, accounts: &mut [AccountView], args: &mut Reader) -> ProgramResult {
    let [authority, market, extension, config] = take(accounts)?;
    let resolvable = args.bool()?;
    let state = authorized(program_id, &V3, authority, market, extension, config)?;
    within_buffer(program_id, &state, config)?;
    market.try_borrow_mut()?[state.resolvable_at] = resolvable as u8;
    let mut event = [0; 64];
    let mut out = Writer::new(&mut event);
    out.bytes(&MARKET_RESOLVABLE_V3_EVENT).bytes(market.address().as_ref()).u64(state.id).bool(resolvable);
    emit(out.written());
    Ok(())
}

/// `settle_market_v2(yes_winner)`.
pub fn settle_v2(program_id: &Address, accounts: &mut [AccountView], args: &mut Reader) -> ProgramResult {
    let [settler, market, extension, config] = take(accounts)?;
    let yes = args.bool()?;
    let state = settle(program_id, &V2, settler, market, extension, config, yes)?;
    let mut event = [0; 64];
    let mut out = Writer::new(&mut event);
    out.bytes(&SETTLE_MARKET_V2_EVENT).bytes(market.address().as_ref()).u64(state.id).bool(yes);
    emit(out.written());
    Ok(())
}

/// `settle_market_v3(yes_winner)`.
pub fn settle_v3(program_id: &Address, accounts: &mut [AccountView], args: &mut Reader) -> ProgramResult {
    let [settler, market, extension, config] = take(accounts)?;
    let yes = args.bool()?;
    settle(program_id, &V3, settler, market, extension, config, yes)?;
    let data = market.try_borrow()?;
    let mut pots = Reader::new(&data[17..33]);
    let (yes_pot, no_pot) = (pots.u64()?, pots.u64()?);
    let mut event = [0; 80];
    let mut out = Writer::new(&mut event);
    out.bytes(&SETTLE_MARKET_V3_EVENT)
        .bytes(market.address().as_ref())
        .bool(yes)
        .u64(yes_pot)
        .u64(no_pot)
        .u64(yes_pot + no_pot);
    emit(out.written());
    Ok(())
}

#[inline(always)] // more arguments than registers
fn settle(
    program_id: &Address,
    kind: &Kind,
    settler: &AccountView,
    market: &mut AccountView,
    extension: &AccountView,
    config: &AccountView,
    yes: bool,
) -> Result<Market, ProgramError> {
    let state = authorized(program_id, kind, settler, market, extension, config)?;
    require(state.resolvable, Fail::MarketNotResolvable)?;
    require(Clock::get()?.unix_timestamp as u64 >= state.end_time, Fail::MarketNotEnded)?;
    let winner = if yes { 1 } else { 2 };
    let mut data = market.try_borrow_mut()?;
    data[RESOLVED_AT] = 1;
    data[kind.winner_at] = winner;
    set_return_data(&[winner]);
    Ok(state)
}

/// An unresolved market, and a signer who may decide over it.
#[inline(always)] // more arguments than registers
fn authorized(
    program_id: &Address,
    kind: &Kind,
    signer: &AccountView,
    market: &AccountView,
    extension: &AccountView,
    config: &AccountView,
) -> Result<Market, ProgramError> {
    payer(signer)?;
    writable(market)?;
    let global = GlobalConfig::load(config, program_id)?;
    let state = Market::load(market, program_id, kind)?;
    let custom = custom_oracle(extension, program_id, kind, state.id)?;
    let key = signer.address().as_array();
    require(*key == global.admin || *key == global.oracle || Some(*key) == custom, Fail::Unauthorized)?;
    require(!state.resolved, Fail::MarketAlreadyResolved)?;
    Ok(state)
}

fn within_buffer(program_id: &Address, market: &Market, config: &AccountView) -> ProgramResult {
    let now = Clock::get()?.unix_timestamp as u64;
    let deadline = market.creation_time.saturating_add(GlobalConfig::load(config, program_id)?.buffer_period);
    Ok(require(now <= deadline, Fail::BufferPeriodExpired)?)
}
