//! Reading prices out of boards, for a given age and no more.
//!
//! The caller has checked that each account is owned by the oracle program and is the board it means: the reader sees
//! bytes only.

use crate::board::{BOARD, HEADER_LEN, Header, ID_LEN, IDS, IDS_HEADER_LEN, PRICE_MAX, SLOT_LEN, STATUS_RETIRED, Slot};

/// Why there is no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Refusal {
    NotABoard = 1,
    /// No feed was listed there.
    BadIndex = 2,
    /// The slot is retired, or carries another market by now.
    Gone = 3,
    /// Older than asked for, or never published.
    Stale = 4,
    /// One side of the book is empty, so that there is no middle.
    OneSided = 5,
    /// Two boards of one authority or of one publisher.
    SamePublisher = 6,
    /// More boards than `MAX_SOURCES`.
    TooMany = 7,
    /// Too few fresh prices.
    NoQuorum = 8,
}

/// How old a price may be.
#[derive(Clone, Copy)]
pub struct Age {
    pub now_ms: u64,
    pub max_ms: u64,
}

pub const MAX_SOURCES: usize = 16;

/// A feed on a board: its slot, and the generation in which the reader knows it.
#[derive(Clone, Copy)]
pub struct Feed<'a> {
    pub board: &'a [u8],
    pub index: u16,
    pub generation: u16,
}

/// The header of a board's bytes, which the runtime keeps 8-aligned.
pub fn header(board: &[u8]) -> Result<&Header, Refusal> {
    let aligned = (board.as_ptr() as usize).is_multiple_of(align_of::<Header>());
    if board.len() < HEADER_LEN || board.first_chunk() != Some(&BOARD) || !aligned {
        return Err(Refusal::NotABoard);
    }
    // SAFETY: long enough, aligned, and every bit pattern is a header.
    Ok(unsafe { &*(board.as_ptr() as *const Header) })
}

impl<'a> Feed<'a> {
    /// The slot, whatever its age.
    pub fn slot(&self) -> Result<&'a Slot, Refusal> {
        let header = header(self.board)?;
        let at = HEADER_LEN + self.index as usize * SLOT_LEN;
        let bytes = self.board.get(at..at + SLOT_LEN).ok_or(Refusal::BadIndex)?;
        if self.index as u32 >= header.length {
            return Err(Refusal::BadIndex);
        }
        // SAFETY: of this length, 8-aligned as the header is, and every bit pattern is a slot.
        let slot = unsafe { &*(bytes.as_ptr() as *const Slot) };
        if slot.status == STATUS_RETIRED || slot.generation != self.generation {
            return Err(Refusal::Gone);
        }
        Ok(slot)
    }

    /// The slot, if its publisher vouches for it within that age.
    pub fn fresh(&self, age: &Age) -> Result<&'a Slot, Refusal> {
        let slot = self.slot()?;
        if slot.as_of_ms == 0 || slot.as_of_ms < age.now_ms.saturating_sub(age.max_ms) {
            return Err(Refusal::Stale);
        }
        Ok(slot)
    }

    /// Bid plus ask of a fresh slot: twice the middle, in centi-cents.
    pub fn twice_mid(&self, age: &Age) -> Result<u32, Refusal> {
        let slot = self.fresh(age)?;
        if slot.bid == 0 || slot.ask >= PRICE_MAX {
            return Err(Refusal::OneSided);
        }
        Ok(slot.bid as u32 + slot.ask as u32)
    }
}

/// The median of twice the middle over boards of different publishers, and how many are in it; of an even number the
/// lower of the middle two. Boards without a fresh middle do not count; fewer than `quorum` are refused.
pub fn median_of(feeds: &[Feed], age: &Age, quorum: usize) -> Result<(u32, usize), Refusal> {
    if feeds.len() > MAX_SOURCES {
        return Err(Refusal::TooMany);
    }
    let (mut sorted, mut count) = ([0u32; MAX_SOURCES], 0);
    for (i, feed) in feeds.iter().enumerate() {
        let own = header(feed.board)?;
        for other in &feeds[..i] {
            let other = header(other.board)?;
            if own.authority == other.authority || own.publisher == other.publisher {
                return Err(Refusal::SamePublisher);
            }
        }
        let Ok(price) = feed.twice_mid(age) else { continue };
        let mut at = count;
        while at > 0 && sorted[at - 1] > price {
            sorted[at] = sorted[at - 1];
            at -= 1;
        }
        sorted[at] = price;
        count += 1;
    }
    if count == 0 || count < quorum {
        return Err(Refusal::NoQuorum);
    }
    Ok((sorted[(count - 1) / 2], count))
}

/// Where a feed stands, by its id (SHA-256 of `venue:market`), in a board's ids account: index and generation. The
/// newest of several listings. Whether the slot is in use still, `Feed::slot` says.
pub fn find(ids: &[u8], length: u32, id: &[u8; 32]) -> Option<(u16, u16)> {
    if ids.first_chunk() != Some(&IDS) {
        return None;
    }
    let entries = ids[IDS_HEADER_LEN..].chunks_exact(ID_LEN).take(length as usize).enumerate();
    entries
        .filter(|(_, entry)| entry.first_chunk() == Some(id))
        .last()
        .map(|(index, entry)| (index as u16, u16::from_le_bytes([entry[32], entry[33]])))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::board::board_len;
    use std::vec::Vec;

    const AGE: Age = Age { now_ms: 10, max_ms: 5 };

    /// 8-aligned bytes of a board with these (bid, ask, as of) slots.
    struct Board(Vec<u64>);

    impl Board {
        fn new(owner: u8, slots: &[(u16, u16, u64)]) -> Self {
            let mut board = Board(std::vec![0; board_len(slots.len() as u32) / 8]);
            let bytes = board.bytes_mut();
            bytes[..8].copy_from_slice(&BOARD);
            bytes[8..40].fill(owner);
            bytes[72..104].fill(owner);
            bytes[140..144].copy_from_slice(&(slots.len() as u32).to_le_bytes());
            for (at, (bid, ask, as_of)) in bytes[HEADER_LEN..].chunks_exact_mut(SLOT_LEN).zip(slots) {
                at[..2].copy_from_slice(&bid.to_le_bytes());
                at[2..4].copy_from_slice(&ask.to_le_bytes());
                at[8..16].copy_from_slice(&as_of.to_le_bytes());
            }
            board
        }

        fn bytes_mut(&mut self) -> &mut [u8] {
            // SAFETY: the same memory, seen as bytes.
            unsafe { core::slice::from_raw_parts_mut(self.0.as_mut_ptr() as *mut u8, self.0.len() * 8) }
        }

        fn feed(&mut self) -> Feed<'_> {
            Feed { board: self.bytes_mut(), index: 0, generation: 0 }
        }
    }

    #[test]
    fn a_price_is_read_for_its_age_and_no_longer() {
        let mut board = Board::new(1, &[(6_900, 7_100, 1_000)]);
        assert_eq!(board.feed().twice_mid(&Age { now_ms: 1_500, max_ms: 500 }), Ok(14_000));
        assert_eq!(board.feed().twice_mid(&Age { now_ms: 1_501, max_ms: 500 }), Err(Refusal::Stale));
        assert_eq!(board.feed().twice_mid(&Age { now_ms: 0, max_ms: 500 }), Ok(14_000), "ahead of the reader's clock");
    }

    #[test]
    fn refusals_name_their_reason() {
        let mut board = Board::new(1, &[(0, 7_100, 1_000)]);
        assert_eq!(board.feed().twice_mid(&Age { now_ms: 1_000, max_ms: 500 }), Err(Refusal::OneSided));
        assert_eq!(Feed { index: 1, ..board.feed() }.slot(), Err(Refusal::BadIndex));
        assert_eq!(Feed { generation: 1, ..board.feed() }.slot(), Err(Refusal::Gone));
        board.bytes_mut()[HEADER_LEN + 6] = STATUS_RETIRED;
        assert_eq!(board.feed().slot(), Err(Refusal::Gone));
        board.bytes_mut()[0] ^= 1;
        assert_eq!(board.feed().slot(), Err(Refusal::NotABoard));
        let mut unpublished = Board::new(1, &[(1, 2, 0)]);
        assert_eq!(unpublished.feed().fresh(&Age { now_ms: 5, max_ms: 10 }), Err(Refusal::Stale));
    }

    #[test]
    fn the_median_wants_a_quorum_of_different_publishers() {
        let mut boards = [(1, 100, 9), (2, 300, 9), (3, 200, 9), (4, 900, 1)]
            .map(|(owner, bid, as_of)| Board::new(owner, &[(bid, bid, as_of)]));
        let [a, b, c, stale] = &mut boards;
        let feeds = [a.feed(), b.feed(), c.feed(), stale.feed()];
        assert_eq!(median_of(&feeds, &AGE, 3), Ok((400, 3)));
        assert_eq!(median_of(&feeds, &AGE, 4), Err(Refusal::NoQuorum));
        assert_eq!(median_of(&feeds[..2], &AGE, 1), Ok((200, 2)), "the lower of two");
        assert_eq!(median_of(&[], &AGE, 0), Err(Refusal::NoQuorum));
        assert_eq!(median_of(&[feeds[0], feeds[0]], &AGE, 1), Err(Refusal::SamePublisher));
        assert_eq!(median_of(&[feeds[0]; 17], &AGE, 1), Err(Refusal::TooMany));
    }

    #[test]
    fn a_feed_is_found_by_its_id() {
        let mut ids = IDS.to_vec();
        for (owner, generation) in [(7u8, 0u16), (8, 3)] {
            ids.extend([owner; 32]);
            ids.extend(generation.to_le_bytes());
            ids.extend([0; 6]);
        }
        assert_eq!(find(&ids, 2, &[8; 32]), Some((1, 3)));
        assert_eq!(find(&ids, 1, &[8; 32]), None);
        ids[0] ^= 1;
        assert_eq!(find(&ids, 2, &[8; 32]), None);
    }
}
