"""What holds an act, for how long, and what lets it go on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from relayer.conditions.parse import parse_spec
from relayer.conditions.spec import Spec
from relayer.domain.clock import Clock
from relayer.domain.errors import TransientError
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis
from relayer.domain.verdicts import Answer, Coverage, Outcome, Verdict
from relayer.services.corroborator import Corroborator, Objection
from relayer.store.store import Store
from relayer.telemetry.metrics import Metrics
from tests.fakes.history import FakeHistory
from tests.fakes.specs import END, START, outcome_document, spec

DECIDED = START + 90_000
YES = Verdict(Answer.YES, Millis(DECIDED), "", None, Coverage(0, 0, 0, 0, 0))


@dataclass
class Desk:
    """A corroborator over a fake venue, with both clocks under the test's hand."""

    store: Store
    history: FakeHistory = field(default_factory=FakeHistory)
    released: tuple[str, ...] = ()
    two_agree: bool = False
    now_ms: int = DECIDED + 600_000
    wall_s: float = 0.0
    asked: Spec = field(default_factory=spec)

    def __post_init__(self) -> None:
        self.metrics = Metrics()
        self.corroborator = Corroborator(
            history=self.history,
            store=self.store,
            clock=Clock(wall=lambda: float(self.now_ms)),
            metrics=self.metrics,
            released=self.released,
            agreed=self._agreed,
            wall_s=lambda: self.wall_s,
        )

    def _agreed(self, market: MarketId, at_ms: Millis) -> bool:
        return self.two_agree

    async def says(self, verdict: Verdict = YES, outcome: Outcome = Outcome.YES) -> Objection | None:
        return await self.corroborator.objection(self.asked, verdict, outcome)

    def counted(self, agreement: str) -> float | None:
        return self.metrics.registry.get_sample_value("relayer_corroborations_total", {"agreement": agreement})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(tmp_path / "relayer.db") as opened:
        yield opened


def why(objection: Objection | None, state: str) -> str:
    assert objection is not None
    assert objection.state == state
    return objection.why


async def test_what_fits_goes_on_and_is_asked_once(store: Store) -> None:
    desk = Desk(store)
    assert await desk.says() is None
    assert await desk.says() is None
    assert desk.history.calls == 1
    assert desk.counted("fits") == 1


async def test_it_waits_for_two_minutes_after_the_minute_in_question(store: Store) -> None:
    desk = Desk(store, now_ms=START + 120_000 + 119_999)
    assert why(await desk.says(), "decided") == "waits until 2026-01-01T00:04:00Z to ask the venue for its own history"
    assert desk.history.calls == 0
    desk.now_ms += 1
    assert await desk.says() is None


async def test_a_contradiction_holds_until_the_operator_releases_the_spec(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(store)
    desk.history.bid = (5000, 5000, 5000, 5000)
    said = why(await desk.says(), "held")
    assert said.startswith("our verdict is yes, but the venue's own history says no: ")
    assert said.endswith("; look at it, and list the spec in [resolver] released_specs to go on all the same")
    why(await desk.says(), "held")
    assert desk.history.calls == 1  # asked again only after a while
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    desk.wall_s += 15
    why(await desk.says(), "held")
    assert desk.history.calls == 2
    assert len(caplog.records) == 1  # said once
    assert desk.counted("contradicts") == 2
    assert await Desk(store, history=desk.history, released=(desk.asked.hash,)).says() is None


async def test_a_venue_that_corrects_its_history_ends_the_hold(store: Store) -> None:
    desk = Desk(store)
    desk.history.bid = (5000, 5000, 5000, 5000)
    why(await desk.says(), "held")
    desk.history.bid = (5000, 5000, 7000, 7000)
    desk.wall_s += 15
    assert await desk.says() is None


@pytest.mark.parametrize("two_agree", [True, False])
async def test_a_silent_venue_is_asked_for_half_an_hour(store: Store, two_agree: bool) -> None:
    desk = Desk(store, two_agree=two_agree)
    desk.history.trouble = TransientError("Kalshi has trouble of its own.")
    assert why(await desk.says(), "decided") == (
        "it is not corroborated yet: Kalshi has trouble of its own.; the venue is asked again"
    )
    assert desk.counted("unavailable") == 1
    desk.wall_s += 1799
    why(await desk.says(), "decided")
    desk.wall_s += 1801
    found = await desk.says()
    if two_agree:
        assert found is None
    else:
        assert why(found, "held").startswith("the venue has not confirmed it for half an hour: Kalshi has trouble")


async def test_a_minute_without_a_candle_is_unavailable(store: Store) -> None:
    desk = Desk(store)
    desk.history.missing = True
    assert "the venue has no candle of kalshi:KXTEST-26JAN01-T50" in why(await desk.says(), "decided")
    assert desk.counted("unavailable") == 1


async def test_changed_rules_hold_the_market(store: Store) -> None:
    desk = Desk(store)
    assert await desk.corroborator.meet(desk.asked) is None
    desk.history.rules_hash = "others"
    assert why(await desk.says(), "held").startswith(
        "the rules or strikes of its parent kalshi:KXTEST-26JAN01-T50 have changed since it was first judged; look at"
    )


async def test_a_moved_close_holds_the_market_and_an_early_end_does_not(store: Store) -> None:
    desk = Desk(store)
    desk.history.close_ms = END
    assert await desk.corroborator.meet(desk.asked) is None
    desk.history.close_ms = END + 3_600_000
    assert "closes 2026-01-01T02:00:00Z now; when it was first judged that was 2026-01-01T01:00:00Z" in why(
        await desk.says(), "held"
    )
    desk.wall_s += 15
    desk.history.close_ms = END - 60_000
    assert "closes 2026-01-01T00:59:00Z now" in why(await desk.says(), "held")
    desk.wall_s += 15
    desk.history.status = MarketStatus.DETERMINED
    assert await desk.says() is None


async def test_terms_survive_a_restart(store: Store) -> None:
    assert await Desk(store).corroborator.meet(spec()) is None
    again = Desk(store)
    again.history.rules_hash = "others"
    assert await again.corroborator.meet(spec()) is None
    assert "have changed" in why(await again.says(), "held")


async def test_no_market_opens_on_a_provisional_parent(store: Store) -> None:
    desk = Desk(store)
    desk.history.provisional = True
    assert await desk.corroborator.meet(desk.asked) == (
        "its parent kalshi:KXTEST-26JAN01-T50 is provisional: the venue may take it away untraded"
    )
    desk.history.provisional = False
    assert await desk.corroborator.meet(desk.asked) is None


async def test_a_result_that_is_not_final_any_more_holds(store: Store) -> None:
    asked = parse_spec(json.dumps(outcome_document()))
    desk = Desk(store, asked=asked)
    desk.history.result = "yes"
    assert "does not call the result" in why(await desk.says(), "held")
    desk.history.final = True
    desk.wall_s += 15
    assert await desk.says() is None
