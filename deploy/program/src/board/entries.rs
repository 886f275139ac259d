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
