"""Reads prices off boards and answers off resolutions, as strictly as the Rust crate in `deploy/program/reader`.

An account is believed only for what it can prove: its owner, its address, its authority, the age of its price. Fetching
accounts (all in one call, so that they are of one moment) and the cluster's time are the business of the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from solders.pubkey import Pubkey

from relayer.chain.programs.board import Board, decode_board, decode_ids, ids_address
from relayer.chain.programs.committee import Resolution, ResolutionState, decode_resolution
from relayer.domain.board import FeedState
from relayer.domain.errors import PermanentError, TransientError
from relayer.domain.markets import MarketStatus
from relayer.domain.units import NEVER, NO_ASK, NO_BID
from relayer.domain.verdicts import Outcome

MAX_SOURCES = 16


class Refusal(StrEnum):
    """Why there is no price. Checked in this order; the first that applies is told."""

    WRONG_BOARD = "WrongBoard"
    WRONG_OWNER = "WrongOwner"
    NOT_A_BOARD = "NotABoard"
    WRONG_AUTHORITY = "WrongAuthority"
    BAD_INDEX = "BadIndex"
    GONE = "Gone"
    NO_PRICE = "NoPrice"
    STALE = "Stale"
    NOT_TRADING = "NotTrading"
    ONE_SIDED = "OneSided"
    TOO_MANY_SOURCES = "TooManySources"
    NO_QUORUM = "NoQuorum"
    UNLISTED = "Unlisted"


class Unanswered(StrEnum):
    """Why there is no answer. Checked in this order; the first that applies is told."""

    WRONG_OWNER = "WrongOwner"
    NOT_A_RESOLUTION = "NotAResolution"
    WRONG_COMMITTEE = "WrongCommittee"
    WRONG_MARKET = "WrongMarket"
    WRONG_SPEC = "WrongSpec"
    UNDECIDED = "Undecided"
    CONTRADICTED = "Contradicted"


_SENTENCES: dict[Refusal | Unanswered, str] = {
    Refusal.WRONG_BOARD: "is not the account that the source names; fetch that one",
    Refusal.WRONG_OWNER: "does not belong to the oracle program; check the program's id and the address",
    Refusal.NOT_A_BOARD: "is closed, cut short or no board of this program version; name another board",
    Refusal.WRONG_AUTHORITY: "has another authority than the source names; trust the new one or drop the source",
    Refusal.BAD_INDEX: "has no feed at that index; look the feed up again",
    Refusal.GONE: "carries another market at that index, or none; look the feed up again",
    Refusal.NO_PRICE: "has no price there yet; ask again later",
    Refusal.STALE: "has only a price that is older than asked for; ask again later",
    Refusal.NOT_TRADING: "says that the market is not trading; ask again later",
    Refusal.ONE_SIDED: "has only one side of the book, so that there is no middle; ask again later",
    Refusal.TOO_MANY_SOURCES: f"takes at most {MAX_SOURCES} sources; name fewer",
    Refusal.NO_QUORUM: "has too few authorities with a price; ask again later, or check the sources",
    Refusal.UNLISTED: "carries no such feed now; look for it on another board",
    Unanswered.WRONG_OWNER: "does not belong to the oracle program; check the program's id and the address",
    Unanswered.NOT_A_RESOLUTION: "is closed or no resolution of this program version; check the address",
    Unanswered.WRONG_COMMITTEE: "is of another committee; check the address",
    Unanswered.WRONG_MARKET: "is about another market; check the address",
    Unanswered.WRONG_SPEC: "asks another question about the market; take the file of the spec that is meant",
    Unanswered.UNDECIDED: "is not decided; ask again later",
    Unanswered.CONTRADICTED: "was settled on PNP with the other winner; its answer stands nowhere but here",
}


class Refused(TransientError):
    """No price, or no answer, from the accounts as they are now; `reason` says why."""

    def __init__(self, what: str, reason: Refusal | Unanswered) -> None:
        super().__init__(f"{what} {_SENTENCES[reason]}.")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Account:
    """An account as an RPC node hands it over."""

    address: Pubkey
    owner: Pubkey
    data: bytes


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a price is believed."""

    program: Pubkey
    """The oracle program."""
    now_ms: int
    """Of the cluster's clock, or of one that agrees with it."""
    max_age_ms: int


@dataclass(frozen=True, slots=True)
class Source:
    """One publisher's word on one market. The index means something on this one board alone."""

    authority: Pubkey
    board: Pubkey
    index: int
    generation: int = 0
    """Of the slot, when the reader found its market there: a slot given to another market is another source."""


@dataclass(frozen=True, slots=True)
class Median:
    twice_mid: int
    """Bid plus ask, in centi-cents; of an even number of voices the lower of the middle two."""
    voices: int
    """Authorities that had a price."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, and of whom: a market's name alone is not the question, the spec is."""

    committee: Pubkey
    market: Pubkey
    """A PNP market's address or, of a generic resolution, once more the spec's hash."""
    spec_hash: bytes
    """SHA-256 of the canonical spec."""


def slot(source: Source, account: Account, program: Pubkey) -> FeedState:
    """The slot, whatever its age and status. Raises Refused."""
    if account.address != source.board:
        raise _refused(source, Refusal.WRONG_BOARD)
    board = _board(account, program)
    if board.header.authority != source.authority:
        raise _refused(source, Refusal.WRONG_AUTHORITY)
    if source.index >= len(board.slots):
        raise _refused(source, Refusal.BAD_INDEX)
    found = board.slots[source.index]
    if found.state is None or found.generation != source.generation:
        raise _refused(source, Refusal.GONE)
    return found.state


def price(source: Source, account: Account, terms: Terms) -> FeedState:
    """The slot of a market that trades, for which its publisher vouches within the age asked for. Raises Refused."""
    state = slot(source, account, terms.program)
    if state.as_of_ms == NEVER:
        raise _refused(source, Refusal.NO_PRICE)
    if state.as_of_ms < terms.now_ms - terms.max_age_ms:
        raise _refused(source, Refusal.STALE)
    if state.status is not MarketStatus.ACTIVE:
        raise _refused(source, Refusal.NOT_TRADING)
    return state


def twice_mid(source: Source, account: Account, terms: Terms) -> int:
    """Bid plus ask of such a slot: twice the middle, in centi-cents. Raises Refused."""
    return _twice_mid(source, price(source, account, terms))


def median_of(sources: Sequence[Source], accounts: Iterable[Account], terms: Terms, *, quorum: int) -> Median:
    """The median over the sources whose boards are among `accounts` and have a price.

    Nothing else counts and nothing else refuses. Of one authority's several boards the newest price counts, of equally
    new ones the lower. With at most f dishonest authorities a quorum of 2 f + 1 keeps the median between honest prices,
    whatever accounts are passed. Raises Refused below `quorum` authorities and above `MAX_SOURCES` sources.
    """
    if len(sources) > MAX_SOURCES:
        raise Refused("The median", Refusal.TOO_MANY_SOURCES)
    voices: dict[Pubkey, tuple[int, int]] = {}
    for account in accounts:
        for source in sources:
            try:
                state = price(source, account, terms)
                voice = (state.as_of_ms, -_twice_mid(source, state))
            except Refused:
                continue
            voices[source.authority] = max(voice, voices.get(source.authority, voice))
    prices = sorted(-negative for _, negative in voices.values())
    if len(prices) < max(quorum, 1):
        raise Refused("The median", Refusal.NO_QUORUM)
    return Median(prices[(len(prices) - 1) // 2], len(prices))


def find(board: Account, ids: Account, program: Pubkey, feed_id: bytes) -> tuple[int, int]:
    """Index and generation of the slot that carries a feed now; of several the one of the newest price, then the first.

    `feed_id` is `MarketId.feed_id()`. Raises Refused.
    """
    slots = _board(board, program).slots
    if ids.address != ids_address(program, board.address):
        raise Refused(f"Account {ids.address}", Refusal.WRONG_BOARD)
    if ids.owner != program:
        raise Refused(f"Account {ids.address}", Refusal.WRONG_OWNER)
    try:
        listed = decode_ids(ids.data, len(slots))
    except PermanentError as error:
        raise Refused(f"Account {ids.address}", Refusal.NOT_A_BOARD) from error
    live = [
        (-one.state.as_of_ms, index)
        for index, (one, feed) in enumerate(zip(slots, listed, strict=True))
        if one.state is not None and feed.feed_id == feed_id
    ]
    if not live:
        raise Refused(f"Board {board.address}", Refusal.UNLISTED)
    _, index = min(live)
    return index, slots[index].generation


def answer(account: Account, program: Pubkey, question: Question) -> Outcome:
    """The committee's answer to exactly this question. Raises Refused."""
    resolution = _resolution(account, program)
    match (resolution.state, resolution.winner):
        case _ if resolution.committee != question.committee:
            reason = Unanswered.WRONG_COMMITTEE
        case _ if resolution.market != question.market:
            reason = Unanswered.WRONG_MARKET
        case _ if resolution.spec_hash != question.spec_hash:
            reason = Unanswered.WRONG_SPEC
        case (ResolutionState.CONTRADICTED, _):
            reason = Unanswered.CONTRADICTED
        case (ResolutionState.SETTLED | ResolutionState.SETTLED_ELSEWHERE, Outcome() as winner):
            return winner
        case _:
            reason = Unanswered.UNDECIDED
    raise Refused(f"Resolution {account.address}", reason)


def _refused(source: Source, reason: Refusal) -> Refused:
    return Refused(f"Board {source.board}, slot {source.index},", reason)


def _twice_mid(source: Source, state: FeedState) -> int:
    if state.bid == NO_BID or state.ask >= NO_ASK:
        raise _refused(source, Refusal.ONE_SIDED)
    return state.bid + state.ask


def _board(account: Account, program: Pubkey) -> Board:
    if account.owner != program:
        raise Refused(f"Account {account.address}", Refusal.WRONG_OWNER)
    try:
        return decode_board(account.data)
    except (PermanentError, ValueError) as error:  # ValueError: a status that this version does not know
        raise Refused(f"Account {account.address}", Refusal.NOT_A_BOARD) from error


def _resolution(account: Account, program: Pubkey) -> Resolution:
    if account.owner != program:
        raise Refused(f"Account {account.address}", Unanswered.WRONG_OWNER)
    try:
        return decode_resolution(account.data)
    except (PermanentError, ValueError, KeyError) as error:  # ValueError, KeyError: a number this version does not know
        raise Refused(f"Account {account.address}", Unanswered.NOT_A_RESOLUTION) from error
