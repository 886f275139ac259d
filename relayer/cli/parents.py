"""What a venue says of the parents of a new spec, and whether a market on it makes sense. Asks Kalshi alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from relayer.conditions.spec import Spec
from relayer.domain.errors import TransientError, UsageError
from relayer.domain.markets import MarketFacts, MarketId, MarketStatus, Venue
from relayer.domain.units import rfc3339
from relayer.sources.kalshi.settings import KalshiSettings

_ENVIRONMENTS = {Venue.KALSHI: "production", Venue.KALSHI_DEMO: "demo", Venue.KALSHI_SANDBOX: "sandbox"}


def look_up(spec: Spec, rest_url: str) -> list[MarketFacts]:
    """The facts of every leg that is on a Kalshi. rest_url: instead of its own address; the sandbox has none.

    Raises TransientError where it is not reachable, UnknownError for a ticker that it does not know.
    """
    legs = [leg for leg in spec.legs if leg.venue in _ENVIRONMENTS]
    return asyncio.run(_facts(legs, rest_url)) if legs else []


async def _facts(legs: list[MarketId], rest_url: str) -> list[MarketFacts]:
    import aiohttp

    from relayer.sources.kalshi.client import KalshiClient
    from relayer.sources.kalshi.venue_time import VenueTime

    found = []
    async with aiohttp.ClientSession() as session:
        for leg in legs:
            settings = _settings(leg.venue, rest_url)
            client = KalshiClient(settings=settings, session=session, signer=None, venue_time=VenueTime())
            try:
                found.append(await client.market(leg.ticker))
            except TransientError as error:
                raise TransientError(f"{error} Try again, or write the spec unseen with --offline.") from error
    return found


def _settings(venue: Venue, rest_url: str) -> KalshiSettings:
    if venue is Venue.KALSHI_SANDBOX and not rest_url:
        raise UsageError("The sandbox has no fixed address: give the --rest-url that `relayer sandbox` prints.")
    try:
        return KalshiSettings.model_validate(
            {"environment": _ENVIRONMENTS[venue], "rest_url": rest_url, "ws_url": "ws://unused" if rest_url else ""}
        )
    except ValueError as error:
        raise UsageError(f"--rest-url {rest_url} is no address: write it http://host/path.") from error


def described(facts: MarketFacts) -> str:
    """A line for who writes the spec: what the parent is about."""
    return f"{facts.market}: {facts.title}; {facts.status.name.lower()}, closes {rfc3339(facts.close_ms)}"


def warnings(spec: Spec, facts: MarketFacts) -> Iterator[str]:
    """What is odd about the spec. Raises UsageError where no market on it makes sense."""
    name, closes = facts.market, rfc3339(facts.close_ms)
    if facts.provisional:
        raise UsageError(f"{name} is provisional: Kalshi may remove it untraded, and a market on it with it.")
    if facts.result or facts.status is MarketStatus.FINAL:
        raise UsageError(f"{name} already has the result {facts.result or 'of a final market'!r}: nothing is open.")
    if spec.price is not None and spec.start_ms >= facts.close_ms:
        raise UsageError(f"key 'window.start': {name} closes {closes}, so no moment of the window is traded.")
    if spec.price is not None and spec.end_ms > facts.close_ms:
        yield f"the window ends after {name} closes ({closes}): what lies behind is not trading time."
    if spec.price is None and spec.end_ms < facts.close_ms:
        yield f"the window ends before {name} closes ({closes}): 'otherwise' may come before its result."
    if facts.status is not MarketStatus.ACTIVE:
        yield f"{name} is {facts.status.name.lower()} now, not trading."
