"""DFlow's prices and tokens, from bodies made by hand in the documented shapes; no recording of DFlow exists."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayer.domain.units import Price
from relayer.sources.dflow import wire
from relayer.sources.dflow.parse import OutcomeToken, Prices, decode, prices, tokens

PAYLOADS = Path(__file__).parents[3] / "payloads" / "dflow"
TICKER = "KXDEMO-26DEC31-T60.5"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
TEXTS = st.none() | st.text(max_size=6) | st.decimals(allow_nan=True, allow_infinity=True).map(str)


@given(TEXTS, TEXTS | st.just("1e1000000"))
def test_two_texts_are_a_pair_of_prices_or_an_error(bid: str | None, ask: str | None) -> None:
    try:
        told = prices(wire.PriceFrame("prices", "X", bid, ask))
    except ValueError:
        return
    for price in (told.bid, told.ask):
        assert price is None or 0 < price <= 10_000
    assert told.bid is None or told.ask is None or told.bid < told.ask < 10_000


@given(st.binary(max_size=80))
def test_bytes_are_a_frame_or_an_error(content: bytes) -> None:
    try:
        assert isinstance(decode(content, wire.PriceFrame), wire.PriceFrame)
    except ValueError:
        return


@pytest.mark.parametrize(
    ("bid", "ask", "told"),
    [
        ("0.45", "0.4700", Prices(Price(4500), Price(4700))),
        ("0.45009", "0.46001", Prices(Price(4500), Price(4601))),
        (None, "0.47", Prices(None, Price(4700))),
        ("0.0000", "1.0000", Prices(None, None)),
    ],
)
def test_prices_are_dollars_and_null_is_no_quote(bid: str | None, ask: str | None, told: Prices) -> None:
    assert prices(wire.PriceFrame("prices", "X", bid, ask)) == told


@pytest.mark.parametrize("bid", ["0.5", "1.5", "-0.1", "1e1000000", "NaN", "forty"])
def test_what_cannot_be_a_price_is_an_error(bid: str) -> None:
    with pytest.raises(ValueError, match=r"bid 5000 is not below ask 5000|outside 0 to 1|is not a"):
        prices(wire.PriceFrame("prices", "X", bid, "0.5"))


def test_rest_and_stream_say_the_same() -> None:
    market = decode((PAYLOADS / "market.json").read_bytes(), wire.Market)
    frame = decode((PAYLOADS / "prices.json").read_bytes(), wire.PriceFrame)
    assert (market.ticker, market.event_ticker) == (TICKER, "KXDEMO-26DEC31")
    assert frame.market_ticker == TICKER
    assert prices(market) == prices(frame) == Prices(Price(4500), Price(4700))


def test_tokens_carry_market_side_and_rail() -> None:
    market = decode((PAYLOADS / "market.json").read_bytes(), wire.Market)
    assert tokens(market) == [
        OutcomeToken("made-up-yes-usdc", TICKER, "yes", USDC, "made-up-ledger-usdc", True),
        OutcomeToken("made-up-no-usdc", TICKER, "no", USDC, "made-up-ledger-usdc", True),
    ]
    assert tokens(wire.Market(TICKER, "active")) == []
