from __future__ import annotations

import pytest

from relayer.domain.markets import MarketId, Venue
from relayer.domain.units import (
    contracts,
    dollars,
    millis_from_rfc3339,
    price_from_dollars,
    rfc3339,
    size_from_contracts,
)


@pytest.mark.parametrize(
    ("text", "rounding", "price"),
    [
        ("0.7000", "down", 7000),
        ("0.70009", "down", 7000),
        ("0.70001", "up", 7001),
        ("0.70005", "half_up", 7001),
        ("0.70004", "half_up", 7000),
        ("1", "up", 10_000),
        ("0", "down", 0),
    ],
)
def test_prices_round_as_their_side_demands(text: str, rounding: str, price: int) -> None:
    assert price_from_dollars(text, rounding=rounding) == price


@pytest.mark.parametrize(
    "text", ["1.00001", "-0.00001", "nan", "inf", "", "0,7", "1e1000000", "-1e1000000", "0.4" + "9" * 27]
)
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"price|number"):
        price_from_dollars(text, rounding="down")


def test_sizes_round_down() -> None:
    assert size_from_contracts("120.019") == 12_001


@pytest.mark.parametrize("text", ["9" * 17, "1e16", "1e999999", "-1e16", "0." + "0" * 27])
def test_sizes_stay_within_64_bits_and_a_line(text: str) -> None:
    with pytest.raises(ValueError, match="is not a decimal number of any use"):
        size_from_contracts(text)


def test_printing_is_exact() -> None:
    assert (dollars(7000), dollars(-25), dollars(10_000)) == ("0.7000", "-0.0025", "1.0000")
    assert contracts(10_005) == "100.05"


def test_times_keep_milliseconds_and_drop_the_rest() -> None:
    assert millis_from_rfc3339("2026-06-11T06:29:47.354803Z") == 1_781_159_387_354
    assert rfc3339(1_781_159_387_354) == "2026-06-11T06:29:47.354Z"
    assert rfc3339(1_781_159_387_000) == "2026-06-11T06:29:47Z"


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        millis_from_rfc3339("2026-06-11T06:29:47")


def test_a_market_is_written_venue_and_ticker() -> None:
    market = MarketId.parse("kalshi:KXHIGHNY-25DEC21-B44.5")
    assert market == MarketId(Venue.KALSHI, "KXHIGHNY-25DEC21-B44.5")
    assert MarketId.parse(str(market)) == market


@pytest.mark.parametrize(("text", "reason"), [("kalshi", "venue:ticker"), ("kalsh:X", "is none of kalshi")])
def test_a_wrong_market_says_how_to_write_it(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        MarketId.parse(text)
