//! Accounts of PNP: discriminators, offsets, sizes. Borsh, so packed; the questions make what follows them move.

use pinocchio::{AccountView, Address};

use crate::anchor::{Fail, load, seeded};

pub const GLOBAL_CONFIG: [u8; 8] = [149, 8, 156, 202, 160, 252, 176, 217];
pub const MARKET: [u8; 8] = [219, 190, 213, 55, 0, 227, 198, 154];
pub const MARKET_EXTENSION: [u8; 8] = [37, 143, 0, 22, 58, 40, 52, 44];
pub const MARKET_V3: [u8; 8] = [247, 134, 112, 200, 45, 95, 27, 136];
pub const MARKET_V3_EXTENSION: [u8; 8] = [66, 142, 160, 171, 84, 68, 153, 246];

pub const EXTENSION_LEN: usize = 51;

fn u64_at(data: &[u8], at: usize) -> Result<u64, Fail> {
    Ok(u64::from_le_bytes(key_at(data, at)?))
}

fn key_at<const N: usize>(data: &[u8], at: usize) -> Result<[u8; N], Fail> {
    let rest = data.get(at..).ok_or(Fail::AccountDidNotDeserialize)?;
    rest.first_chunk().copied().ok_or(Fail::AccountDidNotDeserialize)
}

/// The global settings that markets depend on.
pub struct GlobalConfig {
    pub admin: [u8; 32],
    pub oracle: [u8; 32],
    pub global_id: u64,
    pub global_id_at: usize,
    pub min_liquidity: u64,
    pub buffer_period: u64,
    pub trading_paused: bool,
}

impl GlobalConfig {
    /// Serialised length with metadata strings of these lengths.
    pub fn len(yes_metadata: usize, no_metadata: usize) -> usize {
        162 + yes_metadata + no_metadata
    }

    pub fn load(account: &AccountView, program_id: &Address) -> Result<Self, Fail> {
        seeded(account, &[b"global_config"], program_id)?;
        let data = load(account, program_id, &GLOBAL_CONFIG)?;
        let yes = u32::from_le_bytes(key_at(data, 89)?) as usize;
        let no = u32::from_le_bytes(key_at(data, 93 + yes)?) as usize;
        let tail = 97 + yes + no;
        Ok(Self {
            admin: key_at(data, 8)?,
            oracle: key_at(data, 40)?,
            global_id: u64_at(data, tail + 32)?,
            global_id_at: tail + 32,
            min_liquidity: u64_at(data, tail + 40)?,
            buffer_period: u64_at(data, tail + 48)?,
            trading_paused: key_at::<1>(data, tail + 64)?[0] != 0,
        })
    }
}

/// Where the two kinds of market differ.
pub struct Kind {
    pub discriminator: [u8; 8],
    pub extension_discriminator: [u8; 8],
    pub seed: &'static [u8],
    pub extension_seed: &'static [u8],
    pub winner_at: usize,
    question_at: usize,
    /// Offsets from the end of the question.
    end_time: usize,
    creation_time: usize,
    resolvable: usize,
}

pub const V2: Kind = Kind {
    discriminator: MARKET,
    extension_discriminator: MARKET_EXTENSION,
    seed: b"market-v2",
    extension_seed: b"market_ext",
    winner_at: 57,
    question_at: 202,
    end_time: 8,
    creation_time: 17,
    resolvable: 25,
};

pub const V3: Kind = Kind {
    discriminator: MARKET_V3,
    extension_discriminator: MARKET_V3_EXTENSION,
    seed: b"market-v3",
    extension_seed: b"market_v3_ext",
    winner_at: 194,
    question_at: 227,
    end_time: 0,
    creation_time: 8,
    resolvable: 16,
};

/// Byte 16 of both kinds.
pub const RESOLVED_AT: usize = 16;

/// What resolving a market needs of it.
pub struct Market {
    pub id: u64,
    pub resolved: bool,
    pub end_time: u64,
    pub creation_time: u64,
    pub resolvable: bool,
    pub resolvable_at: usize,
    /// What the creator put in; V3 markets have it elsewhere and do not need it.
    liquidity: u64,
}

impl Market {
    /// The creator's first tokens of YES and NO in a V2 market: as many as collateral at even odds.
    pub fn locked(&self, yes_odds_bps: u64) -> (u64, u64) {
        let share = |bps: u64| self.liquidity / 5_000 * bps + self.liquidity % 5_000 * bps / 5_000;
        (share(yes_odds_bps), share(10_000 - yes_odds_bps))
    }

    pub fn load(account: &AccountView, program_id: &Address, kind: &Kind) -> Result<Self, Fail> {
        let data = load(account, program_id, &kind.discriminator)?;
        let id = u64_at(data, 8)?;
        seeded(account, &[kind.seed, &id.to_le_bytes()], program_id)?;
        let question = u32::from_le_bytes(key_at(data, kind.question_at)?) as usize;
        let tail = kind.question_at + 4 + question;
        Ok(Self {
            id,
            resolved: data[RESOLVED_AT] != 0,
            end_time: u64_at(data, tail + kind.end_time)?,
            creation_time: u64_at(data, tail + kind.creation_time)?,
            resolvable: key_at::<1>(data, tail + kind.resolvable)?[0] != 0,
            resolvable_at: tail + kind.resolvable,
            liquidity: u64_at(data, tail)?,
        })
    }
}

/// The market's own oracle: `extension` is the market's extension, or the program's id where there is none.
pub fn custom_oracle(
    extension: &AccountView,
    program_id: &Address,
    kind: &Kind,
    id: u64,
) -> Result<Option<[u8; 32]>, Fail> {
    if extension.address() == program_id {
        return Ok(None);
    }
    seeded(extension, &[kind.extension_seed, &id.to_le_bytes()], program_id)?;
    key_at(load(extension, program_id, &kind.extension_discriminator)?, 18).map(Some)
}
