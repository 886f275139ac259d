//! A committee's answer to a question, out of a resolution account.

use core::mem::offset_of;

use crate::{
    Account, Key, at,
    committee::{CONTRADICTED, NO, RESOLUTION, RESOLUTION_LEN, Resolution, SETTLED, SETTLED_ELSEWHERE, YES},
};

/// What was asked, and of whom. The market's name alone is not the question: the spec is, and anybody may open a file.
#[derive(Clone, Copy)]
pub struct Question {
    pub committee: Key,
    /// A PNP market's address or, of a generic resolution, once more the spec's hash.
    pub market: Key,
    /// SHA-256 of the canonical spec.
    pub spec_hash: Key,
}

/// Why there is no answer. Checked in this order; the first that applies is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Unanswered {
    /// Not an account of the oracle program.
    WrongOwner = 1,
    /// Closed, or no resolution at all.
    NotAResolution = 2,
    WrongCommittee = 3,
    WrongMarket = 4,
    /// The file of another question about the same market.
    WrongSpec = 5,
    Undecided = 6,
    /// Somebody else settled the market on PNP, with the other winner.
    Contradicted = 7,
}

/// Whether the committee's answer is yes.
pub fn answer(account: &Account, program: &Key, question: &Question) -> Result<bool, Unanswered> {
    if account.owner != *program {
        return Err(Unanswered::WrongOwner);
    }
    let data = account.data;
    if data.first_chunk() != Some(&RESOLUTION) || data.len() < RESOLUTION_LEN {
        return Err(Unanswered::NotAResolution);
    }
    // The program wrote these fields when it derived the account's address from them.
    let holds = |offset: usize, key: &Key, refusal| if at(data, offset) == Some(key) { Ok(()) } else { Err(refusal) };
    holds(offset_of!(Resolution, committee), &question.committee, Unanswered::WrongCommittee)?;
    holds(offset_of!(Resolution, market), &question.market, Unanswered::WrongMarket)?;
    holds(offset_of!(Resolution, spec_hash), &question.spec_hash, Unanswered::WrongSpec)?;
    match (data[offset_of!(Resolution, state)], data[offset_of!(Resolution, winner)]) {
        (CONTRADICTED, _) => Err(Unanswered::Contradicted),
        (SETTLED | SETTLED_ELSEWHERE, YES) => Ok(true),
        (SETTLED | SETTLED_ELSEWHERE, NO) => Ok(false),
        _ => Err(Unanswered::Undecided),
    }
}
