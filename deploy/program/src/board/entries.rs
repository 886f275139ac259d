//! The hot loop of `publish`: newest wins, entry by entry. Plain arithmetic on bytes, tested on the host.

use oracle_reader::board::{PRICE_MAX, STATUS_FINAL, STATUS_RETIRED, Slot};

/// Slot bytes 0..8, index u16, age u16.
pub const ENTRY_LEN: usize = 12;
/// Ages count units of 10 ms.
pub const AGE_UNIT_MS: u64 = 10;
/// Ages reach back at most this far, so that a later base cannot fall below zero.
pub const MAX_AGE_MS: u64 = AGE_UNIT_MS * u16::MAX as u64;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub written: u64,
    /// Not newer than the slot.
    pub stale: u64,
    /// Index beyond the board, crossed or impossible prices, unknown status, or a retired slot.
    pub malformed: u64,
}

/// The entry as it lies in the instruction: 4-aligned, so nothing wider is assumed.
#[repr(C, packed(4))]
struct Entry {
    bid: u16,
    ask: u16,
    last: u16,
    status: u8,
    size: u8,
    index: u16,
    age: u16,
}

/// One batch of entries and the slots it goes to.
pub struct Job {
    pub slots: *mut Slot,
    /// Slots that carry a feed or did.
    pub length: u64,
    pub entries: *const u8,
    pub count: u64,
    pub base_ms: u64,
    /// No slot is stored as of later than this.
    pub limit_ms: u64,
}

impl Job {
    /// Write the entries that are well-formed and newer than their slots.
    ///
    /// # Safety
    /// `slots` points at `length` slots, 8-aligned; `entries` at `count` entries, 4-aligned; `base_ms >= MAX_AGE_MS`.
    pub unsafe fn run(&self) -> Tally {
        // SAFETY: per the contract above.
        unsafe { if self.base_ms <= self.limit_ms { self.write::<false>() } else { self.write::<true>() } }
    }

    /// A function of its own, so that the loop lives in registers. `LATE`: the base is beyond the limit, so entries
    /// may be.
    #[inline(never)]
    unsafe fn write<const LATE: bool>(&self) -> Tally {
        let (mut stale, mut malformed) = (0u64, 0u64);
        // SAFETY: per the contract above.
        unsafe {
            let mut at = self.entries as *const Entry;
            let end = at.add(self.count as usize);
            while at < end {
                let entry = &*at;
                at = at.add(1);
                let slot = self.slots.add(entry.index as usize);
                // Short of the length check nothing of the slot is read.
                if entry.index as u64 >= self.length || is_malformed(entry) || (*slot).status == STATUS_RETIRED {
                    malformed = malformed.wrapping_add(1);
                    continue;
                }
                let mut as_of_ms = self.base_ms.wrapping_sub(AGE_UNIT_MS * entry.age as u64);
                if LATE {
                    as_of_ms = as_of_ms.min(self.limit_ms);
                }
                if as_of_ms <= (*slot).as_of_ms {
                    stale = stale.wrapping_add(1);
                    continue;
                }
                (slot as *mut [u32; 2]).write((entry as *const Entry as *const [u32; 2]).read());
                (*slot).as_of_ms = as_of_ms;
                (*slot).updates = (*slot).updates.wrapping_add(1);
            }
        }
        Tally { written: self.count.wrapping_sub(stale).wrapping_sub(malformed), stale, malformed }
    }
}

#[inline(always)]
fn is_malformed(entry: &Entry) -> bool {
    entry.bid > entry.ask || entry.ask > PRICE_MAX || entry.last > PRICE_MAX || entry.status > STATUS_FINAL
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE_MS: u64 = 1_770_000_000_000;
    const EMPTY: Slot = Slot {
        bid: 0,
        ask: PRICE_MAX,
        last: 0,
        status: 0,
        size: 0,
        as_of_ms: 0,
        updates: 0,
        generation: 3,
        reserved: 0,
    };

    fn entry(index: u16, age: u16) -> Entry {
        Entry { bid: 6_900, ask: 7_100, last: 7_000, status: 2, size: 9, index, age }
    }

    fn run(slots: &mut [Slot], entries: &[Entry], limit_ms: u64) -> Tally {
        let job = Job {
            slots: slots.as_mut_ptr(),
            length: slots.len() as u64,
            entries: entries.as_ptr() as *const u8,
            count: entries.len() as u64,
            base_ms: BASE_MS,
            limit_ms,
        };
        // SAFETY: slices of these lengths.
        unsafe { job.run() }
    }

    #[test]
    fn an_entry_writes_its_slot_and_nothing_else_of_it() {
        let mut slots = [EMPTY; 2];
        assert_eq!(run(&mut slots, &[entry(1, 2)], u64::MAX), Tally { written: 1, stale: 0, malformed: 0 });
        let want = Slot {
            bid: 6_900,
            ask: 7_100,
            last: 7_000,
            status: 2,
            size: 9,
            as_of_ms: BASE_MS - 20,
            updates: 1,
            ..EMPTY
        };
        assert_eq!(slots, [EMPTY, want]);
    }

    #[test]
    fn the_newest_wins_in_any_order() {
        for ages in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let mut slots = [EMPTY];
            let tally = run(&mut slots, &ages.map(|age| entry(0, age)), u64::MAX);
            assert_eq!((slots[0].as_of_ms, tally.written + tally.stale), (BASE_MS, 3));
        }
    }

    #[test]
    fn what_is_malformed_is_counted_and_skipped() {
        let bad = [
            entry(1, 0),
            Entry { bid: 7_101, ..entry(0, 0) },
            Entry { ask: PRICE_MAX + 1, ..entry(0, 0) },
            Entry { last: PRICE_MAX + 1, ..entry(0, 0) },
            Entry { status: STATUS_RETIRED, ..entry(0, 0) },
        ];
        let mut slots = [EMPTY];
        assert_eq!(run(&mut slots, &bad, u64::MAX).malformed, bad.len() as u64);
        assert_eq!(slots, [EMPTY]);
        slots[0].status = STATUS_RETIRED;
        assert_eq!(run(&mut slots, &[entry(0, 0)], u64::MAX).malformed, 1);
    }

    #[test]
    fn nothing_is_stored_beyond_the_limit() {
        for (age, want) in [(0, BASE_MS - 15), (1, BASE_MS - 15), (2, BASE_MS - 20)] {
            let mut slots = [EMPTY];
            run(&mut slots, &[entry(0, age)], BASE_MS - 15);
            assert_eq!(slots[0].as_of_ms, want);
        }
    }
}
