from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relayer.conditions.parse import parse_spec
from relayer.conditions.spec import Spec
from relayer.domain.clock import Clock
from relayer.domain.errors import TransientError
from relayer.domain.intents import Act, Intent, Submission, SubmissionState
from relayer.domain.markets import MarketId, MarketStatus, Venue
from relayer.domain.pnp import PnpMarket
from relayer.domain.units import BlockHeight, Millis, Slot
from relayer.domain.verdicts import Answer, Coverage, Outcome, Verdict
from relayer.prices.book import Book
from relayer.services.admission import refusal
from relayer.services.corroborator import Corroborator
from relayer.services.feeds import FeedTable
from relayer.services.judge import Judge
from relayer.services.resolver import Resolver
from relayer.services.settings import ResolverSettings
from relayer.services.specs import SpecFolder
from relayer.store.store import Store
from relayer.telemetry.metrics import Metrics
from tests.fakes.history import FakeHistory
from tests.fakes.paths import FakePaths
from tests.fakes.pnp import FakePnp
from tests.fakes.specs import CREATOR, END, MARKET, PARENT, START, document, outcome_document, pnp_market, spec

PARENT_ID = MarketId(Venue.KALSHI, PARENT)
SETTLE = f"settle:{MARKET}"


class House:
    """Judge and resolver over a real store, with PNP faked at the port and time under the test's hand."""

    def __init__(self, store: Store, folder: Path, *markets: PnpMarket) -> None:
        self.wall_ms = float(START - 30_000)
        self.clock = Clock(wall=lambda: self.wall_ms)
        self.metrics = Metrics()
        self.feeds = FeedTable(clock=self.clock, metrics=self.metrics)
        self.store = store
        self.pnp = FakePnp(*markets, now_ms=START - 30_000)
        paths = FakePaths(self.feeds)
        self.judge = Judge(feeds=self.feeds, store=store, clock=self.clock, paths=paths)
        self.told = paths.told
        self.told.listeners.append(self.judge.hearing)
        self.history = FakeHistory()
        corroborator = Corroborator(
            history=self.history, store=store, clock=self.clock, metrics=self.metrics, wall_s=lambda: self.wall_ms
        )
        self.resolver = Resolver(
            pnp=self.pnp,
            store=store,
            judge=self.judge,
            specs=SpecFolder(folder),
            corroborator=corroborator,
            venue=Venue.KALSHI,
            settings=ResolverSettings(specs_dir=folder, allowed_creators=(CREATOR,), settle_delay_s=0),
            feeds=self.feeds,
            clock=self.clock,
            metrics=self.metrics,
        )

    def at(self, now_ms: int) -> None:
        self.wall_ms, self.pnp.now_ms = float(now_ms), now_ms

    def quote(self, at_ms: int, bid: int) -> None:
        book = Book()
        book.replace({bid: 10_000}, {9_900: 10_000})
        self.told.on_book(PARENT_ID, Millis(at_ms), book)

    def touch(self) -> None:
        """A minute at the level, which decides the momentum spec, and away from it again."""
        self.quote(START + 1000, 7100)
        self.quote(START + 62_000, 5000)

    def open_parent(self) -> None:
        self.told.on_status(PARENT_ID, Millis(START - 40_000), MarketStatus.ACTIVE, None)
        self.quote(START - 40_000, 5000)
        self.told.on_watermark(PARENT_ID, Millis(START - 30_000))

    async def walk(self) -> str:
        """One walk and whatever it started; returns the market's state."""
        await self.resolver.walk()
        for task in list(self.resolver._acts.values()):
            await task
        await self.judge.sweep()
        return self.resolver._said[MARKET][0] + ": " + self.resolver._said[MARKET][1]

    @property
    def market(self) -> PnpMarket:
        return self.pnp.by_address[MARKET]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(tmp_path / "relayer.db") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "specs"
    folder.mkdir()
    for name, content in (("momentum", document()), ("outcome", outcome_document())):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def house(store: Store, folder: Path, asked: Spec | None = None, **changes: Any) -> House:
    return House(store, folder, pnp_market(asked or spec(), **changes))


async def test_a_market_is_activated_judged_and_settled_once(store: Store, folder: Path) -> None:
    it = house(store, folder)
    it.open_parent()
    await it.walk()
    assert it.market.resolvable
    it.touch()
    await it.walk()
    it.at(END)
    assert await it.walk() == "settling: as yes"
    assert it.market.winner is Outcome.YES
    for _ in range(3):
        assert await it.walk() == "settled: as yes"
    assert [intent.act for intent in it.pnp.sent] == ["activate", "settle"]
    assert it.metrics.registry.get_sample_value("relayer_resolutions_total", {"outcome": "settled"}) == 1


async def test_a_verdict_waits_for_the_end_time_on_the_clusters_clock(store: Store, folder: Path) -> None:
    it = house(store, folder, resolvable=True)
    it.open_parent()
    await it.walk()
    it.touch()
    await it.walk()
    it.at(END)
    it.pnp.now_ms = END - 1000
    assert "waits for the market's end time" in await it.walk()
    assert not it.pnp.sent


async def test_a_no_needs_the_watermark_at_the_end(store: Store, folder: Path) -> None:
    it = house(store, folder, resolvable=True)
    it.open_parent()
    await it.walk()
    it.at(END)
    it.told.on_watermark(PARENT_ID, Millis(END - 1))
    await it.walk()
    assert (await it.walk()).startswith("open: ")
    it.told.on_watermark(PARENT_ID, END)
    await it.walk()
    assert (await it.walk()).startswith("decided: waits until 2026-01-01T01:02:00Z to ask the venue")
    it.at(END + 120_000)
    await it.walk()
    assert it.market.winner is Outcome.NO


async def test_a_verdict_that_the_venues_history_contradicts_is_held(store: Store, folder: Path) -> None:
    it = house(store, folder, resolvable=True)
    it.open_parent()
    await it.walk()
    it.touch()
    await it.walk()
    it.at(END)
    it.history.bid = (5000, 5000, 5000, 5000)
    assert (await it.walk()).startswith("held: our verdict is yes, but the venue's own history says no: ")
    assert not it.pnp.sent
    it.at(END + 15_000)
    it.history.bid = (5000, 5000, 7100, 5000)
    assert await it.walk() == "settling: as yes"


async def test_parents_are_needed_until_their_market_is_settled(store: Store, folder: Path) -> None:
    it = house(store, folder, resolvable=True)
    assert it.resolver.needed() is None, "nobody has looked yet"
    it.open_parent()
    await it.walk()
    assert it.resolver.needed() == {PARENT_ID}
    it.touch()
    await it.walk()
    it.at(END)
    await it.walk()
    assert await it.walk() == "settled: as yes"
    assert it.resolver.needed() == set()


async def test_what_a_market_needs_is_not_known_while_it_could_not_be_armed(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: Spec) -> None:
        raise TransientError("The store does not answer.")

    it = house(store, folder)
    with monkeypatch.context() as troubled:
        troubled.setattr(it.judge, "arm", refuse)
        assert (await it.walk()).startswith("held: ")
        assert it.resolver.needed() is None
    await it.walk()
    assert it.resolver.needed() == {PARENT_ID}


async def test_a_provisional_parent_keeps_the_market_frozen(store: Store, folder: Path) -> None:
    it = house(store, folder)
    it.open_parent()
    it.history.provisional = True
    assert "is provisional: the venue may take it away untraded" in await it.walk()
    assert not it.market.resolvable


@pytest.mark.parametrize(
    ("floor", "why"),
    [
        ({"floor_held_s": 61}, "its held_s of 60 is below [resolver] floor_held_s of 61"),
        ({"floor_min_size": "1.01"}, "its min_size of 1.00 is below [resolver] floor_min_size of 1.01"),
        ({"floor_min_trades": 9, "floor_held_s": 60, "floor_min_size": "1.00"}, None),
    ],
)
async def test_the_operators_floor_is_kept(store: Store, folder: Path, floor: dict[str, Any], why: str | None) -> None:
    settings = ResolverSettings.model_validate({"specs_dir": folder, "allowed_creators": [CREATOR], **floor})
    found = _refusal(spec(), settings)
    assert found == why


def test_the_floor_of_trades_is_kept() -> None:
    asked = spec(price={"source": "trades", "min_size": "5.00", "min_trades": 2, "within_s": 60})
    settings = ResolverSettings(allowed_creators=(CREATOR,), floor_min_trades=3)
    assert _refusal(asked, settings) == "its min_trades of 2 is below [resolver] floor_min_trades of 3"


def _refusal(asked: Spec, settings: ResolverSettings) -> str | None:
    pending = Verdict(Answer.PENDING, None, "", None, Coverage(0, 0, 0, 0, 0))
    return refusal(pnp_market(asked), asked, pending, unheard=[], now_ms=Millis(START), settings=settings)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"question": "Will it rain?"}, "names no spec"),
        ({"question": f"Will it rain? spec:{'0' * 64}"}, "no file in specs_dir has the hash 000"),
        ({"creator": "somebody"}, r"creator somebody is not in \[resolver\] allowed_creators"),
        ({"end_ms": Millis(END - 1000)}, "window ends 2026-01-01T01:00:00Z, after the market's own end"),
    ],
)
async def test_a_market_that_may_not_be_served_says_why(
    store: Store, folder: Path, changes: dict[str, Any], why: str
) -> None:
    it = house(store, folder, **changes)
    it.open_parent()
    state = await it.walk()
    assert state.startswith(("unbound", "refused"))
    assert re.search(why, state)
    assert not it.pnp.sent


async def test_a_question_one_byte_off_is_not_ours(store: Store, folder: Path) -> None:
    asked = pnp_market(spec()).question.replace("0.7000", "0.6000")
    it = house(store, folder, question=asked)
    it.open_parent()
    assert "differs from the text of spec" in await it.walk()


async def test_an_unheard_parent_keeps_the_market_frozen(store: Store, folder: Path) -> None:
    it = house(store, folder)
    assert f"parent kalshi:{PARENT} has not been heard of" in await it.walk()
    assert not it.market.resolvable


async def test_an_unobserved_start_keeps_the_market_frozen(store: Store, folder: Path) -> None:
    it = house(store, folder)
    it.at(START + 20_000)
    it.told.on_status(PARENT_ID, Millis(START + 10_000), MarketStatus.ACTIVE, None)
    it.quote(START + 10_000, 5000)
    it.told.on_watermark(PARENT_ID, Millis(START + 20_000))
    assert "20000 ms of its window" in await it.walk()


async def test_a_result_counts_only_when_final(store: Store, folder: Path) -> None:
    asked = parse_spec(json.dumps(outcome_document()))
    it = house(store, folder, asked, resolvable=True)
    it.open_parent()
    await it.walk()
    it.at(END + 1000)
    it.told.on_result(PARENT_ID, Millis(END), "yes", False)
    await it.walk()
    assert (await it.walk()).startswith("open")
    it.told.on_result(PARENT_ID, Millis(END + 500), "no", True)
    it.at(END + 400_000)
    it.history.result, it.history.final = "no", True
    await it.walk()
    await it.walk()
    assert it.market.winner is Outcome.NO


async def test_a_lost_transaction_is_followed_by_another_and_settles_once(store: Store, folder: Path) -> None:
    it = house(store, folder, resolvable=True)
    it.open_parent()
    await it.walk()
    it.touch()
    await it.walk()
    it.at(END)
    it.pnp.fate = [SubmissionState.EXPIRED]
    await it.resolver.walk()
    await asyncio.gather(*it.resolver._acts.values())
    states = [submission.state for submission in await store.submissions(SETTLE)]
    assert states == [SubmissionState.EXPIRED, SubmissionState.FINALIZED]


async def test_a_restart_between_sending_and_knowing_asks_the_chain_first(store: Store, folder: Path) -> None:
    first = house(store, folder, resolvable=True)
    first.open_parent()
    await first.walk()
    first.quote(START + 1000, 7100)
    first.quote(START + 62_000, 5000)
    await first.judge.sweep()
    settled = replace(first.market, resolved=True, winner=Outcome.YES)
    await store.put_intent(Intent(Act.SETTLE, MARKET, spec().hash, Outcome.YES, END))
    await store.record_submission(Submission("sent before the crash", SETTLE, b"", BlockHeight(1), Slot(1)))

    again = House(store, folder, settled)
    again.at(END)
    await again.walk()
    assert not again.pnp.sent
    assert await again.walk() == "settled: as yes"
    assert [intent.state for intent in await store.open_intents()] == []


async def test_an_activation_that_landed_before_a_crash_is_closed_at_the_start(store: Store, folder: Path) -> None:
    it = house(store, folder, resolvable=True)
    await store.put_intent(Intent(Act.ACTIVATE, MARKET, spec().hash, None, START))
    running = asyncio.create_task(it.resolver.run())
    async with asyncio.timeout(30):
        while await store.open_intents():  # noqa: ASYNC110 - the store is what shows it
            await asyncio.sleep(0.01)
    running.cancel()
    assert not it.pnp.sent


async def test_another_winner_than_ours_raises_the_alarm(store: Store, folder: Path) -> None:
    it = house(store, folder, resolvable=True)
    it.open_parent()
    await it.walk()
    it.touch()
    await it.walk()
    it.pnp.by_address[MARKET] = replace(it.market, resolved=True, winner=Outcome.NO)
    await it.walk()
    assert await it.walk() == "contradicted: it was settled no and our verdict is yes"
    assert it.metrics.registry.get_sample_value("relayer_resolutions_total", {"outcome": "contradicted"}) == 1


async def test_a_winner_set_before_our_verdict_is_contradicted_by_it_later(store: Store, folder: Path) -> None:
    it = house(store, folder, resolvable=True, resolved=True, winner=Outcome.NO)
    it.open_parent()
    assert "by somebody else, before our verdict" in await it.walk()
    it.touch()
    await it.walk()
    await it.walk()
    assert (await it.walk()).startswith("contradicted")
    assert it.metrics.registry.get_sample_value("relayer_resolutions_total", {"outcome": "contradicted"}) == 1


async def test_a_parent_on_another_venue_is_refused(store: Store, folder: Path) -> None:
    foreign = document(parent={"venue": "kalshi-demo", "market": PARENT})
    (folder / "foreign.json").write_text(json.dumps(foreign))
    it = house(store, folder, parse_spec(json.dumps(foreign)))
    assert await it.walk() == (
        f"refused: its parent kalshi-demo:{PARENT} is on a venue that is not watched (that is kalshi)"
    )


async def test_an_undecidable_market_gets_the_specs_own_answer_after_its_days(store: Store, folder: Path) -> None:
    it = house(store, folder, resolvable=True)
    await it.walk()
    it.told.on_status(PARENT_ID, Millis(END - 10_000), MarketStatus.ACTIVE, None)
    it.quote(END - 10_000, 5000)
    it.told.on_watermark(PARENT_ID, END)
    it.at(END + 2 * 86_400_000 - 1)
    await it.walk()
    assert not it.market.resolved
    it.at(END + 2 * 86_400_000)
    await it.walk()
    assert it.market.winner is Outcome.NO


async def test_one_market_in_trouble_does_not_stop_the_others(store: Store, folder: Path) -> None:
    sound = pnp_market(spec(), address="7YttLkHDoNj9wyDur5pM1ejNaAvT9X4eqaYcHQqtj2G5")
    it = House(store, folder, pnp_market(spec(), resolved=True, resolvable=True), sound)
    it.open_parent()

    async def broken(*_: object) -> tuple[str, str]:
        raise TransientError("The store is busy.")

    it.resolver._already_resolved = broken  # type: ignore[method-assign,assignment]
    assert await it.walk() == "held: The store is busy."
    assert it.pnp.by_address[sound.address].resolvable


async def test_a_stake_above_the_cost_of_forcing_alarms_once(
    store: Store, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    usdc = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
    house = House(store, folder, pnp_market(spec(), stake=10**12, decimals=6, collateral_mint=usdc))
    house.open_parent()
    for _ in range(2):
        await house.walk()
    alarms = [record for record in caplog.records if record.message == "stake above the cost of forcing"]
    assert [(record.levelname, record.__dict__["market"]) for record in alarms] == [("ERROR", MARKET)]
    # One contract must be bid at 70: nobody asks below 99.
    assert alarms[0].__dict__["reason"].startswith("forcing the answer costs about 0.70 dollars now, and 1000000.00")
