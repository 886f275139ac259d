"""All metrics in one place: names, labels and their bounded values (names fixed by the architecture, section 3).

Rooms count at their seams with the objects here; the registry is injected, nothing is global.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

import relayer
from relayer.conditions.corroboration import Agreement

PURPOSES = ("publish", "board", "activate", "settle")
TRANSACTION_OUTCOMES = ("refused", "sent", "confirmed", "finalized", "failed", "expired")
RESOLUTION_OUTCOMES = ("settled", "settled_elsewhere", "contradicted")
ROOMS = ("kalshi", "dflow", "chain", "publisher", "resolver", "watcher")
STAGES = ("source", "decide", "sign", "send", "processed", "confirmed")
PUSH_REASONS = ("first", "status", "deviation", "heartbeat", "fresh", "stale")
MARKET_STATES = (
    "unbound",
    "refused",
    "activating",
    "open",
    "decided",
    "settling",
    "settled",
    "contradicted",
    "held",
)
FILLINGS = (("trades", "whole"), ("trades", "none"), ("candles", "whole"), ("candles", "part"), ("candles", "none"))
SECOND_OPINIONS = ("agrees", "differs", "contradicts", "absent")

_AGE_BUCKETS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
_STAGE_BUCKETS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)


class Metrics:
    """Counters, gauges and histograms of one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"relayer_{name}", text, labels, registry=self.registry)

        self.frames = counter("frames", "Venue frames received", "venue", "type")
        self.gaps = counter("gaps", "Stretches in which a feed proved nothing", "venue", "reason")
        self.fillings = counter(
            "gaps_filled", "Gaps of paths that matter, by what filled them and how far", "by", "extent"
        )
        self.decisions = counter("push_decisions", "Push and hold decisions", "reason")
        self.updates_claimed = counter("updates_claimed", "Slot updates in transactions reported confirmed", "board")
        self.updates_found = counter("updates_found", "Slot updates that the board account shows", "board")
        self.transactions = counter("transactions", "Transactions by fate", "purpose", "outcome")
        self.resolutions = counter("resolutions", "PNP markets by how they ended", "outcome")
        self.second_opinions = counter(
            "second_opinions", "Comparisons of a Kalshi book with DFlow's prices, one a market and second", "agreement"
        )
        self.corroborations = counter(
            "corroborations", "Verdicts held against the venue's own history before an act", "agreement"
        )
        self.cross_checks = counter(
            "cross_checks", "Books held against REST, best prices against ticker frames", "by", "agreement"
        )
        self.disconnections = counter("disconnections", "Venue connections that ended", "venue", "connection")
        self.errors = counter("errors", "Errors that were isolated and logged", "room")
        self.balance = Gauge("relayer_balance_lamports", "Balance of each key", ("role",), registry=self.registry)
        self.connection_up = Gauge(
            "relayer_connection_up",
            "Whether a connection's subscriptions stand",
            ("venue", "connection"),
            registry=self.registry,
        )
        self.connection_markets = Gauge(
            "relayer_connection_markets",
            "Markets that a connection is to hear",
            ("venue", "connection"),
            registry=self.registry,
        )
        self.markets = Gauge("relayer_markets", "PNP markets by state", ("state",), registry=self.registry)
        self.clock_offset = Gauge("relayer_clock_offset_seconds", "Cluster clock minus ours", registry=self.registry)
        self.stage = Histogram(
            "relayer_stage_seconds",
            "Time spent in each stage of a price's way",
            ("stage",),
            buckets=_STAGE_BUCKETS,
            registry=self.registry,
        )
        Info("relayer_build", "Version of this process", registry=self.registry).info(
            {"version": relayer.__version__, "python": platform.python_version()}
        )
        self._initialise()

    def _initialise(self) -> None:
        """Give every bounded label set its zero, so that rates work from the first event."""
        for purpose in PURPOSES:
            for outcome in TRANSACTION_OUTCOMES:
                self.transactions.labels(purpose, outcome)
        for outcome in RESOLUTION_OUTCOMES:
            self.resolutions.labels(outcome)
        for state in MARKET_STATES:
            self.markets.labels(state)
        for room in ROOMS:
            self.errors.labels(room)
        for stage in STAGES:
            self.stage.labels(stage)
        for by, extent in FILLINGS:
            self.fillings.labels(by, extent)
        for agreement in SECOND_OPINIONS:
            self.second_opinions.labels(agreement)
        for agreement in Agreement:
            self.corroborations.labels(agreement)
        for by in ("rest", "ticker"):
            for agreement in ("agrees", "differs"):
                self.cross_checks.labels(by, agreement)
        for reason in PUSH_REASONS:
            self.decisions.labels(reason)

    def total(self, name: str) -> int:
        """Sum of a counter over all its labels, by its exposed name."""
        samples = (sample for family in self.registry.collect() for sample in family.samples)
        return int(sum(sample.value for sample in samples if sample.name == name))

    def watch_feed_ages(self, ages: Callable[[], Mapping[str, Iterable[float]]]) -> None:
        """Expose `relayer_feed_age_seconds{venue}`: at each scrape, how old the feeds are, in seconds a venue."""
        self.registry.register(_FeedAges(ages))

    def watch_tape(
        self, *, lost: Callable[[], float], stuck: Callable[[], float], crowded: Callable[[], float]
    ) -> None:
        """Expose what the tape has given up since the start, and whether it is in trouble, at each scrape."""
        for name, text, value in (
            ("lost_entries", "Entries that the tape has given up since the start", lost),
            ("stuck", "Whether the tape cannot be written", stuck),
            ("crowded", "Whether the tape is over its budget, because of markets that are judged", crowded),
        ):
            Gauge(f"relayer_tape_{name}", text, registry=self.registry).set_function(value)


class _FeedAges(Collector):
    def __init__(self, ages: Callable[[], Mapping[str, Iterable[float]]]) -> None:
        self._ages = ages

    def collect(self) -> Iterable[HistogramMetricFamily]:
        family = HistogramMetricFamily(
            "relayer_feed_age_seconds", "Age of each feed's watermark, over all feeds", labels=["venue"]
        )
        for venue, ages in self._ages().items():
            values = list(ages)
            buckets = [(str(edge), float(sum(age <= edge for age in values))) for edge in _AGE_BUCKETS]
            family.add_metric([venue], [*buckets, ("+Inf", float(len(values)))], sum(values))
        yield family
