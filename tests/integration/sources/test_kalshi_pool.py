"""Several connections over real sockets: pairs that lose one, a pool that loses one, books that REST contradicts."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from relayer.conditions.condition import Condition
from relayer.conditions.parse import parse_spec
from relayer.domain.markets import MarketId, Venue
from relayer.domain.units import Millis
from relayer.domain.verdicts import Answer
from relayer.prices.book import Book as LiveBook
from relayer.sandbox.faults.kit import FaultKit
from relayer.tape.replay import SHIPPED_TAPE, ReplayTape
from tests.fakes.listener import Book, Gap, Line, Status, Watermark, observed_books
from tests.fakes.specs import document
from tests.fakes.tapes import OPENING, START_MS, A, B, delta, market, snapshot, write_tape
from tests.integration.sources.conftest import Opener, Watched
from tests.integration.sources.truth import assert_true, tickers_of

CROSSING_MS = 300_000
MANY = [f"KXMANY-{number}" for number in range(240)]


def gaps(watched: Watched, ticker: str) -> list[Gap]:
    """Those after the first book."""
    lines = watched.told[ticker].lines
    known_ms = next(line.at for line in lines if isinstance(line, Book))
    return [line for line in lines if isinstance(line, Gap) and line.start >= known_ms]


def verdict_of(watched: Watched, held_s: int) -> tuple[Answer, int | None]:
    """Whether A was bid at 70 for so long, by what was told of it."""
    asked = document(
        parent={"venue": "kalshi-sandbox", "market": A},
        window={"start": "2025-12-20T15:03:00Z", "end": "2025-12-20T15:10:00Z"},
        price={"source": "executable", "min_size": "1.00", "held_s": held_s},
    )
    condition = Condition(parse_spec(json.dumps(asked)))
    for line in watched.told[A].lines:
        _tell(condition, MarketId(Venue.KALSHI_SANDBOX, A), line)
    verdict = condition.verdict()
    return verdict.answer, verdict.decided_at


def _tell(condition: Condition, parent: MarketId, line: Line) -> None:
    match line:
        case Book():
            book = LiveBook()
            book.replace(dict(line.bids), dict(line.asks))
            condition.on_book(parent, Millis(line.at), book)
        case Status():
            condition.on_status(parent, Millis(line.at), line.status, None)
        case Gap():
            condition.on_gap(parent, Millis(line.start), Millis(line.end), False)
        case Watermark():
            condition.on_watermark(parent, Millis(line.at))


LOSSES = ["reset", "going-away", "silent-socket", "half-open", "buffer-overflow", "channel-error", "slow-reader"]


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_connection_lost_at_the_decisive_moment_costs_nothing(
    watching: Opener, tmp_path: Path, loss: str
) -> None:
    """The first frame either hears is the crossing, and the first connection is lost with it."""
    lines = [
        *OPENING,
        delta(CROSSING_MS, A, "yes", "0.4300", "5.00"),
        delta(CROSSING_MS + 1, A, "no", "0.5600", "-75.50"),
        delta(CROSSING_MS + 2, A, "yes", "0.7100", "9.00"),
        delta(CROSSING_MS + 20_000, A, "yes", "0.7100", "-9.00"),
    ]
    tape = write_tape(tmp_path / "tape.jsonl.gz", lines)
    watched = await watching(tape, [A], f"{loss}@1=1", speed=120, twice=True)
    await watched.until(lambda: watched.told[A].watermark_ms > START_MS + CROSSING_MS + 25_000)
    assert gaps(watched, A) == []
    assert_true(watched, FaultKit([]), tape, [A])
    assert verdict_of(watched, held_s=15) == (Answer.YES, START_MS + CROSSING_MS + 2 + 15_000)
    await watched.until(lambda: watched.told[A].watermark_ms > START_MS + 601_000)
    assert verdict_of(watched, held_s=25)[0] is Answer.NO


async def test_a_recorded_day_on_two_connections_one_of_which_is_rotten(watching: Opener) -> None:
    tape = ReplayTape(SHIPPED_TAPE)
    tickers, start_ms = tickers_of(tape), tape.header.from_ms
    rot = [f"{name}@1=0.02" for name in ("sequence-hole", "reorder", "truncated-frame", "lost-reply", "future-time")]
    watched = await watching(tape, tickers, *rot, start_ms=start_ms, speed=600, twice=True, connections=2)
    joined_ms: dict[str, int] = {}
    for ticker in tickers:
        # Once both prove it the sound one does, whichever that is, and goes on doing so.
        await watched.until(partial(_both_prove, watched, ticker))
        joined_ms[ticker] = watched.told[ticker].told_ms
    proven_ms = max(joined_ms.values()) + 1_800_000
    await watched.until(lambda: all(watched.told[ticker].watermark_ms > proven_ms for ticker in tickers))
    assert watched.frames("malformed") > 0
    for ticker in tickers:
        assert [gap for gap in gaps(watched, ticker) if gap.start > joined_ms[ticker]] == []
    assert_true(watched, FaultKit([]), tape, tickers)


async def test_both_connections_rotten_is_true_all_the_same(watching: Opener) -> None:
    tape = ReplayTape(SHIPPED_TAPE)
    tickers, start_ms = tickers_of(tape), tape.header.from_ms
    rot = [f"{name}=0.02" for name in ("sequence-hole", "reorder", "truncated-frame", "phantom-level", "reset")]
    watched = await watching(tape, tickers, *rot, start_ms=start_ms, speed=600, twice=True, connections=2)
    await asyncio.sleep(5)
    assert not watched.running.done()
    await watched.until(lambda: any(watched.told[ticker].watermark_ms > start_ms for ticker in tickers))
    assert_true(watched, FaultKit([]), tape, tickers)


async def test_many_markets_share_four_connections_and_one_that_breaks_disturbs_no_other(
    watching: Opener, tmp_path: Path
) -> None:
    moves = [delta(1000 * second, MANY[second % len(MANY)], "yes", "0.4300", "1.00") for second in range(1, 1200)]
    opening = [
        line for ticker in MANY for line in (market(0, ticker), snapshot(0, ticker, yes_dollars_fp=[["0.4", "3"]]))
    ]
    tape = write_tape(tmp_path / "tape.jsonl.gz", [*opening, *moves])
    watched = await watching(tape, MANY, "going-away@2=0.3", speed=60, connections=4)
    await watched.until(lambda: all(watched.told[t].watermark_ms > START_MS + 900_000 for t in MANY))
    disturbed = {ticker for ticker in MANY if gaps(watched, ticker)}
    assert disturbed
    assert len({_connections(watched, ticker, "connection") for ticker in disturbed}) == 1
    assert {_connections(watched, ticker, "connection") for ticker in MANY} == {(1,), (2,), (3,), (4,)}
    assert watched.source.trouble() is None
    assert_true(watched, FaultKit([]), tape, MANY)
    assert watched.metrics.total("relayer_disconnections_total") == 1
    assert watched.metrics.total("relayer_connection_up") == 4
    assert watched.metrics.total("relayer_connection_markets") == len(MANY)


def _connections(watched: Watched, ticker: str, what: str) -> tuple[Any, ...]:
    """What is said of each connection that hears a market."""
    connections = watched.source.view(MarketId(Venue.KALSHI_SANDBOX, ticker))["connections"]
    assert isinstance(connections, list)
    return tuple(connection[what] for connection in connections)


def _both_prove(watched: Watched, ticker: str) -> bool:
    return _connections(watched, ticker, "proves") == (True, True)


async def test_a_market_watched_already_is_joined_by_a_second_connection(watching: Opener, tmp_path: Path) -> None:
    lines = [*OPENING, *(delta(second * 1000, A, "yes", "0.4300", "1.00") for second in range(1, 600))]
    tape = write_tape(tmp_path / "tape.jsonl.gz", lines)
    watched = await watching(tape, [A, B], speed=20)
    await watched.until(lambda: len(observed_books(watched.told[A], watched.told[A].watermark_ms)) > 3)
    watched.source.watch_twice([MarketId(Venue.KALSHI_SANDBOX, A)])

    await watched.until(partial(_both_prove, watched, A))
    assert gaps(watched, A) == []
    assert_true(watched, FaultKit([]), tape, [A])


async def test_a_book_that_rest_contradicts_is_repaired_on_a_new_connection(
    watching: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """NO prices the wrong way round: no stream can show that, and no snapshot on this connection helps."""
    for name in ("_BEFORE_S", "_AFTER_S", "_AGAIN_S"):
        monkeypatch.setattr(f"relayer.sources.kalshi.crosscheck.{name}", 0.2)
    tape = write_tape(tmp_path / "tape.jsonl.gz", OPENING)
    watched = await watching(tape, [A], "wrong-side@1=1", cross_check_interval_s=1, connections=1)

    def asks() -> list[int]:
        return [line.asks[0][0] for line in watched.told[A].lines if isinstance(line, Book)]

    await watched.until(lambda: asks()[-1:] == [4400])
    assert set(asks()[:-1]) == {5600}
    reasons = [str(record.__dict__.get("reason")) for record in caplog.records]
    assert f"REST goes on showing another book of {A}." in reasons
    assert {gap.reason for gap in gaps(watched, A)} == {"cross_check"}
    differing = watched.metrics.cross_checks.labels("rest", "differs")._value.get()
    assert differing == 2
    view = watched.source.view(MarketId(Venue.KALSHI_SANDBOX, A))
    await watched.until(lambda: watched.source.view(MarketId(Venue.KALSHI_SANDBOX, A))["agreed_with_rest"])
    assert view["source"] == "kalshi-sandbox"


async def test_ticker_frames_agree_with_sound_books(watching: Opener, tmp_path: Path) -> None:
    moves = [delta(second * 1000, A if second % 10 == 0 else B, "yes", "0.4300", "1.00") for second in range(1, 1500)]
    watched = await watching(
        write_tape(tmp_path / "tape.jsonl.gz", [*OPENING, *moves]), [A, B], speed=30, connections=1
    )
    agreed = watched.metrics.cross_checks.labels("ticker", "agrees")
    await watched.until(lambda: agreed._value.get() > 5)
    assert watched.metrics.cross_checks.labels("ticker", "differs")._value.get() == 0
    assert watched.frames("ticker") > 5
