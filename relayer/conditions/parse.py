"""JSON document to `Spec`: every key required, one spelling, all else refused by name (`conditions.md` section 5).

What a spec means is left to the evaluators.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import rfc8785

from relayer.conditions.question import MAX_BYTES as QUESTION_MAX_BYTES
from relayer.conditions.question import question
from relayer.conditions.spec import (
    At,
    Average,
    Direction,
    Executable,
    Hold,
    Kind,
    Mid,
    Range,
    Reach,
    Realized,
    Resolves,
    Source,
    Spec,
    Spread,
    Test,
    Trades,
    Unit,
)
from relayer.domain.errors import UsageError
from relayer.domain.markets import MarketId, Venue
from relayer.domain.units import PRICE_MAX, Millis, Price, Size, millis_from_rfc3339
from relayer.domain.verdicts import Outcome

MAX_BYTES = 640
_MAX_INTEGER = 10**9
_MAX_SIZE = 10**9 * 100

_TESTS_OF_KIND: dict[Kind, tuple[type[Test], ...]] = {
    Kind.MOMENTUM: (Reach,),
    Kind.TIMING: (Reach,),
    Kind.VOLATILITY: (Range, Realized),
    Kind.OUTCOME: (Resolves,),
    Kind.TRAJECTORY: (At, Average),
    Kind.CASCADE: (Hold,),
    Kind.ARBITRAGE: (Reach, Range),
}
_TICKERS: dict[Venue, tuple[str, str]] = {
    Venue.KALSHI: (r"[A-Z0-9.-]+", "capital letters, digits, '-' and '.'"),
    Venue.KALSHI_DEMO: (r"[A-Z0-9.-]+", "capital letters, digits, '-' and '.'"),
    Venue.KALSHI_SANDBOX: (r"[A-Z0-9.-]+", "capital letters, digits, '-' and '.'"),
    Venue.POLYMARKET: (r"0|[1-9][0-9]*", "the decimal id of the YES token, without leading zeros"),
    Venue.PNP: (r"[1-9A-HJ-NP-Za-km-z]{32,44}", "an address in base58, 32 to 44 characters"),
}

E = TypeVar("E", bound=StrEnum)


def parse_spec(raw: bytes | str) -> Spec:
    """The spec in a JSON text. Raises UsageError naming the key and the reason."""
    try:
        document = json.loads(raw, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the spec is not valid JSON: {error}") from error
    return spec_of(document)


def spec_of(document: Any) -> Spec:
    """The spec in a decoded JSON document. Raises UsageError naming the key and the reason."""
    root = _Table(document, "")
    if type(version := root.take("version")) is not int or version != 1:
        raise _refusal("version", f"must be 1, not {version!r}")
    kind = root.word("kind", Kind)
    parent = _parent(root.take("parent"), kind)
    start_ms, end_ms = _window(root.table("window"))
    test = _test(root.table("test"))
    price = None if isinstance(test, Resolves) else _price(root.table("price"))
    otherwise = root.table("otherwise")
    answer, after_days = otherwise.word("answer", Outcome), otherwise.integer("after_days", 1, 365)
    otherwise.done()
    root.done()
    spec = Spec(kind, parent, start_ms, end_ms, price, test, answer, after_days, rfc8785.dumps(document))
    _check_combination(spec)
    _check_lengths(spec)
    _check_text(spec)
    return spec


def _refusal(key: str, reason: str) -> UsageError:
    printable = key.encode("ascii", "backslashreplace").decode()
    return UsageError(f"spec key '{printable}' {reason}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise _refusal(key, "appears twice: keep one of them")
        table[key] = value
    return table


class _Table:
    """One JSON object: keys are taken one by one, and `done` refuses those that are left."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise _refusal(path, "must be an object") if path else UsageError("the spec must be a JSON object")
        self._left = dict(value)
        self._path = path

    def key(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def take(self, name: str) -> Any:
        if name not in self._left:
            raise _refusal(self.key(name), "is missing: every key is required")
        return self._left.pop(name)

    def table(self, name: str) -> _Table:
        return _Table(self.take(name), self.key(name))

    def done(self) -> None:
        for name in self._left:
            raise _refusal(self.key(name), "is unknown or does not apply here: remove it")

    def text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str):
            raise _refusal(self.key(name), f"must be a string, not {json.dumps(value)}")
        return value

    def word(self, name: str, words: type[E]) -> E:
        value = self.text(name)
        if value not in list(words):
            raise _refusal(self.key(name), f"is {value!r}, which is none of {', '.join(words)}")
        return words(value)

    def integer(self, name: str, low: int, high: int = _MAX_INTEGER) -> int:
        value = self.take(name)
        if type(value) is not int:
            raise _refusal(self.key(name), f"must be an integer, not {json.dumps(value)}")
        if not low <= value <= high:
            raise _refusal(self.key(name), f"is {value}, outside {low} to {high}")
        return value

    def decimal(self, name: str, places: int) -> int:
        """A decimal string with exactly `places` places, in units of its last one."""
        value = self.text(name)
        if not re.fullmatch(rf"(0|[1-9][0-9]*)\.[0-9]{{{places}}}", value):
            raise _refusal(self.key(name), f"is {value!r}, not a decimal with exactly {places} places")
        return int(value.replace(".", ""))

    def between(self, name: str, high: int) -> int:
        """A decimal with 4 places in the open interval (0, high)."""
        value = self.decimal(name, 4)
        if not 0 < value < high * PRICE_MAX:
            raise _refusal(self.key(name), f"must lie strictly between 0 and {high}")
        return value

    def size(self, name: str) -> Size:
        value = self.decimal(name, 2)
        if not 1 <= value <= _MAX_SIZE:
            raise _refusal(self.key(name), "is outside 0.01 to 1000000000.00")
        return Size(value)

    def time(self, name: str) -> Millis:
        value = self.text(name)
        try:
            if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z", value):
                raise ValueError("another spelling")
            datetime.fromisoformat(value)
        except ValueError:
            raise _refusal(self.key(name), f"is {value!r}, not a time written YYYY-MM-DDTHH:MM:SSZ") from None
        return millis_from_rfc3339(value)


def _parent(value: Any, kind: Kind) -> MarketId | Spread:
    if kind is not Kind.ARBITRAGE:
        return _market(_Table(value, "parent"), kind)
    legs = _Table(value, "parent")
    spread = Spread(_market(legs.table("long"), kind), _market(legs.table("short"), kind))
    legs.done()
    if spread.long == spread.short:
        raise _refusal("parent.short", "is the same market as 'parent.long': the legs of a spread differ")
    return spread


def _market(table: _Table, kind: Kind) -> MarketId:
    venue, ticker = table.word("venue", Venue), table.text("market")
    table.done()
    if venue is Venue.PNP and kind is not Kind.OUTCOME:
        raise _refusal(table.key("venue"), "is pnp, which serves as parent for kind outcome only")
    pattern, spelling = _TICKERS[venue]
    if not re.fullmatch(pattern, ticker):
        raise _refusal(table.key("market"), f"is {ticker!r}; of {venue} it is {spelling}")
    return MarketId(venue, ticker)


def _window(table: _Table) -> tuple[Millis, Millis]:
    start_ms, end_ms = table.time("start"), table.time("end")
    table.done()
    if end_ms <= start_ms:
        raise _refusal("window.end", "is not after 'window.start'")
    return start_ms, end_ms


class _SourceName(StrEnum):
    TRADES = "trades"
    EXECUTABLE = "executable"
    MID = "mid"


def _price(table: _Table) -> Source:
    price = _SOURCES[table.word("source", _SourceName)](table)
    table.done()
    return price


def _held(table: _Table) -> int:
    return table.integer("held_s", 0) * 1000


_SOURCES: dict[_SourceName, Callable[[_Table], Source]] = {
    _SourceName.TRADES: lambda table: Trades(
        table.size("min_size"), table.integer("min_trades", 1), table.integer("within_s", 1) * 1000
    ),
    _SourceName.EXECUTABLE: lambda table: Executable(table.size("min_size"), _held(table)),
    _SourceName.MID: lambda table: Mid(Price(table.between("max_spread", 1)), _held(table)),
}


class _TestName(StrEnum):
    REACH = "reach"
    HOLD = "hold"
    RANGE = "range"
    AT = "at"
    AVERAGE = "average"
    REALIZED = "realized"
    OUTCOME = "outcome"


def _test(table: _Table) -> Test:
    test = _TESTS[table.word("type", _TestName)](table)
    table.done()
    return test


def _direction(table: _Table) -> Direction:
    return table.word("direction", Direction)


def _level(table: _Table) -> Price:
    return Price(table.between("level", 1))


def _range(table: _Table) -> Range:
    unit = table.word("unit", Unit)
    amount = table.between("amount", 1 if unit is Unit.POINTS else 10)
    return Range(unit, amount, table.integer("horizon_s", 1) * 1000)


_TESTS: dict[_TestName, Callable[[_Table], Test]] = {
    _TestName.REACH: lambda table: Reach(_direction(table), _level(table)),
    _TestName.HOLD: lambda table: Hold(_direction(table), _level(table)),
    _TestName.RANGE: _range,
    _TestName.AT: lambda table: At(_direction(table), _level(table), table.time("time")),
    _TestName.AVERAGE: lambda table: Average(_direction(table), _level(table)),
    _TestName.REALIZED: lambda table: Realized(table.between("amount", 10), table.integer("step_s", 1) * 1000),
    _TestName.OUTCOME: lambda table: Resolves(table.word("result", Outcome)),
}


def _check_combination(spec: Spec) -> None:
    """Refuse a test that its kind or its source does not take."""
    test, price, spread = spec.test, spec.price, isinstance(spec.parent, Spread)
    if not isinstance(test, _TESTS_OF_KIND[spec.kind]):
        raise _refusal("test.type", f"is not one that kind {spec.kind} takes")
    if isinstance(price, Trades) and (spread or not isinstance(test, Reach | Range)):
        raise _refusal("price.source", f"is trades, which {'a spread' if spread else 'this test'} does not take")
    if isinstance(test, At | Average | Realized):
        if not isinstance(price, Mid):
            raise _refusal("price.source", "must be mid for this test")
        if price.held_ms:
            raise _refusal("price.held_s", "must be 0 for this test")
    if isinstance(test, Reach | Hold | At | Average):
        _check_direction(spec, test, spread=spread)
    if isinstance(test, Range) and spread and test.unit is not Unit.POINTS:
        raise _refusal("test.unit", "must be points on a spread")


def _check_direction(spec: Spec, test: Reach | Hold | At | Average, *, spread: bool) -> None:
    direction = test.direction
    if direction is Direction.EITHER and (spec.kind is Kind.MOMENTUM or isinstance(test, At | Average)):
        raise _refusal("test.direction", "is either, which only reach (not of kind momentum) and hold take")
    if direction is Direction.EITHER and not spread and test.level * 2 <= PRICE_MAX:
        raise _refusal("test.level", "must be above 0.5000 when the direction is either")
    if direction is Direction.DOWN and spread:
        raise _refusal("test.direction", "must be up or either on a spread: exchange the legs instead")


def _check_lengths(spec: Spec) -> None:
    """Refuse durations and times that do not fit the window or each other."""
    length, test, price = spec.end_ms - spec.start_ms, spec.test, spec.price
    if spec.held_ms > length:
        raise _refusal("price.held_s", "is longer than the window")
    match test:
        case Range(_, _, horizon_ms):
            _check_horizon(horizon_ms, length, price)
        case At(_, _, at_ms) if not spec.start_ms <= at_ms <= spec.end_ms:
            raise _refusal("test.time", "lies outside the window")
        case Realized(_, step_ms):
            if step_ms > length:
                raise _refusal("test.step_s", "is longer than the window, which must hold at least 2 samples")
            if step_ms % 60_000:
                raise _refusal("test.step_s", "must be a multiple of 60")
            if spec.start_ms % 60_000:
                raise _refusal("window.start", "must be a full minute for this test")


def _check_horizon(horizon_ms: int, length: int, price: Source | None) -> None:
    if horizon_ms > length:
        raise _refusal("test.horizon_s", "is longer than the window")
    if isinstance(price, Trades) and price.within_ms > horizon_ms:
        raise _refusal("price.within_s", "is longer than 'test.horizon_s'")
    if price and price.held_ms > horizon_ms:
        raise _refusal("test.horizon_s", "is shorter than 'price.held_s'")


def _check_text(spec: Spec) -> None:
    if len(spec.canonical) > MAX_BYTES:
        raise UsageError(f"the spec is {len(spec.canonical)} bytes long in canonical form: {MAX_BYTES} is the most")
    if (size := len(question(spec))) > QUESTION_MAX_BYTES:
        raise UsageError(f"the question of this spec is {size} bytes long: {QUESTION_MAX_BYTES} is the most")
