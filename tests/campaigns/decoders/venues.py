"""What venues send: Kalshi's frames and bodies, DFlow's frames and bodies."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, cast

import aiohttp
import msgspec

from relayer.domain.clock import Clock
from relayer.domain.errors import PermanentError, TransientError
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, Venue
from relayer.domain.units import PRICE_MAX
from relayer.sources.dflow import parse as dflow_parse
from relayer.sources.dflow import wire as dflow_wire
from relayer.sources.dflow.settings import DflowSettings
from relayer.sources.dflow.source import DflowSource
from relayer.sources.kalshi import wire
from relayer.sources.kalshi.client import KalshiClient, refusal
from relayer.sources.kalshi.settings import KalshiSettings
from relayer.sources.kalshi.venue_time import VenueTime
from relayer.telemetry.metrics import Metrics
from tests.campaigns.decoders import reference
from tests.campaigns.decoders.mutation import number_text, odd
from tests.campaigns.decoders.target import Defect, Target
from tests.fakes.kalshi_facts import NOW_MS
from tests.fakes.listener import Book
from tests.unit.sources.kalshi.test_session import BOOK_SID, LIFECYCLE_SID, TRADE_SID, A, B, Talk

_PAYLOADS = Path(__file__).parents[2] / "payloads"
_KALSHI = _PAYLOADS / "kalshi"
_DOCUMENT = json.loads((_KALSHI / "asyncapi_2.0.0.json").read_text())
_SIDS = {"trade": TRADE_SID, "market_lifecycle_v2": LIFECYCLE_SID}
_NO_HTTP = cast(aiohttp.ClientSession, None)

# Kalshi's frames, through a session of two markets


def _good_frames() -> list[dict[str, Any]]:
    """The document's examples and the recorded frames, of our market, next in sequence, of the time that it is."""
    recorded = [json.loads(line)["frame"] for line in (_KALSHI / "subscription_frames.jsonl").read_text().splitlines()]
    return [_ours(frame) for frame in [*_DOCUMENT["examples"], *recorded]]


def _ours(frame: dict[str, Any]) -> dict[str, Any]:
    frame = copy.deepcopy(frame)
    sid = _SIDS.get(frame["type"], BOOK_SID)
    frame |= {"sid": sid, "seq": 3 if sid == BOOK_SID else 1}
    if "market_ticker" in (msg := frame.get("msg", {})):
        msg["market_ticker"] = A
    if "ts_ms" in msg:
        msg["ts_ms"] = NOW_MS
    return frame


_FRAMES = _good_frames()


def _frame(rng: Random) -> bytes:
    frame = copy.deepcopy(rng.choice(_FRAMES))
    msg = frame.get("msg", {})
    for name in ("yes_dollars_fp", "no_dollars_fp"):
        if name in msg and rng.random() < 0.5:
            msg[name] = [[number_text(rng), number_text(rng)] for _ in range(rng.randrange(4))]
    for name in ("price_dollars", "delta_fp", "yes_price_dollars", "count_fp"):
        if name in msg and rng.random() < 0.5:
            msg[name] = number_text(rng)
    return json.dumps(frame).encode() if rng.random() < 0.4 else odd(rng, frame)


def _check_frame(text: bytes) -> bool:
    """Whatever is told after the frame is what the reference reads in it, and the session lives on."""
    talk = Talk()
    before = {ticker: len(talk.told[ticker].lines) for ticker in (A, B)}
    try:
        talk.session.receive(text)
        talk.later(200)
    except TransientError:
        return False
    new = {ticker: talk.told[ticker].lines[count:] for ticker, count in before.items()}
    frame = reference.read(text)
    for ticker, lines in new.items():
        for line in lines:
            if isinstance(line, Book):
                _expect("book", (dict(line.bids), dict(line.asks)), _book_after(frame, ticker))
            elif isinstance(line, Trade):
                _expect("trade", (line.price, line.size), _trade_in(frame, ticker))
    return any(isinstance(line, Book | Trade) for line in new[A])


def _book_after(frame: Any, ticker: str) -> tuple[reference.Levels, reference.Levels] | None:
    msg = frame["msg"]
    if msg["market_ticker"] != ticker:
        return None
    if frame["type"] == "orderbook_snapshot":
        bids = reference.levels(msg.get("yes_dollars_fp", []))
        asks = reference.levels(msg.get("no_dollars_fp", []), asks=True)
        return None if bids is None or asks is None else _sides(bids, asks)
    bids, asks = {4000: 100}, {6000: 100}  # as `Talk` opens
    change = reference.change(msg) if frame["type"] == "orderbook_delta" else None
    if change is None:
        return None
    is_bid, at, count = change
    if not _is_level(is_bid, at):
        return bids, asks
    side = bids if is_bid else asks
    side[at] = side.get(at, 0) + count
    return _sides(bids, asks) if side[at] >= 0 else None


def _sides(bids: reference.Levels, asks: reference.Levels) -> tuple[reference.Levels, reference.Levels]:
    return (
        {at: count for at, count in bids.items() if _is_level(True, at) and count},
        {at: count for at, count in asks.items() if _is_level(False, at) and count},
    )


def _is_level(is_bid: bool, at: int) -> bool:
    """A bid of 0, and an ask of 0 or 1, stand for an empty side."""
    return at > 0 and (is_bid or at < PRICE_MAX)


def _trade_in(frame: Any, ticker: str) -> tuple[int, int] | None:
    msg = frame["msg"]
    at, count = reference.traded(msg.get("yes_price_dollars")), reference.size_traded(msg.get("count_fp"))
    if frame["type"] != "trade" or msg["market_ticker"] != ticker or at is None or count is None:
        return None
    return at, count


def _expect(what: str, told: object, expected: object) -> None:
    if told != expected:
        raise Defect(f"{what} {told} was told where the reference has {expected}")


# Kalshi's REST bodies, through the client's own readers

_CLIENT = KalshiClient(
    settings=KalshiSettings(environment="demo"), session=_NO_HTTP, signer=None, venue_time=VenueTime()
)
_BODIES = {row["name"]: row["body"] for row in map(json.loads, (_KALSHI / "bodies.jsonl").read_text().splitlines())}
_PAST = {"open": "0.9000", "low": "0.9000", "high": "0.9200", "close": "0.9100"}
_PAST_CANDLES = {"candlesticks": [{"end_period_ts": 1772380800, "yes_bid": _PAST, "yes_ask": _PAST}]}
_CUTOFF = {"market_settled_ts": "2026-03-20T00:00:00Z", "trades_created_ts": "2026-03-20T00:00:00Z"}


def _check_books(body: wire.BooksBody | wire.BookBody, document: Any) -> None:
    if isinstance(body, wire.BookBody):
        pairs = [(body.orderbook_fp, document["orderbook_fp"])]
    else:
        pairs = [
            (one.orderbook_fp, told["orderbook_fp"])
            for one, told in zip(body.orderbooks, document["orderbooks"], strict=True)
        ]
    for book, told in pairs:
        bids = reference.levels(told.get("yes_dollars") or [])
        asks = reference.levels(told.get("no_dollars") or [], of_no=True)
        _expect("book", _CLIENT._book("X", book), (bids, asks))


def _check_trades(body: wire.TradesBody, document: Any) -> None:
    for row, told in zip(body.trades, document["trades"], strict=True):
        trade = _CLIENT._trade(row)
        _expect(
            "trade",
            (trade.price, trade.size),
            (reference.traded(told["yes_price_dollars"]), reference.size_traded(told["count_fp"])),
        )


def _check_candles(body: wire.CandlesBody, document: Any) -> None:
    for market, shown in zip(body.markets, document["markets"], strict=True):
        for row, told in zip(market.candlesticks, shown["candlesticks"], strict=True):
            candle = _CLIENT._candle(row)
            names = [f"{name}_dollars" for name in ("open", "low", "high", "close")]
            if isinstance(candle.bid, tuple):
                _expect("bid", candle.bid, tuple(reference.bid(told["yes_bid"][name]) for name in names))
            if isinstance(candle.ask, tuple):
                _expect("ask", candle.ask, tuple(reference.ask(told["yes_ask"][name]) for name in names))


def _check_facts(body: Any, document: Any) -> None:
    if isinstance(body, wire.MarketsBody):
        for market in body.markets:
            _CLIENT._listed(market)
    else:
        _CLIENT._facts(body.market)


def _check_nothing_more(body: Any, document: Any) -> None:
    """Decoding is all that is done with it."""


def _body(name: str, kind: Any, document: Any, use: Callable[[Any, Any], None]) -> Target:
    decode = msgspec.json.Decoder(kind).decode

    def check(text: bytes) -> bool:
        refusal(400, text, name)  # every body may also be that of an error
        try:
            use(decode(text), reference.read(text))
        except (*wire.UNREADABLE, PermanentError):
            return False
        return True

    return Target(f"kalshi {name}", lambda rng: odd(rng, document), check)


_BODY_TARGETS = [
    _body("market", wire.MarketBody, _BODIES["market"], _check_facts),
    _body("settled market", wire.MarketBody, _BODIES["settled"], _check_facts),
    _body("markets", wire.MarketsBody, _BODIES["page"], _check_facts),
    _body("event", wire.EventBody, _BODIES["event"], _check_nothing_more),
    _body("series", wire.SeriesBody, _BODIES["series"], _check_nothing_more),
    _body("order book", wire.BookBody, _BODIES["orderbook"], _check_books),
    _body("order books", wire.BooksBody, _BODIES["orderbooks"], _check_books),
    _body("trades", wire.TradesBody, _BODIES["trades"], _check_trades),
    _body("candles", wire.CandlesBody, _BODIES["candles"], _check_candles),
    _body("past candles", wire.PastCandlesBody, _PAST_CANDLES, _check_nothing_more),
    _body("exchange status", wire.ExchangeStatus, _BODIES["exchange_status"], _check_nothing_more),
    _body("schedule", wire.ScheduleBody, _BODIES["schedule"], _check_nothing_more),
    _body("account limits", wire.AccountLimits, _BODIES["account_limits"], _check_nothing_more),
    _body("cutoff", wire.Cutoff, _CUTOFF, _check_nothing_more),
    _body("error", dict[str, Any], _BODIES["auth_bad_signature"], _check_nothing_more),
]

# DFlow

_DFLOW_FRAME = json.loads((_PAYLOADS / "dflow" / "prices.json").read_text())
_DFLOW_MARKET = json.loads((_PAYLOADS / "dflow" / "market.json").read_text())
_DFLOW_ID = MarketId(Venue.KALSHI, _DFLOW_FRAME["market_ticker"])


def _dflow_frame(rng: Random) -> bytes:
    frame = {**_DFLOW_FRAME, "yes_bid": number_text(rng), "yes_ask": number_text(rng)}
    return json.dumps(frame).encode() if rng.random() < 0.5 else odd(rng, _DFLOW_FRAME)


def _check_dflow_frame(text: bytes) -> bool:
    source = DflowSource(settings=DflowSettings(), session=_NO_HTTP, clock=Clock(), metrics=_METRICS)
    source.watch([_DFLOW_ID])
    source._receive(text)
    opinion = source.opinion(_DFLOW_ID)
    if opinion is None:
        return False
    _expect_dflow(opinion, reference.read(text), "yes_bid", "yes_ask")
    return True


def _check_dflow_market(text: bytes) -> bool:
    try:
        market = dflow_parse.decode(text, dflow_wire.Market)
        prices = dflow_parse.prices(market)
    except ValueError:
        return False
    dflow_parse.tokens(market)
    _expect_dflow(prices, reference.read(text), "yesBid", "yesAsk")
    return True


def _expect_dflow(prices: dflow_parse.Prices, told: Any, bid_name: str, ask_name: str) -> None:
    bid = None if told.get(bid_name) is None else reference.bid(told[bid_name])
    ask = None if told.get(ask_name) is None else reference.ask(told[ask_name])
    _expect("prices", (prices.bid, prices.ask), (bid or None, None if ask in (0, PRICE_MAX) else ask))


def _check_dflow_page(text: bytes) -> bool:
    try:
        page = dflow_parse.decode(text, dflow_wire.MarketsBody)
    except ValueError:
        return False
    return all(_check_dflow_market(bytes(raw)) for raw in page.markets)


_METRICS = Metrics()

TARGETS = [
    Target("kalshi frames", _frame, _check_frame),
    *_BODY_TARGETS,
    Target("dflow frames", _dflow_frame, _check_dflow_frame),
    Target("dflow market", lambda rng: odd(rng, _DFLOW_MARKET), _check_dflow_market),
    Target("dflow markets", lambda rng: odd(rng, {"markets": [_DFLOW_MARKET], "cursor": 1}), _check_dflow_page),
]
