"""The WebSocket part against the AsyncAPI document: what we read, what we send, what was recorded."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec import inspect

from relayer.domain.errors import TransientError
from relayer.domain.markets import MarketId, Venue
from relayer.sources.kalshi import parse, wire
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.ticker import TickerCheck
from tests.fakes.kalshi_facts import NOW_MS
from tests.payloads.kalshi.frames import recorded
from tests.unit.sources.kalshi.test_session import BOOK_SID, LIFECYCLE_SID, TRADE_SID, A, Talk

_PAYLOADS = Path(__file__).parents[2] / "payloads" / "kalshi"
ASYNCAPI: dict[str, Any] = json.loads((_PAYLOADS / "asyncapi_2.0.0.json").read_text())
SINGLE_FRAMES: list[dict[str, Any]] = [
    json.loads(line)["frame"]
    for name in ("subscription_frames.jsonl", "subscription_frames_yes.jsonl")
    for line in (_PAYLOADS / name).read_text().splitlines()
]
SCHEMAS: dict[str, Any] = {
    **ASYNCAPI["schemas"],
    "marketTicker": {"type": "string"},  # the document's pattern is too narrow: tickers contain "." in its own examples
}
TYPES = {name: kind for kind, name in wire.FRAME_TYPES.items()}
NEWER = {"sending_ts_ms", "is_block_trade"}
"""Members that came after this edition of the document; all of them have a default."""
NUMBERED_SINCE = {"seq", "sid", "id"}
"""What `Frame` reads of every type, with a default; the document lists it only where a type carries it."""
REFUSED = {"yes", "no", "bid", "ask"}
"""Names of sides that our books do not have."""
SINCE_THEN = {"trade": {"taker_outcome_side", "taker_book_side"}}
"""Members that the document demands and that frames recorded earlier, and its own examples, do not have."""


def assert_valid(payload: dict[str, Any], schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator({**schema, "schemas": SCHEMAS}).validate(payload)


def _schema(kind: str) -> dict[str, Any]:
    """The document's schema of a message, without what was demanded only later."""
    schema: dict[str, Any] = json.loads(json.dumps(ASYNCAPI["messages"][kind]))
    later = SINCE_THEN.get(kind, set())
    if later:
        msg = schema["properties"]["msg"]
        msg["required"] = [name for name in msg["required"] if name not in later]
    return schema


@pytest.mark.parametrize("kind", TYPES)
def test_what_we_read_is_what_the_document_promises(kind: str) -> None:
    _assert_fits(inspect.type_info(TYPES[kind]), ASYNCAPI["messages"][kind], kind)


def _assert_fits(ours: inspect.Type, theirs: dict[str, Any], where: str) -> None:
    theirs = SCHEMAS[theirs["$ref"].removeprefix("#/schemas/")] if "$ref" in theirs else theirs
    if isinstance(ours, inspect.UnionType):
        ours = next(kind for kind in ours.types if not isinstance(kind, inspect.NoneType))
    if isinstance(ours, inspect.StructType):
        _assert_members_fit(ours, theirs, where)
    elif isinstance(ours, inspect.ListType | inspect.TupleType):
        assert theirs["type"] == "array", where
        for item in [ours.item_type] if isinstance(ours, inspect.ListType) else ours.item_types:
            _assert_fits(item, theirs["items"], f"{where}[]")
    elif isinstance(ours, inspect.LiteralType):
        assert set(theirs["enum"]) <= set(ours.values), where
    else:
        assert isinstance(ours, inspect.StrType | inspect.IntType | inspect.BoolType), where
        assert theirs["type"] == {"StrType": "string", "IntType": "integer", "BoolType": "boolean"}[type(ours).__name__]


def _assert_members_fit(ours: inspect.StructType, theirs: dict[str, Any], where: str) -> None:
    for field in ours.fields:
        name, place = field.encode_name, f"{where}.{field.encode_name}"
        assert not field.required or name in theirs["required"], f"{place} may be missing"
        if name in theirs["properties"]:
            _assert_fits(field.type, theirs["properties"][name], place)
        else:
            assert name in NEWER | NUMBERED_SINCE | REFUSED, f"{place} is in no document"


@pytest.mark.parametrize("example", ASYNCAPI["examples"], ids=lambda example: example["type"])
def test_the_documents_own_examples_are_read(example: dict[str, Any]) -> None:
    frame = wire.decode_frame(json.dumps(example))
    assert type(frame) is TYPES[example["type"]]
    assert_valid(example, _schema(example["type"]))


@pytest.mark.parametrize("kind", TYPES)
def test_the_least_that_the_document_allows_is_enough(kind: str) -> None:
    smallest = _smallest(ASYNCAPI["messages"][kind])
    assert_valid(smallest, ASYNCAPI["messages"][kind])
    assert type(wire.decode_frame(json.dumps(smallest))) is TYPES[kind]


def _smallest(schema: dict[str, Any]) -> Any:
    """Something valid with nothing in it that is not demanded."""
    if "$ref" in schema:
        return _smallest(SCHEMAS[schema["$ref"].removeprefix("#/schemas/")])
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: _smallest(schema["properties"][name]) for name in schema.get("required", [])}
    return {"string": "0.5", "integer": schema.get("minimum", 0), "array": []}[schema["type"]]


def test_recorded_frames_are_as_the_document_says() -> None:
    for _, frame in recorded(yes_prices=False):
        assert_valid(frame, _schema(frame["type"]))


@pytest.mark.parametrize("frame", SINGLE_FRAMES, ids=lambda frame: frame["type"])
def test_single_recorded_frames_are_as_the_document_says(frame: dict[str, Any]) -> None:
    assert_valid(frame, _schema(frame["type"]))


def test_every_command_that_a_session_sends_is_in_the_document() -> None:
    commands = list(_commands())
    assert {(command["cmd"], command["params"].get("action")) for command in commands} == {
        ("subscribe", None),
        ("unsubscribe", None),
        ("update_subscription", "add_markets"),
        ("update_subscription", "get_snapshot"),
    }
    channels = [command["params"]["channels"] for command in commands if command["cmd"] == "subscribe"]
    assert {name for (name,) in channels} == {"orderbook_delta", "trade", "market_lifecycle_v2", "ticker"}
    for command in commands:
        assert_valid(command, ASYNCAPI["commands"][command["cmd"]])
        documented = ASYNCAPI["commands"][command["cmd"]]["properties"]["params"]["properties"]
        assert command["params"].keys() <= documented.keys()


def _commands() -> Iterator[dict[str, Any]]:
    """What a session says while it subscribes, adds a market, doubts silent books and, unanswered, subscribes anew."""
    talk = Talk(subscribed=False, best_prices=TickerCheck(count=print, doubt=print))
    yield from talk.commands()
    talk.reply("subscribed", 1, channel="market_lifecycle_v2", sid=LIFECYCLE_SID)
    talk.reply("subscribed", 2, channel="trade", sid=TRADE_SID)
    yield from talk.commands()
    talk.reply("subscribed", 3, channel="orderbook_delta", sid=BOOK_SID)
    yield from talk.commands()
    talk.markets["C"] = WatchedMarket(MarketId(Venue.KALSHI, "C"), talk.told)
    talk.session.watch(["C"])
    yield from talk.commands()
    with contextlib.suppress(TransientError):  # in the end it gives the connection up
        while True:
            talk.trade(A, talk.now_ms - NOW_MS)
            yield from talk.later(1_000)


def test_both_price_conventions_of_the_demo_exchange_name_the_same_ask() -> None:
    """One demo market of June 2026: a NO bid at 0.4800 is shown as 0.5200 where `use_yes_price` was asked for."""
    frames = [wire.decode_frame(json.dumps(frame)) for frame in SINGLE_FRAMES]
    of_no, of_yes = [
        frame.msg for frame in frames if isinstance(frame, wire.Snapshot) and "JIMLEP" in frame.msg.market_ticker
    ]
    assert parse.sizes_by_price(of_no.yes_dollars_fp, parse.bid_price) == {4700: 300}
    assert parse.sizes_by_price(of_yes.yes_dollars_fp, parse.bid_price) == {4700: 300}
    assert parse.sizes_by_price(of_no.no_dollars_fp, parse.ask_of_no_bid).keys() == {5200}
    assert parse.sizes_by_price(of_yes.no_dollars_fp, parse.ask_price).keys() == {5200}


def test_members_that_are_not_known_are_passed_over() -> None:
    frame = dict(ASYNCAPI["examples"][1])
    frame = {**frame, "news": {}, "msg": {**frame["msg"], "weather": [1]}}
    delta = wire.decode_frame(json.dumps(frame))
    assert isinstance(delta, wire.Delta)
    assert parse.change(delta.msg) == (True, 9600, -5400)
