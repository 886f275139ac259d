"""Gaps over real sockets, filled from the sandbox's own history: the path has no unknown time left and is the truth."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path

import pytest

from relayer.domain.feeds import Remembered, Trade
from relayer.domain.markets import MarketId, Venue
from relayer.domain.units import Millis, Price, Size
from relayer.sandbox.faults.kit import FaultKit
from relayer.tape.replay import ReplayTape
from tests.fakes.judged_paths import Best
from tests.fakes.tapes import OPENING, START_MS, A, B, Line, delta, market, rest, trade, write_tape
from tests.integration.sources.conftest import Opener, Watched
from tests.integration.sources.truth import truth_of

MINUTE_MS = 60_000
BUSY_S = 300
MARKET_A = MarketId(Venue.KALSHI_SANDBOX, A)


def busy() -> list[Line]:
    """Five minutes in which A's best prices move, trades happen and B has a quiet time, and an hour with little."""
    lines = [*OPENING, delta(1_000, B, "yes", "0.1100", "1.00")]
    changes = ("1.00", "-1.00")
    quiet = range(BUSY_S // 60, 59)
    lines += [delta(minute * MINUTE_MS + 30_000, A, "yes", "0.4300", changes[1 - minute % 2]) for minute in quiet]
    for second in range(1, BUSY_S):
        up = "7.00" if second % 2 else "-7.00"
        lines.append(delta(second * 1000, A, "yes", f"0.{4210 + 10 * ((second - 1) // 2 % 9)}", up))
        if second % 7 == 0:
            price = f"0.{10 + second % 80:02d}00"
            lines.append(trade(second * 1000 + 500, A, second, price, "5.00", block=second % 3 == 0))
        if second == 250:
            lines.append(delta(second * 1000 + 700, B, "yes", "0.1100", "-1.00"))
    return sorted(lines, key=lambda line: int(line["t"]))


def best_of(tape: ReplayTape, upto_ms: int) -> dict[str, Callable[[int], Best]]:
    """The truth of each market."""

    def of(times: list[int], sides: list[tuple[object, object]]) -> Callable[[int], Best]:
        def best(at_ms: int) -> Best:
            bids, asks = sides[bisect_right(times, at_ms) - 1]
            assert isinstance(bids, dict)
            assert isinstance(asks, dict)
            return max(bids, default=0), min(asks, default=10_000)

        return best

    return {ticker: of(*known) for ticker, known in truth_of(FaultKit([]), tape, upto_ms).items()}


def traded(lines: list[Line]) -> list[Trade]:
    told = [line["ws"]["msg"] for line in lines if line.get("ws", {}).get("type") == "trade"]
    return [
        Trade(
            one["trade_id"],
            Millis(one["ts_ms"]),
            Price(round(float(one["yes_price_dollars"]) * 10_000)),
            Size(500),
            one["is_block_trade"],
        )
        for one in told
    ]


async def filled(watched: Watched, upto_ms: int, *tickers: str) -> None:
    await watched.until(lambda: all(watched.judged[ticker].watermark_ms > upto_ms for ticker in tickers))


def need(watched: Watched, *tickers: str) -> None:
    for ticker in tickers:
        watched.paths.need(MarketId(Venue.KALSHI_SANDBOX, ticker), Millis(START_MS), Remembered())


def assert_filled(watched: Watched, tape: ReplayTape, lines: list[Line], *tickers: str) -> int:
    """Returns at how many moments candles were all there was."""
    best, bounded = best_of(tape, watched.judged[A].watermark_ms), 0
    for ticker in tickers:
        moments = {START_MS + second * 1000 + step for second in range(1, BUSY_S) for step in (-1, 0, 1)}
        bounded += watched.judged[ticker].assert_books(best[ticker], moments)
    judged = watched.judged[A]
    judged.assert_trades(traded(lines))
    assert all(trades for _, end, trades in judged.gaps if end > START_MS)
    return bounded


@pytest.mark.parametrize(
    ("faults", "twice"),
    [
        (("sequence-hole=0.02",), False),
        (("sequence-hole=0.05", "reset=0.02"), True),
        (("silent-socket=0.01",), False),
        (("reset=0.01", "truncated-frame=0.02"), False),
        (("reset=0.01", "rest-500=0.3", "rest-429=0.3", "truncated-body=0.2", "cursor-loop=0.2"), False),
    ],
    ids=["hole", "two connections", "silent", "reset", "rest"],
)
async def test_a_broken_stream_is_filled(
    watching: Opener, tmp_path: Path, faults: tuple[str, ...], twice: bool
) -> None:
    lines = busy()
    tape = write_tape(tmp_path / "tape.jsonl.gz", lines)
    watched = await watching(tape, [A, B], *faults, speed=60, twice=twice)
    need(watched, A, B)
    await filled(watched, START_MS + BUSY_S * 1000, A)
    bounded = assert_filled(watched, tape, lines, A)
    assert bounded or twice


async def test_a_market_needed_long_after_it_was_watched_has_its_past(watching: Opener, tmp_path: Path) -> None:
    lines = busy()
    tape = write_tape(tmp_path / "tape.jsonl.gz", lines)
    watched = await watching(tape, [A, B], speed=60)
    await watched.until(lambda: watched.told[A].watermark_ms > START_MS + 4 * MINUTE_MS)
    need(watched, A, B)
    await filled(watched, START_MS + BUSY_S * 1000, A)
    assert assert_filled(watched, tape, lines, A)
    await filled(watched, START_MS + BUSY_S * 1000, B)
    assert assert_filled(watched, tape, lines, A, B), "quiet minutes between candles that agree are known"


async def test_a_market_that_is_over_and_archived_has_its_past(watching: Opener, tmp_path: Path) -> None:
    """It closed, settled and went behind the cutoff before anybody asked."""
    closed = {"close_time": "2025-12-20T15:08:00Z"}
    final = {"settlement_value_dollars": "1.0000", "settlement_ts": "2025-12-20T15:09:00Z", **closed}
    cutoff = {"market_settled_ts": "2025-12-20T16:00:00Z", "trades_created_ts": "2025-12-20T16:00:00Z"}
    lines = [
        *(line for line in busy() if line["t"] < START_MS + 8 * MINUTE_MS),
        market(8 * MINUTE_MS, A, status="closed", **closed),
        market(9 * MINUTE_MS, A, status="finalized", result="yes", **final),
        rest(10 * MINUTE_MS, "historical/cutoff", cutoff),
    ]
    tape = write_tape(tmp_path / "tape.jsonl.gz", lines)
    watched = await watching(tape, [A], start_ms=START_MS + 20 * MINUTE_MS, speed=60)
    watched.judged.markets[A].needed_ms = START_MS
    need(watched, A)
    await filled(watched, START_MS + 8 * MINUTE_MS, A)
    bounded = assert_filled(watched, tape, lines, A)
    assert bounded
    assert watched.paths.fates(MARKET_A) == {START_MS + 8 * MINUTE_MS: "trades and candles"}
