//! `create_market_v2` and `create_market_v3`.

use pinocchio::{
    AccountView, Address, ProgramResult,
    cpi::{Signer, set_return_data},
    instruction::seeds,
    sysvars::{Sysvar, clock::Clock},
};
use program_runtime::{New, emit};

use crate::{
    anchor::{Fail, payer, require, seeded, take, writable},
    bytes::{Reader, Writer},
    markets::{Market, MarketV3, Terms},
    state::{EXTENSION_LEN, GlobalConfig, Kind, V2, V3},
    tokens::{Ata, Deposit, Programs, Side, Treasury, decimals},
};

/// `create_market_v2(question, initial_liquidity, end_time, creator, yes_odds_bps?, oracle?)`.
pub fn market_v2(program_id: &Address, accounts: &mut [AccountView], args: &mut Reader) -> ProgramResult {
    let [funder, creator, market, extension, config, mint, funds, vault, treasury, token, associated, system] =
        take(accounts)?;
    let (question, amount, end_time) = (args.string()?, args.u64()?, args.u64()?);
    let terms = Terms::read(question, amount, end_time, args)?;
    let frame = Frame { program_id, kind: &V2, terms: &terms };
    let (id, bump, now) = frame.begin(funder, creator, market, config)?;
    let programs = Programs::check(token, associated, system)?;
    frame.enough(config, mint, &programs)?;
    Treasury { program_id, account: treasury, creator: &terms.creator, mint }.make(funder, &programs)?;
    let has_extension = frame.extend(funder, extension, id, terms.odds.unwrap_or(5_000))?;

    let body = Market { id, bump, now, mint: mint.address(), treasury: treasury.address(), terms: &terms };
    frame.make(funder, market, body.len(), id, bump)?;
    body.write(&mut market.try_borrow_mut()?);
    Deposit { payer: funder, funds, vault, mint }.pay(market, terms.amount, &programs)?;
    let mut event = [0; EVENT_LEN];
    emit(body.created(&mut event, market.address(), has_extension));
    set_return_data(market.address().as_ref());
    Ok(())
}

/// `create_market_v3(question, initial_amount, side, creator_side_cap, end_time, max_pot_ratio, creator, odds_bps?, oracle?)`.
pub fn market_v3(program_id: &Address, accounts: &mut [AccountView], args: &mut Reader) -> ProgramResult {
    let [
        funder,
        creator,
        market,
        extension,
        config,
        mint,
        yes_mint,
        no_mint,
        funds,
        vault,
        creator_yes,
        creator_no,
        treasury,
        token,
        associated,
        system,
    ] = take(accounts)?;
    let (question, amount, side, cap) = (args.string()?, args.u64()?, args.bool()? as u8, args.u64()?);
    let (end_time, max_pot_ratio) = (args.u64()?, args.u32()?);
    let terms = Terms::read(question, amount, end_time, args)?;
    let frame = Frame { program_id, kind: &V3, terms: &terms };
    let (id, bump, now) = frame.begin(funder, creator, market, config)?;
    let programs = Programs::check(token, associated, system)?;
    frame.enough(config, mint, &programs)?;
    Treasury { program_id, account: treasury, creator: &terms.creator, mint }.make(funder, &programs)?;
    programs.classic()?;
    let side_of = |seed| Side { program_id, seed, id: id.to_le_bytes(), market_seed: V3.seed, market_bump: [bump] };
    let has_extension = frame.extend(funder, extension, id, terms.odds.unwrap_or(10_000))?;

    let (yes_key, no_key) = (*yes_mint.address(), *no_mint.address());
    let body = MarketV3 {
        id,
        bump,
        now,
        side,
        cap,
        max_pot_ratio,
        mint: mint.address(),
        yes_mint: &yes_key,
        no_mint: &no_key,
        treasury: treasury.address(),
        terms: &terms,
    };
    frame.make(funder, market, body.len(), id, bump)?;
    body.write(&mut market.try_borrow_mut()?);
    Deposit { payer: funder, funds, vault, mint }.pay(market, terms.amount, &programs)?;
    let (yes_pot, no_pot) = body.pots();
    for (seed, mint, account, amount) in
        [(&b"v3-yes-token"[..], yes_mint, creator_yes, yes_pot), (&b"v3-no-token"[..], no_mint, creator_no, no_pot)]
    {
        let side = side_of(seed);
        side.make_mint(mint, market, funder)?;
        let holding = Ata { account, owner: creator, mint };
        holding.make(funder, &programs)?;
        side.mint_to(&holding, market, amount)?;
    }
    let mut event = [0; EVENT_LEN];
    emit(body.created(&mut event, market.address(), has_extension));
    set_return_data(market.address().as_ref());
    Ok(())
}

const EVENT_LEN: usize = 256 + Terms::MAX_QUESTION;

/// What both kinds of creation share.
struct Frame<'a> {
    program_id: &'a Address,
    kind: &'a Kind,
    terms: &'a Terms<'a>,
}

impl Frame<'_> {
    #[inline(always)] // more arguments than registers, here and below
    /// Check the call and take the next id: id, the market's bump, and the time in seconds.
    fn begin(
        &self,
        funder: &AccountView,
        creator: &AccountView,
        market: &AccountView,
        config: &mut AccountView,
    ) -> Result<(u64, u8, u64), pinocchio::error::ProgramError> {
        payer(funder)?;
        writable(market)?;
        writable(config)?;
        require(creator.address().as_array() == &self.terms.creator, Fail::ConstraintAddress)?;
        let global = GlobalConfig::load(config, self.program_id)?;
        require(!global.trading_paused, Fail::TradingPaused)?;
        let now = Clock::get()?.unix_timestamp as u64;
        require(self.terms.end_time > now, Fail::InvalidEndTime)?;
        let bump = seeded(market, &[self.kind.seed, &global.global_id.to_le_bytes()], self.program_id)?;
        let at = global.global_id_at;
        config.try_borrow_mut()?[at..at + 8].copy_from_slice(&(global.global_id + 1).to_le_bytes());
        Ok((global.global_id, bump, now))
    }

    /// The amount reaches the minimum, which counts whole tokens.
    fn enough(&self, config: &AccountView, mint: &AccountView, programs: &Programs) -> ProgramResult {
        let minimum = GlobalConfig::load(config, self.program_id)?.min_liquidity;
        let unit = 10u64.checked_pow(decimals(mint, programs)? as u32).ok_or(Fail::InvalidLiquidity)?;
        Ok(require(self.terms.amount / unit >= minimum, Fail::InvalidLiquidity)?)
    }

    #[inline(always)]
    fn make(&self, funder: &AccountView, market: &mut AccountView, len: usize, id: u64, bump: u8) -> ProgramResult {
        let (id, bump) = (id.to_le_bytes(), [bump]);
        let seeds = seeds!(self.kind.seed, &id, &bump);
        let signer = Signer::from(&seeds);
        New { payer: funder, owner: self.program_id, len }.at(market, signer)
    }

    #[inline(always)]
    /// Make the extension if odds or oracle are custom; without one its place is taken by the program's id.
    fn extend(
        &self,
        funder: &AccountView,
        extension: &mut AccountView,
        id: u64,
        odds: u16,
    ) -> Result<bool, pinocchio::error::ProgramError> {
        let absent = extension.address() == self.program_id;
        let wanted = self.terms.odds.is_some() || self.terms.oracle.is_some();
        require(!(wanted && absent), Fail::ExtensionMissing)?;
        if absent {
            return Ok(false);
        }
        writable(extension)?;
        let id = id.to_le_bytes();
        let bump = [seeded(extension, &[self.kind.extension_seed, &id], self.program_id)?];
        let seeds = seeds!(self.kind.extension_seed, &id, &bump);
        let signer = Signer::from(&seeds);
        New { payer: funder, owner: self.program_id, len: EXTENSION_LEN }.at(extension, signer)?;
        Writer::new(&mut extension.try_borrow_mut()?)
            .bytes(&self.kind.extension_discriminator)
            .bytes(&id)
            .u16(odds)
            .bytes(&self.terms.oracle.unwrap_or_default())
            .u8(bump[0]);
        Ok(true)
    }
}
