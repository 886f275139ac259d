"""Faults of the venue itself, as changes of the tape: what it then holds is true there, unless it is called a lie."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

import msgspec

from relayer.domain.units import Millis, millis_from_rfc3339, rfc3339
from relayer.sandbox.book import Book
from relayer.sandbox.faults.dice import Dice
from relayer.sandbox.state import API, MARKETS_PATH, Json
from relayer.tape.replay import FrameRecord, Record, RestRecord


class VenueFault:
    """Passes every record on; `seen` may add records of the same time or later, or change or hold back its own."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self._struck: dict[str, bool] = {}

    def rewrite(self, records: Iterator[Record]) -> Iterator[Record]:
        later: list[tuple[int, int, Record]] = []
        count = 0
        for record in records:
            while later and later[0][0] <= record.at_ms:
                yield heapq.heappop(later)[2]
            for made in self.seen(record):
                if made.at_ms <= record.at_ms:
                    yield made
                else:
                    count += 1
                    heapq.heappush(later, (made.at_ms, count, made))
        while later:
            yield heapq.heappop(later)[2]

    def seen(self, record: Record) -> list[Record]:
        market = market_of(record)
        if market is not None and self.concerns(market["ticker"]):
            return self.seen_market(record.at_ms, market)
        return [record]

    def seen_market(self, at_ms: Millis, market: Json) -> list[Record]:
        """What is told instead of a market that the fault concerns: the same, unless a fault has it otherwise."""
        return [body(at_ms, market)]

    def concerns(self, ticker: str) -> bool:
        """Decided once a market."""
        if ticker not in self._struck:
            self._struck[ticker] = self.dice.strikes()
        return self._struck[ticker]

    def between(self, from_ms: int, to_ms: int) -> Millis:
        return Millis(from_ms + int(self.dice.random.random() * max(to_ms - from_ms, 0)))


def market_of(record: Record) -> Json | None:
    """The Market object of a REST record."""
    if not isinstance(record, RestRecord) or not record.path.startswith(MARKETS_PATH):
        return None
    market: Json | None = msgspec.json.decode(record.body).get("market")
    return market


def body(at_ms: int, market: Json, **changed: Any) -> Record:
    changed_market = {**market, "updated_time": rfc3339(at_ms), **changed}
    text = msgspec.json.encode({"market": changed_market})
    return RestRecord(Millis(at_ms), f"{MARKETS_PATH}{market['ticker']}", text)


def lifecycle(at_ms: int, ticker: str, event: str, **fields: Any) -> Record:
    msg = msgspec.json.encode({"event_type": event, "market_ticker": ticker, **fields})
    return FrameRecord(Millis(at_ms), "market_lifecycle_v2", msg)


class AmendedResult(VenueFault):
    """the determined result is disputed and amended to its opposite before settlement"""

    def seen(self, record: Record) -> list[Record]:
        settled = _settled_ticker(record)
        if settled is not None and self.concerns(settled):
            return []  # told again after the amendment
        return super().seen(record)

    def seen_market(self, at_ms: Millis, market: Json) -> list[Record]:
        timer_ms = int(market.get("settlement_timer_seconds", 300)) * 1000
        other = _opposite(market)
        if market["status"] == "determined":
            return [
                body(at_ms, market),
                body(at_ms + timer_ms // 4, market, status="disputed"),
                body(at_ms + timer_ms // 2, market, status="amended", **other),
            ]
        if market["status"] == "finalized":
            final_ms = at_ms + timer_ms // 2
            settled = lifecycle(final_ms, market["ticker"], "settled", settled_ts=final_ms // 1000)
            return [body(final_ms, market, settlement_ts=rfc3339(final_ms), **other), settled]
        return [body(at_ms, market)]


class ScalarResult(VenueFault):
    """a market is cancelled: it settles as scalar, at a fraction"""

    VALUE = "0.3700"

    def seen(self, record: Record) -> list[Record]:
        if isinstance(record, FrameRecord) and record.type == "market_lifecycle_v2":
            msg = msgspec.json.decode(record.msg)
            if msg["event_type"] == "determined" and self.concerns(msg["market_ticker"]):
                scalar = {"result": "scalar", "settlement_value": self.VALUE}
                return [FrameRecord(record.at_ms, record.type, msgspec.json.encode({**msg, **scalar}))]
        return super().seen(record)

    def seen_market(self, at_ms: Millis, market: Json) -> list[Record]:
        if not market["result"]:
            return [body(at_ms, market)]
        return [body(at_ms, market, result="scalar", settlement_value_dollars=self.VALUE)]


class Reopened(VenueFault):
    """a closed market trades again for half a minute, under a later close time"""

    FROM_MS, TO_MS = 15_000, 45_000

    def __init__(self, dice: Dice) -> None:
        super().__init__(dice)
        self._moved: dict[str, str] = {}

    def seen_market(self, at_ms: Millis, market: Json) -> list[Record]:
        ticker = market["ticker"]
        if market["status"] != "closed":
            return [body(at_ms, market, close_time=self._moved.get(ticker, market["close_time"]))]
        again_ms, end_ms = at_ms + self.FROM_MS, at_ms + self.TO_MS
        self._moved[ticker] = moved = rfc3339(end_ms)
        told = lifecycle(again_ms, ticker, "close_date_updated", close_ts=end_ms // 1000)
        open_again = body(again_ms, market, status="active", close_time=moved)
        return [body(at_ms, market), told, open_again, body(end_ms, market, close_time=moved)]


class StatusLies(VenueFault):
    """a lie: for a minute REST calls an active market closed"""

    def seen_market(self, at_ms: Millis, market: Json) -> list[Record]:
        if market["status"] != "active":
            return [body(at_ms, market)]
        lie_ms = self.between(at_ms, millis_from_rfc3339(market["close_time"]) - 60_000)
        return [body(at_ms, market), body(lie_ms, market, status="closed"), body(lie_ms + 60_000, market)]


class Halting(VenueFault):
    """Holds back frames of halted markets, and afterwards tells the difference as ordinary deltas."""

    def __init__(self, dice: Dice) -> None:
        super().__init__(dice)
        self._true: dict[str, Book] = {}
        self._shown: dict[str, Book] = {}
        self._ids: dict[str, str] = {}

    def follow(self, record: FrameRecord, *, halted: bool) -> list[Record]:
        """Keep both books; a record of a halted market is held back."""
        msg = msgspec.json.decode(record.msg)
        ticker = msg["market_ticker"]
        self._ids[ticker] = msg.get("market_id", "")
        for books in (self._true,) if halted else (self._true, self._shown):
            book = books.setdefault(ticker, Book())
            if record.type == "orderbook_delta":
                book.change(msg["side"], msg["price_dollars"], msg["delta_fp"])
            else:
                book.replace("yes", msg.get("yes_dollars_fp", []))
                book.replace("no", msg.get("no_dollars_fp", []))
        return [] if halted else [record]

    def resume(self, at_ms: int, ticker: str, *, cancelled: bool) -> list[Record]:
        """Deltas from what was shown to what is true; `cancelled`: all old orders go first. Removals come first."""
        shown, true = self._shown.get(ticker, Book()), self._true.get(ticker, Book())
        changes: list[tuple[str, str, int]] = []
        for side in ("yes", "no"):
            before = {price: _centis(size) for price, size in shown.levels(side)}
            after = {price: _centis(size) for price, size in true.levels(side)}
            if cancelled:
                changes += [(side, price, -size) for price, size in before.items()]
                changes += [(side, price, size) for price, size in after.items()]
            else:
                moved = {price: after.get(price, 0) - before.get(price, 0) for price in before | after}
                changes += [(side, price, change) for price, change in moved.items() if change]
            shown.replace(side, true.levels(side))
        changes.sort(key=lambda change: change[2] > 0)
        return [self._delta(at_ms, ticker, *change) for change in changes]

    def _delta(self, at_ms: int, ticker: str, side: str, price: str, change: int) -> Record:
        names = {"market_ticker": ticker, "market_id": self._ids.get(ticker, "")}
        amount = f"{'-' if change < 0 else ''}{abs(change) // 100}.{abs(change) % 100:02d}"
        level = {"price_dollars": price, "delta_fp": amount, "side": side}
        msg = {**names, **level, "ts": rfc3339(at_ms), "ts_ms": at_ms}
        return FrameRecord(Millis(at_ms), "orderbook_delta", msgspec.json.encode(msg))


class Pause(Halting):
    """a market is deactivated for some minutes; when it comes back all old orders are gone"""

    def __init__(self, dice: Dice) -> None:
        super().__init__(dice)
        self._planned: dict[str, tuple[int, int]] = {}
        self._halts: dict[str, tuple[int, int]] = {}
        self._bodies: dict[str, Json] = {}

    def seen(self, record: Record) -> list[Record]:
        made = [*self._stopped(record.at_ms), *self._resumed(record.at_ms)]
        if isinstance(record, FrameRecord) and record.type.startswith("orderbook"):
            ticker = msgspec.json.decode(record.msg)["market_ticker"]
            return [*made, *self.follow(record, halted=self._is_halted(ticker, record.at_ms))]
        return [*made, *super().seen(record)]

    def seen_market(self, at_ms: Millis, market: Json) -> list[Record]:
        ticker, first = market["ticker"], market["ticker"] not in self._bodies
        self._bodies[ticker] = market
        if market["status"] != "active" or not first:
            return [body(at_ms, market)]
        from_ms = self.between(at_ms + 1, millis_from_rfc3339(market["close_time"]) - 600_000)
        self._planned[ticker] = (from_ms, from_ms + int(self.dice.seconds(60, 300)) * 1000)
        return [body(at_ms, market)]

    def _stopped(self, now_ms: int) -> list[Record]:
        made: list[Record] = []
        for ticker, (from_ms, end_ms) in list(self._planned.items()):
            if from_ms <= now_ms:
                del self._planned[ticker]
                if self._bodies[ticker]["status"] != "active":
                    continue  # it closed before
                self._halts[ticker] = (from_ms, end_ms)
                stopped = lifecycle(from_ms, ticker, "deactivated", is_deactivated=True)
                made += [body(from_ms, self._bodies[ticker], status="inactive"), stopped]
        return sorted(made, key=lambda record: record.at_ms)

    def _is_halted(self, ticker: str, at_ms: int) -> bool:
        from_ms, _ = self._halts.get(ticker, (at_ms + 1, 0))
        return from_ms <= at_ms

    def _resumed(self, now_ms: int) -> list[Record]:
        made: list[Record] = []
        for ticker, (_, end_ms) in list(self._halts.items()):
            if end_ms <= now_ms:
                del self._halts[ticker]
                if self._bodies[ticker]["status"] != "active":
                    continue  # it closed meanwhile
                started = lifecycle(now_ms, ticker, "activated", is_deactivated=False)
                made += [body(now_ms, self._bodies[ticker]), started, *self.resume(now_ms, ticker, cancelled=True)]
        return made


class EarlyClose(VenueFault):
    """a market closes long before its close time, which is then rewritten"""

    def __init__(self, dice: Dice) -> None:
        super().__init__(dice)
        self._closes: dict[str, int] = {}

    def seen(self, record: Record) -> list[Record]:
        if isinstance(record, FrameRecord) and record.type in ("orderbook_delta", "orderbook_snapshot", "trade"):
            close_ms = self._closes.get(msgspec.json.decode(record.msg)["market_ticker"])
            return [] if close_ms is not None and record.at_ms >= close_ms else [record]
        return super().seen(record)

    def seen_market(self, at_ms: Millis, market: Json) -> list[Record]:
        ticker = market["ticker"]
        known = self._closes.get(ticker)
        if known is not None:
            if market["status"] == "closed":
                return []
            return [body(at_ms, market, close_time=rfc3339(known), can_close_early=True)]
        scheduled = millis_from_rfc3339(market["close_time"])
        close_ms = self.between(at_ms + (scheduled - at_ms) // 2, scheduled) // 1000 * 1000
        self._closes[ticker] = close_ms
        told = lifecycle(close_ms, ticker, "close_date_updated", close_ts=close_ms // 1000)
        closed = body(close_ms, market, status="closed", close_time=rfc3339(close_ms), can_close_early=True)
        return [body(at_ms, market, can_close_early=True), closed, told]


class Maintenance(Halting):
    """the exchange pauses trading for ten minutes; orders stay"""

    MINUTES_MS = 600_000

    def __init__(self, dice: Dice) -> None:
        super().__init__(dice)
        self._from_ms: int | None = None
        self._over = False

    def seen(self, record: Record) -> list[Record]:
        if not self.concerns("the exchange"):
            return [record]
        made: list[Record] = []
        if self._from_ms is None:
            self._from_ms = record.at_ms + 60_000 + int(self.dice.seconds(0, 3_000)) * 1000
            resume = rfc3339(self._from_ms + self.MINUTES_MS)
            paused = {"exchange_active": True, "trading_active": False, "exchange_estimated_resume_time": resume}
            made = [self._status(record.at_ms, _OPEN), self._status(self._from_ms, paused)]
        end_ms = self._from_ms + self.MINUTES_MS
        if record.at_ms >= end_ms and not self._over:
            self._over = True
            made = [self._status(record.at_ms, _OPEN)]
            for ticker in self._true:
                made += self.resume(record.at_ms, ticker, cancelled=False)
        if isinstance(record, FrameRecord) and record.type.startswith("orderbook"):
            return [*made, *self.follow(record, halted=self._from_ms <= record.at_ms < end_ms)]
        return [*made, record]

    def _status(self, at_ms: int, status: Json) -> Record:
        return RestRecord(Millis(at_ms), f"{API}/exchange/status", msgspec.json.encode(status))


_OPEN: Json = {"exchange_active": True, "trading_active": True}


def _settled_ticker(record: Record) -> str | None:
    if not isinstance(record, FrameRecord) or record.type != "market_lifecycle_v2":
        return None
    msg = msgspec.json.decode(record.msg)
    return str(msg["market_ticker"]) if msg["event_type"] == "settled" else None


def _opposite(market: Json) -> dict[str, str]:
    yes = market["result"] != "yes"
    return {"result": "yes" if yes else "no", "settlement_value_dollars": "1.0000" if yes else "0.0000"}


def _centis(text: str) -> int:
    whole, _, cents = text.partition(".")
    return int(whole) * 100 + int(cents)
