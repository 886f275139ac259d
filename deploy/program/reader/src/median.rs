//! The median of several publishers, so that no one of them is believed alone.
//!
//! Whoever passes the accounts may leave some out, but cannot bring in others: with at most `f` dishonest authorities
//! among the sources, a quorum of `2 f + 1` keeps the median between honest prices, whatever accounts are passed.

use crate::{
    Account,
    read::{Refusal, Source, Terms, twice_mid},
};

pub const MAX_SOURCES: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Median {
    /// Bid plus ask, in centi-cents; of an even number of voices the lower of the middle two.
    pub twice_mid: u32,
    /// Authorities that had a price.
    pub voices: usize,
}

/// What one authority says.
#[derive(Clone, Copy)]
struct Voice {
    as_of_ms: u64,
    twice_mid: u32,
}

impl Voice {
    /// Of one authority's several boards the newest price counts, of equally new ones the lower: whatever order the
    /// accounts come in.
    fn outranks(&self, other: &Self) -> bool {
        (self.as_of_ms, other.twice_mid) > (other.as_of_ms, self.twice_mid)
    }
}

/// The median over the sources whose boards are among `accounts` and have a price; refused below `quorum` authorities.
///
/// Nothing else counts and nothing else refuses: a board that is closed, stale, retired, one-sided or not trading, an
/// account of somebody else's, the same one twice.
pub fn median_of<'a>(
    sources: &[Source],
    accounts: impl IntoIterator<Item = Account<'a>>,
    terms: &Terms,
    quorum: usize,
) -> Result<Median, Refusal> {
    if sources.len() > MAX_SOURCES {
        return Err(Refusal::TooManySources);
    }
    let mut voices = [None::<Voice>; MAX_SOURCES];
    for account in accounts {
        for source in sources {
            if let Ok(voice) = heard(source, &account, terms) {
                let voices = voices.iter_mut().zip(sources);
                // The seat of an authority is that of its first source.
                let mut seats = voices.filter(|(_, other)| other.authority == source.authority);
                if let Some((seat, _)) = seats.next()
                    && seat.is_none_or(|other| voice.outranks(&other))
                {
                    *seat = Some(voice);
                }
            }
        }
    }
    middle(&voices, quorum)
}

fn heard(source: &Source, account: &Account, terms: &Terms) -> Result<Voice, Refusal> {
    let slot = source.price(account, terms)?;
    Ok(Voice { as_of_ms: slot.as_of_ms, twice_mid: twice_mid(&slot)? })
}

fn middle(voices: &[Option<Voice>; MAX_SOURCES], quorum: usize) -> Result<Median, Refusal> {
    let (mut sorted, mut count) = ([0u32; MAX_SOURCES], 0);
    for voice in voices.iter().flatten() {
        let mut at = count;
        while at > 0 && sorted[at - 1] > voice.twice_mid {
            sorted[at] = sorted[at - 1];
            at -= 1;
        }
        sorted[at] = voice.twice_mid;
        count += 1;
    }
    if count == 0 || count < quorum {
        return Err(Refusal::NoQuorum);
    }
    Ok(Median { twice_mid: sorted[(count - 1) / 2], voices: count })
}
