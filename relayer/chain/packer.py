"""Feed updates into `publish` instructions, and those into transactions. Pure; newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from relayer.chain.programs.board import AGE_UNIT_MS, ENTRY_LEN, MAX_AGE_MS, encoded_as_of
from relayer.domain.board import FeedUpdate
from relayer.domain.units import Millis


@dataclass(frozen=True, slots=True)
class Batch:
    """One `publish` instruction: entries whose times are told against one base, none more than 655.35 s before it."""

    base_ms: Millis
    updates: Sequence[FeedUpdate]

    def shown(self) -> Iterable[tuple[int, Millis]]:
        """(index, the time its slot will show) of each entry."""
        return ((update.index, encoded_as_of(self.base_ms, update.state.as_of_ms)) for update in self.updates)


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of one transaction: `space` for all publish instructions, `instruction` for each without its entries."""

    space: int
    instruction: int


def batched(updates: Sequence[FeedUpdate], shown: Mapping[int, Millis]) -> list[Batch]:
    """Group updates by base time. `shown`: the time that each slot was last made to show.

    Times are encoded in steps of 10 ms below the base, so one that is newer than its slot by less may lose its
    advantage and be skipped by the program: it goes with a base of its own. Updates that are not newer are left out,
    since the program would skip them.
    """
    rest = [update for update in updates if update.state.as_of_ms > shown.get(update.index, 0)]
    rest.sort(key=lambda update: update.state.as_of_ms, reverse=True)
    batches = []
    while rest:
        base_ms = rest[0].state.as_of_ms
        fitting: list[FeedUpdate] = []
        others: list[FeedUpdate] = []
        for update in rest:
            steps = -(-(base_ms - update.state.as_of_ms) // AGE_UNIT_MS) * AGE_UNIT_MS
            fits = steps <= MAX_AGE_MS and base_ms - steps > shown.get(update.index, 0)
            (fitting if fits else others).append(update)
        batches.append(Batch(base_ms, fitting))
        rest = others
    return batches


def packed(batches: Iterable[Batch], room: Room) -> list[list[Batch]]:
    """Fill transactions one after the other; a batch that does not fit is divided."""
    transactions: list[list[Batch]] = []
    space = 0
    for batch in batches:
        updates = batch.updates
        while updates:
            count = (space - room.instruction) // ENTRY_LEN
            if count < 1:
                transactions.append([])
                space = room.space
                continue
            part, updates = updates[:count], updates[count:]
            transactions[-1].append(Batch(batch.base_ms, part))
            space -= room.instruction + ENTRY_LEN * len(part)
    return transactions
