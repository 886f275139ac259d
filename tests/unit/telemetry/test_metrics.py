from __future__ import annotations

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from relayer.telemetry.metrics import Metrics


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = generate_latest(metrics.registry).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_bounded_labels_start_at_zero() -> None:
    found = samples(Metrics())
    assert found["relayer_transactions_total", (("outcome", "failed"), ("purpose", "settle"))] == 0
    assert found["relayer_resolutions_total", (("outcome", "contradicted"),)] == 0


def test_feed_ages_are_a_histogram_over_feeds_at_the_time_of_the_scrape() -> None:
    metrics = Metrics()
    ages = {"kalshi": [0.5, 4.0, 4000.0]}
    metrics.watch_feed_ages(lambda: ages)
    found = samples(metrics)
    assert found["relayer_feed_age_seconds_bucket", (("le", "1.0"), ("venue", "kalshi"))] == 1
    assert found["relayer_feed_age_seconds_bucket", (("le", "5.0"), ("venue", "kalshi"))] == 2
    assert found["relayer_feed_age_seconds_count", (("venue", "kalshi"),)] == 3
    ages["kalshi"].clear()
    assert samples(metrics)["relayer_feed_age_seconds_count", (("venue", "kalshi"),)] == 0


def test_two_relayers_in_one_process_do_not_share_metrics() -> None:
    one, other = Metrics(), Metrics()
    one.updates_found.labels("b").inc()
    assert ("relayer_updates_found_total", (("board", "b"),)) not in samples(other)
