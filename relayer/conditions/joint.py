"""Two parents as one: spans in which the states of both are constant."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from relayer.conditions.signal import States
from relayer.conditions.track import State
from relayer.domain.feeds import Trade
from relayer.domain.units import Millis

OnStates = Callable[[Millis, Millis, States], None]


class Leg:
    """The span listener of one leg: passes on what both legs know."""

    def __init__(self, joint: Joint) -> None:
        self.told: deque[tuple[Millis, Millis, State]] = deque()
        self._joint = joint

    def on_span(self, from_ms: Millis, to_ms: Millis, state: State) -> None:
        if self.told and self.told[-1][2] == state:
            self.told[-1] = (self.told[-1][0], to_ms, state)
        else:
            self.told.append((from_ms, to_ms, state))
        self._joint.pass_on()

    def on_trades(self, at_ms: Millis, trades: Sequence[Trade]) -> None:
        """A spread takes no trades."""


class Joint:
    """`legs`: long, short. Each tells its spans without holes, from the same beginning."""

    def __init__(self, on_states: OnStates) -> None:
        self.legs: tuple[Leg, ...] = (Leg(self), Leg(self))
        self._on_states = on_states

    def pass_on(self) -> None:
        long, short = self.legs[0].told, self.legs[1].told
        while long and short:
            from_ms, to_ms = max(long[0][0], short[0][0]), min(long[0][1], short[0][1])
            states = (long[0][2], short[0][2])
            for told in (long, short):
                if told[0][1] == to_ms:
                    told.popleft()
                else:
                    told[0] = (to_ms, told[0][1], told[0][2])
            self._on_states(from_ms, to_ms, states)
