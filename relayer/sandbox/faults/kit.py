"""The fault kit: every fault by name, and the chosen ones at work; all chance follows from names, rates and a seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from relayer.domain.errors import UsageError
from relayer.sandbox.faults import frames, requests, venue
from relayer.sandbox.faults.dice import Dice
from relayer.sandbox.faults.frames import FrameFault, Message, Sent
from relayer.sandbox.faults.links import LinkAction
from relayer.sandbox.faults.requests import Handler, RequestFault
from relayer.sandbox.faults.venue import VenueFault
from relayer.sandbox.state import VenueState
from relayer.tape.replay import Record

SKEW_MS = 45_000


class Group(StrEnum):
    FRAME = "frame"
    LINK = "link"
    REQUEST = "request"
    VENUE = "venue"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Named:
    """A fault to choose: `rate` is its chance at each opportunity unless another one is given."""

    name: str
    group: Group
    rate: float
    about: str


_FRAMES: dict[str, tuple[type[FrameFault], float]] = {
    "sequence-hole": (frames.SequenceHole, 0.005),
    "duplicate": (frames.Duplicate, 0.01),
    "reorder": (frames.Reorder, 0.005),
    "delay": (frames.Delay, 0.01),
    "truncated-frame": (frames.TruncatedFrame, 0.005),
    "lost-reply": (frames.LostReply, 0.2),
    "unknown-type": (frames.UnknownType, 0.01),
    "blank-line": (frames.BlankLine, 0.02),
    "look-alike": (frames.LookAlike, 0.01),
    "wrong-side": (frames.WrongSide, 0.005),
    "crossed-book": (frames.CrossedBook, 0.002),
    "phantom-level": (frames.PhantomLevel, 0.002),
    "zombie-snapshot": (frames.ZombieSnapshot, 0.002),
    "missing-time": (frames.MissingTime, 0.01),
    "stale-time": (frames.StaleTime, 0.005),
    "future-time": (frames.FutureTime, 0.002),
}
_LINKS: dict[str, tuple[LinkAction, float, str]] = {
    "silent-socket": (LinkAction.SILENCE, 0.0005, "the socket stays open, answers pings and says nothing any more"),
    "half-open": (LinkAction.FREEZE, 0.0005, "the other end is gone without a word: nothing is read or written"),
    "reset": (LinkAction.ABORT, 0.001, "the TCP connection is reset"),
    "going-away": (LinkAction.CLOSE, 0.001, "the server closes the socket cleanly"),
    "buffer-overflow": (LinkAction.OVERFLOW, 0.001, "one subscription ends with code 25 while the socket lives"),
    "channel-error": (LinkAction.CHANNEL_ERROR, 0.001, "one subscription ends with code 10 while the socket lives"),
    "resubscribe": (LinkAction.RENEW, 0.001, "a subscription goes on under a new sid, numbered anew"),
    "slow-reader": (LinkAction.THROTTLE, 0.0005, "frames leave slower than they come, until code 25"),
}
_REQUESTS: dict[str, tuple[type[RequestFault], float]] = {
    "rest-401": (requests.Unauthorized, 0.05),
    "rest-429": (requests.TooMany, 0.2),
    "rest-500": (requests.ServerError, 0.1),
    "rest-500-valid-body": (requests.ServerErrorValidBody, 0.1),
    "truncated-body": (requests.TruncatedBody, 0.1),
    "empty-body": (requests.EmptyBody, 0.05),
    "slow-rest": (requests.SlowRest, 0.1),
    "stale-rest": (requests.StaleRest, 0.2),
    "cursor-loop": (requests.CursorLoop, 0.2),
    "missing-market": (requests.MissingMarket, 0.1),
    "rest-reset": (requests.ConnectionReset, 0.1),
    "handshake-401": (requests.HandshakeUnauthorized, 0.2),
    "handshake-429": (requests.HandshakeTooMany, 0.3),
    "handshake-reset": (requests.HandshakeReset, 0.3),
}
_VENUES: dict[str, tuple[type[VenueFault], float]] = {  # in the order in which they change the tape
    "early-close": (venue.EarlyClose, 0.5),
    "reopened": (venue.Reopened, 0.5),
    "scalar-result": (venue.ScalarResult, 0.5),
    "amended-result": (venue.AmendedResult, 0.5),
    "pause": (venue.Pause, 0.5),
    "maintenance": (venue.Maintenance, 1.0),
    "status-lies": (venue.StatusLies, 0.5),
}
CLOCK_SKEW, CONNECTION_REFUSED, TLS_FAILURE = "clock-skew", "connection-refused", "tls-failure"
_SERVERS: dict[str, tuple[float, str]] = {
    CLOCK_SKEW: (1.0, f"the venue's clock is {SKEW_MS // 1000} s ahead: in signatures and in the Date header"),
    CONNECTION_REFUSED: (0.2, "for seconds at a time nobody listens on the port"),
    TLS_FAILURE: (1.0, "https and wss with a certificate that nobody vouches for"),
}


def _about(kind: type) -> str:
    return (kind.__doc__ or "").strip()


ALL: dict[str, Named] = {
    named.name: named
    for named in [
        *(Named(name, Group.FRAME, rate, _about(kind)) for name, (kind, rate) in _FRAMES.items()),
        *(Named(name, Group.LINK, rate, about) for name, (_, rate, about) in _LINKS.items()),
        *(Named(name, Group.REQUEST, rate, _about(kind)) for name, (kind, rate) in _REQUESTS.items()),
        *(Named(name, Group.VENUE, rate, _about(kind)) for name, (kind, rate) in _VENUES.items()),
        *(Named(name, Group.SERVER, rate, about) for name, (rate, about) in _SERVERS.items()),
    ]
}
"""Every fault there is, by name."""

LIES = frozenset({"wrong-side", "zombie-snapshot", "stale-time", "stale-rest", "status-lies"})
"""Faults that no client can notice from what it is sent."""


class LinkFaults:
    """The faults of one connection."""

    def __init__(self, kinds: list[FrameFault], actions: list[tuple[LinkAction, Dice]]) -> None:
        self._kinds, self._actions = kinds, actions

    def content(self, kind: str, msg: bytes) -> list[Message]:
        """The messages to number and send instead of this one."""
        messages = [(kind, msg)]
        for fault in self._kinds:
            messages = [made for message in messages for made in fault.content(*message)]
        return messages

    def transport(self, sent: Sent) -> list[Sent]:
        """The frames that leave instead of this one."""
        leaving = [sent]
        for fault in self._kinds:
            leaving = [made for frame in leaving for made in fault.transport(frame)]
        return leaving

    def action(self) -> LinkAction | None:
        """What happens to the connection after a frame; mostly nothing."""
        return next((action for action, dice in self._actions if dice.strikes()), None)


class FaultKit:
    """The chosen faults. Raises UsageError for names, connections and rates that are none.

    chosen: `name` or `name=rate`, the rate from 0 to 1; `name@2` and `name@2=rate` for faults of frames and links that
    shall befall one connection alone, by its number in order of connecting from 1 on.
    """

    def __init__(self, chosen: Iterable[str], *, seed: int = 0) -> None:
        self._seed = seed
        self._rates: dict[str, float] = {}
        self._rates_of: dict[int, dict[str, float]] = {}
        for name, number, rate in map(_parse, chosen):
            (self._rates if number is None else self._rates_of.setdefault(number, {}))[name] = rate
        self._requests = [_REQUESTS[name][0](self._dice(name, "requests")) for name in self._rates if name in _REQUESTS]

    def __contains__(self, name: str) -> bool:
        return name in self._rates

    def _dice(self, name: str, *where: object) -> Dice:
        return Dice(self._rates[name], self._seed, name, *where)

    def _dice_of(self, number: int, kinds: Iterable[str]) -> dict[str, Dice]:
        """Of these kinds, what has been chosen for all connections or for this one."""
        rates = self._rates | self._rates_of.get(number, {})
        return {name: Dice(rate, self._seed, name, number) for name, rate in rates.items() if name in kinds}

    def dice(self, name: str) -> Dice | None:
        """The chance of a chosen fault; None for one that is not."""
        return self._dice(name) if name in self._rates else None

    def connection(self, number: int, state: VenueState) -> LinkFaults:
        """The faults of the connection with this number."""
        kinds = [_FRAMES[name][0](dice, state) for name, dice in self._dice_of(number, _FRAMES).items()]
        actions = [(_LINKS[name][0], dice) for name, dice in self._dice_of(number, _LINKS).items()]
        return LinkFaults(kinds, actions)

    def around(self, handler: Handler, *, handshakes: bool) -> Handler:
        """The handler behind all faults of REST, or of handshakes."""
        for fault in self._requests:
            if fault.handshakes is handshakes:
                handler = _wrapped(fault, handler)
        return handler

    def rewrite(self, records: Iterator[Record]) -> Iterator[Record]:
        """The tape as the venue lives it; the same on every call."""
        for name, (kind, _) in _VENUES.items():
            if name in self._rates:
                records = kind(self._dice(name)).rewrite(records)
        return records

    @property
    def skew_ms(self) -> int:
        return SKEW_MS if CLOCK_SKEW in self else 0


def _wrapped(fault: RequestFault, handler: Handler) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await fault.handle(request, handler)

    return handle


def _parse(text: str) -> tuple[str, int | None, float]:
    what, given, rate = text.partition("=")
    name, one, number = what.partition("@")
    if name not in ALL:
        raise UsageError(f"There is no fault {name!r}: `relayer sandbox --faults` lists them.")
    if one and (not number.isdecimal() or ALL[name].group not in (Group.FRAME, Group.LINK)):
        raise UsageError(
            f"Fault {what} cannot be: @ and a connection's number follow faults of frames and links alone."
        )
    try:
        value = float(rate) if given else ALL[name].rate
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"The rate of fault {name} must be from 0 to 1, not {rate!r}.")
    return name, int(number) if one else None, value
