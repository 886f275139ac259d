"""Accounts that the program makes, and what every reader must say of them, in whatever language.

`python -m tests.svm.reader_vectors` writes `tests/vectors/reader.json`; keys and hashes stand in it as hex. What is
expected is written here by hand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs import board as boards
from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.markets import MarketStatus
from relayer.domain.units import NO_ASK, NO_BID, Millis, Price
from relayer.domain.verdicts import Outcome
from tests.svm.chain import ORACLE, START_S, Chain
from tests.svm.court import CHALLENGE_S, SPEC, Court
from tests.svm.rig import NOW_MS, STATE, Rig, grow_rig

FILE = Path(__file__).resolve().parents[1] / "vectors" / "reader.json"
MAX_AGE_MS = 30_000
OLD_MS = NOW_MS - MAX_AGE_MS - 10
TERMS = {"now_ms": NOW_MS, "max_age_ms": MAX_AGE_MS}
STATE_OFFSET = 179
"""Of a resolution's state byte."""
STRANGER = Pubkey(b"S" * 32)
MARKET = Pubkey(hashlib.sha256(SPEC).digest())
"""A generic resolution's market is its question."""
Json = dict[str, Any]


class FixedChain(Chain):
    """A chain on which everybody has the same keys every time."""

    def __init__(self) -> None:
        self.made = 0
        super().__init__()
        self.oracle = Pubkey(b"oracle program of the vectors ..")
        self.svm.add_program(self.oracle, ORACLE.read_bytes())

    def funded(self, lamports: int = 10**11) -> Keypair:
        self.made += 1
        key = Keypair.from_seed(hashlib.sha256(f"vector key {self.made}".encode()).digest())
        self.svm.airdrop(key.pubkey(), lamports)
        return key


@dataclass
class Ledger:
    """The accounts of the file by name."""

    chain: Chain
    accounts: dict[str, Json]

    def keep(self, name: str, address: Pubkey, *, owner: Pubkey | None = None, data: bytes | None = None) -> None:
        held = self.chain.data(address) if data is None else data
        self.accounts[name] = {
            "address": bytes(address).hex(),
            "owner": bytes(owner or self.chain.oracle).hex(),
            "data": held.hex(),
        }


def state(bid: int, ask: int, *, status: int = 2, as_of_ms: int = NOW_MS) -> FeedState:
    return replace(STATE, bid=Price(bid), ask=Price(ask), status=MarketStatus(status), as_of_ms=Millis(as_of_ms))


def board(chain: Chain, states: Sequence[FeedState], *, authority: Keypair | None = None, index: int = 0) -> Rig:
    """A board with one feed a state, all published; feed n has the id of n bytes of n + 1."""
    rig = grow_rig(chain, authority or chain.funded(), chain.funded(), capacity=len(states) + 2, index=index)
    listed = [(at, feed_id(at)) for at in range(len(states))]
    chain.ok(boards.list_feeds(chain.oracle, rig.authority.pubkey(), rig.board, listed), rig.authority)
    for at, one in enumerate(states):
        chain.ok(rig.publish(FeedUpdate(at, one), base_ms=one.as_of_ms), rig.publisher)
    return rig


def feed_id(number: int) -> bytes:
    return bytes([number + 1]) * 32


def source(rig: Rig, index: int = 0, generation: int = 0) -> Json:
    keys = {"authority": bytes(rig.authority.pubkey()).hex(), "board": bytes(rig.board).hex()}
    return {**keys, "index": index, "generation": generation}


def expected(result: str | int | Json) -> Json:
    """A refusal is named, everything else is what comes out."""
    return {"refusal": result} if isinstance(result, str) else {"is": result}


def build() -> Json:
    chain = FixedChain()
    ledger = Ledger(chain, {})
    prices = price_cases(ledger)
    return {
        "about": "Made by tests/svm/reader_vectors.py out of the program's own accounts; keys and bytes in hex.",
        "program": bytes(chain.oracle).hex(),
        "prices": prices,
        "finds": find_cases(ledger),
        "medians": median_cases(ledger),
        "answers": answer_cases(ledger),
        "accounts": ledger.accounts,
    }


def price_cases(ledger: Ledger) -> list[Json]:
    """One feed of each status at its own index, then what may be wrong with a feed, a board, an account."""
    chain, cases = ledger.chain, []
    by_status = [state(6900, 7100, status=status) for status in range(9)]
    rig = board(chain, [*by_status, state(NO_BID, 7100), state(6900, NO_ASK), state(6900, 7100, as_of_ms=OLD_MS)])
    authority = rig.authority.pubkey()
    listed, retired, again = 12, 3, 4
    chain.ok(
        boards.list_feeds(chain.oracle, authority, rig.board, [(listed, b"never published".ljust(32))]), rig.authority
    )
    chain.ok(boards.retire_feeds(chain.oracle, authority, rig.board, [retired, again]), rig.authority)
    chain.ok(boards.list_feeds(chain.oracle, authority, rig.board, [(again, feed_id(retired))]), rig.authority)
    chain.ok(rig.publish(FeedUpdate(again, state(100, 300))), rig.publisher)
    ledger.keep("many", rig.board)
    ledger.keep("ids of many", boards.ids_address(chain.oracle, rig.board))

    def case(
        name: str, result: str | Json, mid: str | int | None = None, *, account: str = "many", of: Json, **terms: int
    ) -> None:
        cases.append(
            {
                "name": name,
                "source": of,
                "account": account,
                **TERMS,
                **terms,
                "price": expected(result),
                "twice_mid": expected(result if mid is None and isinstance(result, str) else mid or 0),
            }
        )

    good = {"bid": 6900, "ask": 7100, "as_of_ms": NOW_MS}
    active = source(rig, 2)
    case("an active market", good, 14_000, of=active)
    case("the last millisecond of its age", good, 14_000, of=active, now_ms=NOW_MS + MAX_AGE_MS)
    case("one millisecond older", "Stale", of=active, now_ms=NOW_MS + MAX_AGE_MS + 1)
    case("ahead of the reader's clock", good, 14_000, of=active, now_ms=NOW_MS - 5_000)
    case("a clock younger than the age", good, 14_000, of=active, now_ms=5, max_age_ms=10)
    for status in (0, 1, 5, 6, 7, 8):
        case(f"fresh with status {status}", "NotTrading", of=source(rig, status))
    case("old and not trading is old", "Stale", of=source(rig, 8), now_ms=NOW_MS + MAX_AGE_MS + 1)
    case("retired", "Gone", of=source(rig, retired))
    case("relisted, known from before", "Gone", of=source(rig, again))
    case("relisted", {"bid": 100, "ask": 300, "as_of_ms": NOW_MS}, 400, of=source(rig, again, 1))
    case("a generation to come", "Gone", of=source(rig, 2, 1))
    case("no bid", {"bid": 0, "ask": 7100, "as_of_ms": NOW_MS}, "OneSided", of=source(rig, 9))
    case("no ask", {"bid": 6900, "ask": 10_000, "as_of_ms": NOW_MS}, "OneSided", of=source(rig, 10))
    case("old", "Stale", of=source(rig, 11))
    case(
        "old, for who takes it",
        {"bid": 6900, "ask": 7100, "as_of_ms": OLD_MS},
        14_000,
        of=source(rig, 11),
        max_age_ms=60_000,
    )
    case("never published", "NoPrice", of=source(rig, listed))
    case("not listed, within the capacity", "BadIndex", of=source(rig, listed + 1))
    case("beyond the capacity", "BadIndex", of=source(rig, 60_000))

    data = chain.data(rig.board)
    paused = board(chain, [state(6900, 7100, status=3), state(6900, 7100, status=4)])
    ledger.keep("paused", paused.board)
    case("paused", "NotTrading", account="paused", of=source(paused))
    case("closed", "NotTrading", account="paused", of=source(paused, 1))
    case("an authority that is not the board's", "WrongAuthority", of={**active, "authority": bytes(STRANGER).hex()})
    case("another board of the program", "WrongBoard", account="paused", of=active)
    ledger.keep("forged", rig.board, owner=STRANGER, data=data)
    case("the same bytes of another program", "WrongOwner", account="forged", of=active)
    for name, wrong in (("empty", b""), ("zeros", bytes(len(data))), ("header cut short", data[:191])):
        ledger.keep(name, rig.board, data=wrong)
        case(name, "NotABoard", account=name, of=active)
    ledger.keep("slots cut short", rig.board, data=data[:400])
    case("slots cut short", "NotABoard", account="slots cut short", of=active)
    ids = boards.ids_address(chain.oracle, rig.board)
    case("its ids account", "NotABoard", account="ids of many", of={**active, "board": bytes(ids).hex()})
    return cases


def find_cases(ledger: Ledger) -> list[Json]:
    """On the board of the price cases feed 3 was retired and lives on in slot 4; feed 4 is gone."""
    chain = ledger.chain
    twice = board(chain, [state(6900, 7100, as_of_ms=NOW_MS - 1_000), state(6900, 7100), state(6900, 7100)])
    authority = twice.authority.pubkey()
    chain.ok(
        boards.list_feeds(chain.oracle, authority, twice.board, [(3, feed_id(0)), (4, feed_id(1))]), twice.authority
    )
    chain.ok(twice.publish(FeedUpdate(3, state(6900, 7100)), FeedUpdate(4, state(6900, 7100))), twice.publisher)
    ledger.keep("twice", twice.board)
    ids = boards.ids_address(chain.oracle, twice.board)
    ledger.keep("ids of twice", ids)
    ledger.keep("forged ids", ids, owner=STRANGER)
    ledger.keep("ids cut short", ids, data=chain.data(ids)[:100])
    ledger.keep("no ids", ids, data=bytes(len(chain.data(ids))))

    def case(name: str, result: str | Json, *, of: str, ids: str, feed: bytes) -> Json:
        return {"name": name, "board": of, "ids": ids, "id": feed.hex(), "expect": expected(result)}

    many, double = {"of": "many", "ids": "ids of many"}, {"of": "twice", "ids": "ids of twice"}
    return [
        case("listed", {"index": 2, "generation": 0}, feed=feed_id(2), **many),
        case("retired here, alive there", {"index": 4, "generation": 1}, feed=feed_id(3), **many),
        case("nowhere any more", "Unlisted", feed=feed_id(4), **many),
        case("never listed", "Unlisted", feed=bytes(32), **many),
        case("alive in two slots, the newer price", {"index": 3, "generation": 0}, feed=feed_id(0), **double),
        case("alive in two slots, equally new", {"index": 1, "generation": 0}, feed=feed_id(1), **double),
        case("a forged board", "WrongOwner", of="forged", ids="ids of many", feed=feed_id(2)),
        case("no board", "NotABoard", of="zeros", ids="ids of many", feed=feed_id(2)),
        case("forged ids", "WrongOwner", of="twice", ids="forged ids", feed=feed_id(2)),
        case("ids cut short", "NotABoard", of="twice", ids="ids cut short", feed=feed_id(2)),
        case("no ids", "NotABoard", of="twice", ids="no ids", feed=feed_id(2)),
    ]


def median_cases(ledger: Ledger) -> list[Json]:
    chain, rigs = ledger.chain, {}

    def keep(name: str, *states: FeedState, authority: Keypair | None = None, index: int = 0) -> Rig:
        rigs[name] = board(chain, states, authority=authority, index=index)
        ledger.keep(name, rigs[name].board)
        return rigs[name]

    a = keep("a", state(7000, 7200))
    keep("b", state(6000, 6200))
    keep("c", state(9000, 9200))
    keep("one-sided", state(NO_BID, 7100))
    keep("old", state(100, 200, as_of_ms=OLD_MS))
    keep("halted", state(100, 200, status=3))
    keep("a, newer", state(100, 200, as_of_ms=NOW_MS + 1_000), authority=a.authority, index=1)
    keep("a, as new and lower", state(4000, 4200), authority=a.authority, index=2)
    keep("a, newest and higher", state(9400, 9600, as_of_ms=NOW_MS + 2_000), authority=a.authority, index=3)
    keep("stranger", state(1, 2))
    gone = keep("gone", state(100, 200))
    chain.ok(boards.retire_feeds(chain.oracle, gone.authority.pubkey(), gone.board, [0]), gone.authority)
    ledger.keep("gone", gone.board)
    shut = keep("shut", state(100, 200))
    chain.ok(boards.close_board(chain.oracle, shut.authority.pubkey(), shut.board), shut.authority)
    ledger.keep("shut", shut.board)
    sold = keep("sold", state(100, 200))
    buyer = chain.funded()
    chain.ok(
        boards.propose_authority(chain.oracle, sold.authority.pubkey(), sold.board, buyer.pubkey()), sold.authority
    )
    chain.ok(boards.accept_authority(chain.oracle, buyer.pubkey(), sold.board), buyer)
    ledger.keep("sold", sold.board)
    ledger.keep("b, forged", rigs["b"].board, owner=STRANGER, data=chain.data(rigs["stranger"].board))
    ledger.keep("b, garbage", rigs["b"].board, data=b"garbage" * 40)

    def case(name: str, result: tuple[int, int] | str, accounts: str, *, quorum: int, sources: str = "a|b|c") -> Json:
        outcome: str | Json
        outcome = result if isinstance(result, str) else {"twice_mid": result[0], "voices": result[1]}
        return {
            "name": name,
            "sources": [source(rigs[one]) for one in sources.split("|") if one],
            "accounts": [one for one in accounts.split("|") if one],
            **TERMS,
            "quorum": quorum,
            "expect": expected(outcome),
        }

    unusable, all_of_a = "one-sided|old|halted|gone|shut|sold", "a|a, newer|a, as new and lower"
    return [
        case("three", (14_200, 3), "a|b|c", quorum=3),
        case("three in another order", (14_200, 3), "c|a|b", quorum=3),
        case("of two the lower", (12_200, 2), "a|b", quorum=2),
        case("of one the one", (14_200, 1), "a", quorum=1),
        case("too few passed", "NoQuorum", "a|b", quorum=3),
        case("a quorum above all", "NoQuorum", "a|b|c", quorum=4),
        case("nothing at all", "NoQuorum", "", quorum=0),
        case("nobody trusted", "NoQuorum", "a|b|c", quorum=0, sources=""),
        case(
            "what has no price does not count", (14_200, 3), f"{unusable}|a|b|c", quorum=3, sources=f"a|b|c|{unusable}"
        ),
        case("nor towards the quorum", "NoQuorum", f"{unusable}|a|b|c", quorum=4, sources=f"a|b|c|{unusable}"),
        case("boards of strangers", (14_200, 3), "stranger|a|b|c|stranger", quorum=3),
        case("strangers alone", "NoQuorum", "stranger|stranger", quorum=1),
        case("forged before the true one", (14_200, 3), "b, forged|a|b|c", quorum=3),
        case("forged behind the true one", (14_200, 3), "a|b|c|b, forged", quorum=3),
        case("forged in place of the true one", "NoQuorum", "a|b, forged|c", quorum=3),
        case("garbage beside the true one", (14_200, 3), "b, garbage|a|b|c", quorum=3),
        case("one account many times", (14_200, 3), "b|b|b|b|a|c|b|b", quorum=3),
        case("no quorum of one", "NoQuorum", "a|a|a", quorum=2),
        case("three boards of one authority", "NoQuorum", all_of_a, quorum=2, sources=all_of_a),
        case("of them the newest counts", (300, 1), all_of_a, quorum=1, sources=all_of_a),
        case("even if it is higher", (19_000, 1), "a, newest and higher|a", quorum=1, sources="a|a, newest and higher"),
        case("wherever it stands", (300, 1), "a, newer|a", quorum=1, sources="a|a, newer"),
        case(
            "of equally new ones the lower",
            (8_200, 1),
            "a|a, as new and lower",
            quorum=1,
            sources="a|a, as new and lower",
        ),
        case("in whatever order", (8_200, 1), "a, as new and lower|a", quorum=1, sources="a|a, as new and lower"),
        case("one voice among others", (12_200, 3), f"{all_of_a}|b|c", quorum=3, sources=f"{all_of_a}|b|c"),
        case("sources named twice", "NoQuorum", "a|b", quorum=3, sources="a|a|b|b"),
        case("sixteen sources", (14_200, 1), "a", quorum=1, sources="a" + 15 * "|b"),
        case("seventeen sources", "TooManySources", "a", quorum=1, sources="a" + 16 * "|b"),
    ]


def answer_cases(ledger: Ledger) -> list[Json]:
    chain = ledger.chain
    court = Court(chain)
    spec_no = SPEC + b" "
    settled_no = Pubkey(hashlib.sha256(spec_no).digest())
    for market, spec, outcome in ((MARKET, SPEC, Outcome.YES), (settled_no, spec_no, Outcome.NO)):
        assert court.open(market, spec=spec).error is None
        for member in court.members[:3]:
            assert court.attest(member, market, outcome).error is None
    ledger.keep("undecided", court.resolution_address(MARKET))
    chain.set_time(START_S + CHALLENGE_S)
    for market in (MARKET, settled_no):
        assert court.settle(chain.funded(), market).error is None
    address = court.resolution_address(MARKET)
    data = chain.data(address)
    for name, number in (("elsewhere", 2), ("contradicted", 3), ("open again", 0)):
        ledger.keep(name, address, data=data[:STATE_OFFSET] + bytes([number]) + data[STATE_OFFSET + 1 :])
    no = court.resolution_address(settled_no)
    data_no = chain.data(no)
    ledger.keep("open again, no", no, data=data_no[:STATE_OFFSET] + bytes(1) + data_no[STATE_OFFSET + 1 :])
    ledger.keep("no file", address, data=bytes(8) + data[8:])
    ledger.keep("yes", address)
    ledger.keep("no", no)
    ledger.keep("forged file", address, owner=STRANGER, data=data)
    ledger.keep("file cut short", address, data=data[:100])
    ledger.keep("committee", court.address)
    asked = {
        "committee": bytes(court.address).hex(),
        "market": bytes(MARKET).hex(),
        "spec_hash": hashlib.sha256(SPEC).hexdigest(),
    }

    def case(name: str, result: str | Json, account: str, **changed: str) -> Json:
        return {"name": name, "account": account, "question": {**asked, **changed}, "expect": expected(result)}

    other, asked_no = bytes(STRANGER).hex(), dict.fromkeys(("market", "spec_hash"), bytes(settled_no).hex())
    return [
        case("settled yes", {"yes": True}, "yes"),
        case("settled no", {"yes": False}, "no", **asked_no),
        case("a winner, but open", "Undecided", "open again"),
        case("another winner, but open", "Undecided", "open again, no", **asked_no),
        case("another kind of account", "NotAResolution", "no file"),
        case("settled elsewhere", {"yes": True}, "elsewhere"),
        case("open", "Undecided", "undecided"),
        case("contradicted", "Contradicted", "contradicted"),
        case("another committee's", "WrongCommittee", "yes", committee=other),
        case("another market's", "WrongMarket", "no"),
        case("another question", "WrongSpec", "yes", spec_hash=hashlib.sha256(b"opposite").hexdigest()),
        case("another question, open", "WrongSpec", "undecided", spec_hash=other),
        case("the same bytes of another program", "WrongOwner", "forged file"),
        case("cut short", "NotAResolution", "file cut short"),
        case("a committee", "NotAResolution", "committee"),
        case("a board", "NotAResolution", "many"),
    ]


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(build(), indent=1) + "\n")
