//! PNP's markets as its published interface lays them out: whose they are, when they end, who has won; and its calls.

use oracle_reader::committee::{KIND_V2, KIND_V3};
use pinocchio::{AccountView, Address};

use crate::{
    error::{OracleError, require},
    runtime::derive,
};

const EXTENSION_ORACLE: usize = 18;
const MARKET_ID: usize = 8;
const RESOLVED: usize = 16;

pub const SET_RESOLVABLE_V2: [u8; 8] = [74, 223, 187, 6, 245, 19, 220, 253];
pub const SET_RESOLVABLE_V3: [u8; 8] = [99, 37, 90, 125, 115, 239, 60, 162];

/// Where the two kinds of market differ.
pub struct Kind {
    pub number: u8,
    discriminator: [u8; 8],
    extension_discriminator: [u8; 8],
    seed: &'static [u8],
    extension_seed: &'static [u8],
    winner: usize,
    creator: usize,
    question: usize,
    /// From the end of the question.
    end_time: usize,
    pub settle: [u8; 8],
}

pub static KINDS: [Kind; 2] = [
    Kind {
        number: KIND_V2,
        discriminator: [219, 190, 213, 55, 0, 227, 198, 154],
        extension_discriminator: [37, 143, 0, 22, 58, 40, 52, 44],
        seed: b"market-v2",
        extension_seed: b"market_ext",
        winner: 57,
        creator: 138,
        question: 202,
        end_time: 8,
        settle: [131, 199, 75, 155, 16, 199, 72, 1],
    },
    Kind {
        number: KIND_V3,
        discriminator: [247, 134, 112, 200, 45, 95, 27, 136],
        extension_discriminator: [66, 142, 160, 171, 84, 68, 153, 246],
        seed: b"market-v3",
        extension_seed: b"market_v3_ext",
        winner: 194,
        creator: 33,
        question: 227,
        end_time: 0,
        settle: [137, 43, 217, 201, 230, 152, 227, 248],
    },
];

/// The kind of that number in a resolution of ours.
pub fn kind(number: u8) -> Result<&'static Kind, OracleError> {
    KINDS.iter().find(|kind| kind.number == number).ok_or(OracleError::Generic)
}

fn chunk<const N: usize>(data: &[u8], at: usize) -> Result<[u8; N], OracleError> {
    let rest = data.get(at..).ok_or(OracleError::WrongMarket)?;
    rest.first_chunk().copied().ok_or(OracleError::WrongMarket)
}

fn u64_at(data: &[u8], at: usize) -> Result<u64, OracleError> {
    Ok(u64::from_le_bytes(chunk(data, at)?))
}

/// Bytes of an account of the PNP program.
fn bytes<'a>(account: &'a AccountView, program: &Address) -> Result<&'a [u8], OracleError> {
    require(account.owned_by(program), OracleError::WrongMarket)?;
    // SAFETY: nothing borrows account data mutably while this view is in use.
    Ok(unsafe { account.borrow_unchecked() })
}

/// A market of the PNP program, of either kind, at its own address.
pub struct Market<'a> {
    pub kind: &'static Kind,
    data: &'a [u8],
}

impl<'a> Market<'a> {
    /// The account is a market by owner, discriminator and address.
    pub fn load(account: &'a AccountView, program: &Address) -> Result<Self, OracleError> {
        let data = bytes(account, program)?;
        let kind = KINDS.iter().find(|kind| data.first_chunk() == Some(&kind.discriminator));
        let kind = kind.ok_or(OracleError::WrongMarket)?;
        derive(account, &[kind.seed, &chunk::<8>(data, MARKET_ID)?], program).map_err(|_| OracleError::WrongMarket)?;
        Ok(Self { kind, data })
    }

    /// The oracle that the market's extension names.
    pub fn oracle(&self, extension: &AccountView, program: &Address) -> Result<[u8; 32], OracleError> {
        let data = bytes(extension, program)?;
        require(data.first_chunk() == Some(&self.kind.extension_discriminator), OracleError::WrongMarket)?;
        let path = [self.kind.extension_seed, &chunk::<8>(self.data, MARKET_ID)?];
        derive(extension, &path, program).map_err(|_| OracleError::WrongMarket)?;
        chunk(data, EXTENSION_ORACLE)
    }

    pub fn id(&self) -> Result<[u8; 8], OracleError> {
        chunk(self.data, MARKET_ID)
    }

    pub fn creator(&self) -> Result<[u8; 32], OracleError> {
        chunk(self.data, self.kind.creator)
    }

    pub fn end_time(&self) -> Result<u64, OracleError> {
        let question = u32::from_le_bytes(chunk(self.data, self.kind.question)?) as usize;
        let tail = (self.kind.question + 4).checked_add(question).ok_or(OracleError::WrongMarket)?;
        u64_at(self.data, tail.checked_add(self.kind.end_time).ok_or(OracleError::WrongMarket)?)
    }

    /// Whether either of the two bytes is set that a settlement writes.
    pub fn is_resolved(&self) -> Result<bool, OracleError> {
        let ([resolved], [winner]) = (chunk(self.data, RESOLVED)?, chunk(self.data, self.kind.winner)?);
        Ok(resolved != 0 || winner != 0)
    }

    /// 0 while the market is not resolved, then 1 for YES and 2 for NO, as in a resolution.
    pub fn winner(&self) -> Result<u8, OracleError> {
        let ([resolved], [winner]) = (chunk(self.data, RESOLVED)?, chunk(self.data, self.kind.winner)?);
        Ok(if resolved == 0 { 0 } else { winner })
    }
}
