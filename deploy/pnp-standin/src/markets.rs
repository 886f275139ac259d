//! The two kinds of market as they are written at their creation, and the events that tell of it.

use pinocchio::Address;

use crate::{
    anchor::{Fail, require},
    bytes::{Reader, Writer},
    state::{MARKET, MARKET_V3},
};

const MARKET_V2_CREATED: [u8; 8] = [39, 108, 151, 231, 171, 113, 198, 175];
const MARKET_V3_CREATED: [u8; 8] = [72, 134, 87, 64, 79, 167, 9, 189];
/// What `version` says of a V2 market.
const VERSION: u8 = 2;
const NO_KEY: [u8; 32] = [0; 32];

/// The arguments that both kinds share.
pub struct Terms<'a> {
    pub question: &'a str,
    pub amount: u64,
    pub end_time: u64,
    pub creator: [u8; 32],
    pub odds: Option<u16>,
    pub oracle: Option<[u8; 32]>,
}

impl<'a> Terms<'a> {
    pub const MAX_QUESTION: usize = 1024;

    /// The arguments that end both instructions, behind those given.
    #[inline(always)] // more arguments than registers
    pub fn read(question: &'a str, amount: u64, end_time: u64, args: &mut Reader) -> Result<Self, Fail> {
        require(question.len() <= Self::MAX_QUESTION, Fail::QuestionTooLong)?;
        require(amount > 0, Fail::InvalidLiquidity)?;
        let creator = args.array()?;
        let odds = args.option(Reader::u16)?;
        let oracle = args.option(Reader::array::<32>)?;
        require(odds.is_none_or(|bps| (100..=9_900).contains(&bps)), Fail::InvalidOdds)?;
        Ok(Self { question, amount, end_time, creator, odds, oracle })
    }
}

/// A V2 market: its mints come to be only when it is made resolvable.
pub struct Market<'a> {
    pub id: u64,
    pub bump: u8,
    pub now: u64,
    pub mint: &'a Address,
    pub treasury: &'a Address,
    pub terms: &'a Terms<'a>,
}

impl Market<'_> {
    pub fn len(&self) -> usize {
        251 + self.terms.question.len()
    }

    pub fn write(&self, data: &mut [u8]) {
        let terms = self.terms;
        Writer::new(data)
            .bytes(&MARKET)
            .u64(self.id)
            .bool(false)
            .u64(terms.amount)
            .bytes(self.mint.as_ref())
            .u8(0)
            .bytes(&NO_KEY)
            .bytes(&NO_KEY)
            .u64(0)
            .u64(0)
            .bytes(&terms.creator)
            .bytes(self.treasury.as_ref())
            .string(terms.question)
            .u64(terms.amount)
            .u64(terms.end_time)
            .u8(self.bump)
            .u64(self.now)
            .bool(false)
            .bool(false)
            .u8(VERSION)
            .u64(0)
            .u64(0)
            .bool(false);
    }

    pub fn created<'b>(&self, event: &'b mut [u8], address: &Address, has_extension: bool) -> &'b [u8] {
        let terms = self.terms;
        let mut out = Writer::new(event);
        out.bytes(&MARKET_V2_CREATED)
            .bytes(address.as_ref())
            .u64(self.id)
            .bytes(&terms.creator)
            .string(terms.question)
            .u64(terms.amount)
            .u64(terms.end_time)
            .u8(VERSION)
            .bool(has_extension)
            .u16(terms.odds.unwrap_or(5_000))
            .optional_key(&terms.oracle);
        out.written()
    }
}

/// A V3 (P2P) market: two pots, of which the creator fills one and, by the odds, part of the other.
pub struct MarketV3<'a> {
    pub id: u64,
    pub bump: u8,
    pub now: u64,
    /// 0 YES, 1 NO.
    pub side: u8,
    pub cap: u64,
    pub max_pot_ratio: u32,
    pub mint: &'a Address,
    pub yes_mint: &'a Address,
    pub no_mint: &'a Address,
    pub treasury: &'a Address,
    pub terms: &'a Terms<'a>,
}

impl MarketV3<'_> {
    pub fn len(&self) -> usize {
        253 + self.terms.question.len()
    }

    /// What the creator puts on its own side, and on the other.
    fn sides(&self) -> (u64, u64) {
        let (amount, bps) = (self.terms.amount, self.terms.odds.unwrap_or(10_000) as u64);
        let own = amount / 10_000 * bps + amount % 10_000 * bps / 10_000;
        (own, amount - own)
    }

    /// The pots of YES and NO.
    pub fn pots(&self) -> (u64, u64) {
        let (own, other) = self.sides();
        if self.side == 0 { (own, other) } else { (other, own) }
    }

    pub fn write(&self, data: &mut [u8]) {
        let (terms, (yes, no)) = (self.terms, self.pots());
        Writer::new(data)
            .bytes(&MARKET_V3)
            .u64(self.id)
            .bool(false)
            .u64(yes)
            .u64(no)
            .bytes(&terms.creator)
            .u8(self.side)
            .u64(terms.amount)
            .u64(self.cap)
            .u64(yes)
            .u64(no)
            .bytes(self.mint.as_ref())
            .bytes(self.yes_mint.as_ref())
            .bytes(self.no_mint.as_ref())
            .u8(0)
            .bytes(self.treasury.as_ref())
            .string(terms.question)
            .u64(terms.end_time)
            .u64(self.now)
            .bool(false)
            .u8(self.bump)
            .u32(self.max_pot_ratio);
    }

    pub fn created<'b>(&self, event: &'b mut [u8], address: &Address, has_extension: bool) -> &'b [u8] {
        let (terms, (own, other)) = (self.terms, self.sides());
        let mut out = Writer::new(event);
        out.bytes(&MARKET_V3_CREATED)
            .bytes(address.as_ref())
            .u64(self.id)
            .bytes(&terms.creator)
            .string(terms.question)
            .u64(terms.amount)
            .u64(own)
            .u64(other)
            .u8(self.side)
            .u64(self.cap)
            .u64(terms.end_time)
            .u32(self.max_pot_ratio)
            .bool(has_extension)
            .u16(terms.odds.unwrap_or(10_000))
            .optional_key(&terms.oracle);
        out.written()
    }
}
