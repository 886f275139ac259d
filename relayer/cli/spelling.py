"""Numbers as people type them, spelled as specs spell them. Refusing what is no such number is `conditions.parse`."""

from __future__ import annotations


def padded(value: str, places: int) -> str:
    """A decimal with zeros up to so many places; anything else, and one with more places, as it is."""
    whole, _, given = value.partition(".")
    plain = whole.isdecimal() and (given.isdecimal() or not given)
    return f"{whole}.{given.ljust(places, '0')}" if plain and len(given) <= places else value
