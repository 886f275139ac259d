//! Making a market resolvable, and settling it. Signers: the admin, the global oracle, or the market's own oracle.

use pinocchio::{
    AccountView, Address, ProgramResult,
    cpi::set_return_data,
    error::ProgramError,
    sysvars::{Sysvar, clock::Clock},
};

use crate::{
    anchor::{Fail, emit, payer, require, seeded, take, writable},
    bytes::{Reader, Writer},
    state::{GlobalConfig, Kind, Market, RESOLVED_AT, V2, V3, custom_oracle},
};

const MARKET_V2_RESOLVABLE_UPDATED: [u8; 8] = [250, 22, 126, 96, 59, 231, 75, 200];
const MARKET_RESOLVABLE_V3_EVENT: [u8; 8] = [8, 161, 76, 225, 143, 213, 139, 158];
const SETTLE_MARKET_V2_EVENT: [u8; 8] = [134, 247, 23, 246, 163, 42, 206, 229];
const SETTLE_MARKET_V3_EVENT: [u8; 8] = [156, 110, 168, 141, 88, 142, 44, 100];
/// `resolvable`, `force_resolve`: neighbours in a V2 market.
const FORCE_RESOLVE: usize = 1;
const YES_MINT_AT: usize = 58;
const NO_MINT_AT: usize = 90;

/// `set_market_resolvable_v2(market_id, resolvable, force_resolve?)`.
pub fn set_resolvable_v2(program_id: &Address, accounts: &mut [AccountView], args: &mut Reader) -> ProgramResult {
    let [
        authority,
        config,
        market,
        extension,
        _mint,
        yes_mint,
        no_mint,
        _creator,
        _yes_vault,
        _no_vault,
        _metadata,
        _yes_metadata,
        _no_metadata,
        _token,
        _ata,
        _system,
        _rent,
    ] = take(accounts)?;
    let (id, resolvable, force) = (args.u64()?, args.bool()?, args.option(Reader::bool)?);
    let state = authorized(program_id, &V2, authority, market, extension, config)?;
    require(state.id == id, Fail::ConstraintSeeds)?;
    within_buffer(program_id, &state, config)?;
    seeded(yes_mint, &[b"yes_token", &id.to_le_bytes()], program_id)?;
    seeded(no_mint, &[b"no_token", &id.to_le_bytes()], program_id)?;

    let address = *market.address();
    let mut data = market.try_borrow_mut()?;
    let tokens_created = resolvable && data[YES_MINT_AT..YES_MINT_AT + 32] == [0; 32];
    if tokens_created {
        data[YES_MINT_AT..YES_MINT_AT + 32].copy_from_slice(yes_mint.address().as_ref());
        data[NO_MINT_AT..NO_MINT_AT + 32].copy_from_slice(no_mint.address().as_ref());
    }
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
        .bool(tokens_created)
        .bytes(&data[YES_MINT_AT..YES_MINT_AT + 32])
        .bytes(&data[NO_MINT_AT..NO_MINT_AT + 32]);
    emit(out.written());
    Ok(())
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
