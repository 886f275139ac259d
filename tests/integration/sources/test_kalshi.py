"""The source against the sandbox over real sockets: books, watermarks, lost connections, the way to the result."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from relayer.domain.errors import PermanentError, TransientError
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketFacts, MarketStatus
from relayer.sandbox.faults.kit import ALL, LIES, FaultKit, Group
from relayer.sources.kalshi.client import KalshiClient, UnknownError
from relayer.tape.replay import SHIPPED_TAPE, ReplayTape
from tests.fakes.listener import Book, Gap, Result, Status
from tests.fakes.tapes import OPENING, START_MS, A, B, delta, frame, market, trade, write_tape
from tests.integration.sources.conftest import Opener, Watched
from tests.integration.sources.truth import assert_true, tickers_of

MINUTE_MS = 60_000


def books(watched: Watched, ticker: str) -> list[Book]:
    return [line for line in watched.told[ticker].lines if isinstance(line, Book)]


async def test_books_trades_and_watermarks_arrive(watching: Opener, tmp_path: Path) -> None:
    lines = [
        *OPENING,
        delta(MINUTE_MS, A, "yes", "0.4300", "20.00"),
        delta(MINUTE_MS + 1000, A, "no", "0.5600", "-75.50"),
        trade(MINUTE_MS + 2000, A, 1, "0.4300", "5.00"),
    ]
    watched = await watching(write_tape(tmp_path / "tape.jsonl.gz", lines), [A, B], speed=60)
    await watched.until(lambda: watched.told[A].watermark_ms > START_MS + 3 * MINUTE_MS)
    first, *_, last = books(watched, A)
    assert first.bids == ((4200, 13_000), (4000, 50_000))
    assert first.asks == ((4400, 7_550),)
    assert (last.at, last.bids[0], last.asks) == (START_MS + MINUTE_MS + 1000, (4300, 2_000), ())
    assert [line.at_ms for line in watched.told[A].of(Trade)] == [START_MS + MINUTE_MS + 2000]  # type: ignore[union-attr]
    assert watched.told[B].watermark_ms > START_MS + 3 * MINUTE_MS, "silence was asked about"
    assert watched.source.trouble() is None
    assert watched.frames("orderbook_delta") == 2


async def test_the_end_of_a_market_is_told_with_the_venues_times(watching: Opener, tmp_path: Path) -> None:
    close_ms = 57 * MINUTE_MS  # tapes start at 15:00, markets close at 15:57
    closing = {"close_time": "2025-12-20T15:57:00Z"}
    settled = {"settlement_value_dollars": "1.0000", "settlement_ts": "2025-12-20T15:59:00.5Z", **closing}
    lines = [
        *OPENING,
        market(0, A, **closing),
        market(close_ms, A, status="closed", **closing),
        frame(close_ms + MINUTE_MS, "market_lifecycle_v2", market_ticker=A, event_type="determined", result="yes",
              determination_ts=(START_MS + close_ms + MINUTE_MS) // 1000),
        market(close_ms + MINUTE_MS, A, status="determined", result="yes", **closing),
        frame(close_ms + 2 * MINUTE_MS, "market_lifecycle_v2", market_ticker=A, event_type="settled"),
        market(close_ms + 2 * MINUTE_MS, A, status="finalized", result="yes", **settled),
    ]  # fmt: skip
    tape = write_tape(tmp_path / "tape.jsonl.gz", lines)
    watched = await watching(tape, [A], start_ms=START_MS + close_ms - MINUTE_MS, speed=40)
    await watched.until(lambda: watched.told[A].of(Result) and watched.told[A].of(Result)[-1].final)  # type: ignore[union-attr]
    told = [line for line in watched.told[A].lines if isinstance(line, Status | Result)]
    assert Status(START_MS + close_ms, MarketStatus.CLOSED) in told
    assert told[-2:] == [
        Status(START_MS + 59 * MINUTE_MS + 500, MarketStatus.FINAL),
        Result(START_MS + 59 * MINUTE_MS + 500, "yes", True),
    ]


async def test_an_unknown_market_is_named_and_stays_alone(
    watching: Opener, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched = await watching(write_tape(tmp_path / "tape.jsonl.gz", OPENING), [A, "KXNONE-1"])
    await watched.until(lambda: books(watched, A))
    await watched.until(lambda: "Kalshi lists no market KXNONE-1: check its spelling" in caplog.text)
    assert watched.source.trouble() is None
    with pytest.raises(UnknownError, match="Kalshi knows no market KXNONE-1: check its spelling and"):
        await watched.source.market("KXNONE-1")
    assert (await watched.source.market(A)).status is MarketStatus.ACTIVE


async def test_a_market_that_cannot_be_read_stays_alone(
    watching: Opener, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def misread(_: KalshiClient, ticker: str) -> MarketFacts:
        raise TransientError(f"Kalshi's answer (market {ticker}) is not what its documents say.")

    monkeypatch.setattr(KalshiClient, "market", misread)
    watched = await watching(write_tape(tmp_path / "tape.jsonl.gz", OPENING), ["KXODD-1", A])
    await watched.until(lambda: books(watched, A))
    assert "market not read" in caplog.text
    assert watched.source.trouble() is None


async def test_a_lost_connection_is_a_gap_up_to_the_next_snapshot(watching: Opener, tmp_path: Path) -> None:
    lines = [*OPENING, *(delta(second * 1000, A, "yes", "0.4300", "1.00") for second in range(1, 600))]
    tape = write_tape(tmp_path / "tape.jsonl.gz", lines)
    watched = await watching(tape, [A], "reset=0.02", speed=20)
    await watched.until(lambda: any(gap.reason == "disconnected" for gap in watched.told[A].of(Gap)))  # type: ignore[union-attr]
    reason = next(gap for gap in watched.told[A].of(Gap) if gap.reason == "disconnected")  # type: ignore[union-attr]
    await watched.until(lambda: books(watched, A)[-1].at > reason.end)  # type: ignore[union-attr]
    assert_true(watched, FaultKit(["reset"]), tape, [A])


async def test_a_refused_key_is_trouble_in_words_and_not_the_end(watching: Opener, tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "tape.jsonl.gz", OPENING)
    watched = await watching(tape, [A], "handshake-401=1", "rest-401=1")
    await watched.until(lambda: "refuses the key" in str(watched.source.trouble()))
    assert "Check that kalshi.key_id and kalshi.key_file belong together" in str(watched.source.trouble())
    with pytest.raises(PermanentError, match="Kalshi refuses the key"):
        await watched.source.client.account_limits()


async def test_an_unreachable_venue_is_trouble_in_words(watching: Opener, tmp_path: Path) -> None:
    watched = await watching(write_tape(tmp_path / "tape.jsonl.gz", OPENING), [A], "rest-reset=1")
    await watched.until(lambda: "is not reachable" in str(watched.source.trouble()))


async def test_a_pause_of_the_whole_exchange_is_a_pause_of_its_markets(watching: Opener, tmp_path: Path) -> None:
    every_second = [delta(second * 1000, A, "yes", "0.4300", "1.00") for second in range(1, 2000)]
    tape = write_tape(tmp_path / "tape.jsonl.gz", [*OPENING, *every_second])
    watched = await watching(tape, [A], "maintenance", speed=200)

    def statuses() -> list[MarketStatus]:
        return [line.status for line in watched.told[A].lines if isinstance(line, Status)]

    await watched.until(lambda: len(statuses()) >= 3)
    assert statuses()[:3] == [MarketStatus.ACTIVE, MarketStatus.PAUSED, MarketStatus.ACTIVE]
    resumed = [line for line in watched.told[A].lines if isinstance(line, Status)][2]
    await watched.until(lambda: books(watched, A)[-1].at > resumed.at)
    assert_true(watched, FaultKit(["maintenance"], seed=7), tape, [A])


RATES = {"lost-reply": "=0.02"} | {name: "=0.05" for name in ALL if ALL[name].group is Group.REQUEST}
SLOW = ("slow-rest", "slow-reader", "half-open")
"""Faults that cost more seconds than a test has."""
FAULTS = [
    name + RATES.get(name, "")
    for name, fault in ALL.items()
    if fault.group in (Group.FRAME, Group.LINK, Group.REQUEST) and name not in (*LIES, *SLOW)
]


LIFE = ["early-close", "reopened", "pause", "scalar-result", "amended-result"]


@pytest.mark.parametrize("faults", [[], FAULTS, [*FAULTS, *LIFE]], ids=["none", "wire", "wire and lifecycle"])
async def test_what_is_observed_of_a_recorded_day_is_true(watching: Opener, faults: list[str]) -> None:
    tape = ReplayTape(SHIPPED_TAPE)
    tickers = tickers_of(tape)
    start_ms = tape.header.from_ms
    watched = await watching(tape, tickers, *faults, start_ms=start_ms, speed=1200)
    await asyncio.sleep(7)
    if not faults:
        await watched.until(lambda: all(watched.told[t].watermark_ms > start_ms + 3_600_000 for t in tickers))
    assert not watched.running.done()
    await watched.until(lambda: any(watched.told[ticker].watermark_ms > start_ms for ticker in tickers))
    assert_true(watched, FaultKit(faults, seed=7), tape, tickers)
