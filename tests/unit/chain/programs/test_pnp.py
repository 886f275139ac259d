"""Addresses, instruction bytes and account layouts of PNP against golden values made with PNP's own package.

The values come from the Anchor coder over the IDL of npm package pnp-sdk 0.2.11, program id 8PyE2….
"""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from solders.pubkey import Pubkey

from relayer.chain.programs import pnp
from relayer.domain.errors import PermanentError
from relayer.domain.pnp import PnpKind, PnpMarket
from relayer.domain.units import Millis
from relayer.domain.verdicts import Outcome

PROGRAM = Pubkey.from_string("8PyE2dizL52ga7ytqLtqRyjwWp4yXEx8M5Z4BAHgHuTb")
KEY = Pubkey(bytes([7]) * 32)
V2, V3 = PnpKind.V2, PnpKind.V3
MARKET = PnpMarket(
    address="75aHqPcLDjeNzJCPaemBp8JVE3r5UZsF1uwXr2W22CAc",
    kind=V2,
    market_id=42,
    creator=str(Pubkey(bytes([2]) * 32)),
    oracle=str(KEY),
    question="??",
    created_ms=Millis(1_700_000_000_000),
    end_ms=Millis(1_800_000_000_000),
    resolvable=True,
    resolved=True,
    winner=Outcome.NO,
    collateral_mint=str(Pubkey(bytes([3]) * 32)),
    stake=5,
)


@pytest.mark.parametrize(
    ("program", "address"),
    [
        (str(PROGRAM), "33Aj8nFahhjXTmStMw6jxyu6CynwnKvPzJwrsK94TYkf"),
        ("6fnYZUSyp3vJxTNnayq5S62d363EFaGARnqYux5bqrxb", "8NE8xRxotAoJY3eDqDF6C3e5YPuANRABxhjMP5GZGW3r"),
        ("pnpkv2qnh4bfpGvTugGDSEhvZC7DP4pVxTuDykV3BGz", "GsWYA1v68EmtrSWtJgQbGCPEjHk73YZou42CywmsAgCH"),
    ],
)
def test_global_config_under_every_known_program_id(program: str, address: str) -> None:
    assert str(pnp.global_config_address(Pubkey.from_string(program))) == address


@pytest.mark.parametrize(
    ("kind", "number", "market", "extension"),
    [
        (V2, 0, "CUkUJ4KYK5oHFLLpLmyf8NS66N56E16vstpq343cU7K1", "DTrJLxHhQzSfPC8EzHfXRqA9DJqsBvoETnJ99T5eaUxy"),
        (V2, 1, "9TgkXs6xpUgttL7xGXRCEQVBb83PP8fRiy68H5mmFshi", "9jnTX99pNVr2F4ruJ9o1skv527LCqyv4nPpqd5mjdf5Y"),
        (V2, 42, "75aHqPcLDjeNzJCPaemBp8JVE3r5UZsF1uwXr2W22CAc", "Hw6zuSLzdbLnUb8cZ29D5gCM3aiJ2fXbBKvcZUygbBRo"),
        (V3, 42, "9hTts5zzdjBZcEabqCxXNULgoghm9CZXLx8uEF7QTk1o", "88nP2MK8yGHRq2rLiFRLfqU8bzjkAgubDnod51vroQVD"),
    ],
)
def test_market_and_extension_addresses(kind: PnpKind, number: int, market: str, extension: str) -> None:
    assert str(pnp.market_address(PROGRAM, kind, number)) == market
    assert str(pnp.extension_address(PROGRAM, kind, number)) == extension


@pytest.mark.parametrize(
    ("kind", "outcome", "mint"),
    [
        (V2, Outcome.YES, "9zF2h9YZaYjcyNvnBEU1XSwyu3gy4rzBEy1q7VT7tzRQ"),
        (V2, Outcome.NO, "BHpS5YMe3UneePnzVqmbxGANb1SaruZK6FqLhXkCrKLa"),
        (V3, Outcome.YES, "Es22xMMgmnNbcPYv3xRRdZ9EYLFHZ4yty2zLkmsUwp2j"),
        (V3, Outcome.NO, "89v39rB8iJUbe3CLAnHxsnamaJGFmTafVvVDyUdwQEgB"),
    ],
)
def test_mint_addresses(kind: PnpKind, outcome: Outcome, mint: str) -> None:
    assert str(pnp.mint_address(PROGRAM, kind, 42, outcome)) == mint


def test_settle_bytes() -> None:
    v3 = replace(MARKET, kind=V3)
    assert pnp.settle_market_v2(PROGRAM, KEY, MARKET, Outcome.YES).data.hex() == "83c74b9b10c7480101"
    assert pnp.settle_market_v2(PROGRAM, KEY, MARKET, Outcome.NO).data.hex() == "83c74b9b10c7480100"
    assert pnp.settle_market_v3(PROGRAM, KEY, v3, Outcome.YES).data.hex() == "892bd9c9e698e3f801"
    assert pnp.settle_market_v3(PROGRAM, KEY, v3, Outcome.NO).data.hex() == "892bd9c9e698e3f800"


def test_settle_accounts_as_anchors_encoder_gives_them() -> None:
    accounts = pnp.settle_market_v2(PROGRAM, KEY, MARKET, Outcome.YES).accounts
    assert [(meta.is_signer, meta.is_writable) for meta in accounts] == [
        (True, True),
        (False, True),
        (False, False),
        (False, False),
    ]
    assert accounts[1].pubkey == pnp.market_address(PROGRAM, V2, 42)
    assert accounts[2].pubkey == pnp.extension_address(PROGRAM, V2, 42)


@pytest.mark.parametrize(
    ("force", "data"),
    [
        (None, "4adfbb06f513dcfd2a000000000000000100"),
        (True, "4adfbb06f513dcfd2a00000000000000010101"),
        (False, "4adfbb06f513dcfd2a00000000000000010100"),
    ],
)
def test_set_resolvable_v2_bytes(force: bool | None, data: str) -> None:
    made = pnp.set_market_resolvable_v2(PROGRAM, KEY, MARKET, force_resolve=force)
    assert made.data.hex() == data
    assert len(made.accounts) == 17


def test_set_resolvable_v3_bytes() -> None:
    made = pnp.set_market_resolvable_v3(PROGRAM, KEY, replace(MARKET, kind=V3))
    assert (made.data.hex(), len(made.accounts)) == ("63255a7d73ef3ca201", 4)


def test_an_absent_extension_is_the_program_itself() -> None:
    made = pnp.create_market_v2(
        PROGRAM,
        KEY,
        market_id=0,
        question="?",
        initial_liquidity=1,
        end_time=2,
        creator=KEY,
        collateral_mint=Pubkey(bytes([3]) * 32),
    )
    meta = made.accounts[3]
    assert (meta.pubkey, meta.is_signer, meta.is_writable) == (PROGRAM, False, False)
    assert made.data[-2:] == b"\0\0"


def test_extension_layout() -> None:
    data = bytes.fromhex("258f00163a28342c2a000000000000008813" + "07" * 32 + "fc")
    assert pnp.decode_extension(data) == pnp.MarketExtension(V2, 42, 5_000, KEY)


def market_v2_bytes(*, question: bytes = b"??", tail: bytes = bytes(17)) -> bytes:
    head = pnp.MARKET[V2] + struct.pack("<QBQ", 42, 1, 5) + bytes([3]) * 32 + b"\x02" + bytes(64 + 16)
    keys = bytes([2]) * 32 + bytes(32)
    times = struct.pack("<QQBQBBB", 5, 1_800_000_000, 250, 1_700_000_000, 1, 0, 2)
    return head + keys + struct.pack("<I", len(question)) + question + times + tail


def test_a_market_with_a_question_of_two_bytes_is_253_bytes_long() -> None:
    data = market_v2_bytes()
    assert len(data) == 253
    assert pnp.decode_market(Pubkey.from_string(MARKET.address), data, KEY) == MARKET


@pytest.mark.parametrize("tail", [b"", bytes(17), bytes(500)], ids=["older form", "exact", "head-room"])
def test_trailing_bytes_and_the_older_shorter_form_are_as_good(tail: bytes) -> None:
    assert pnp.decode_market(Pubkey.from_string(MARKET.address), market_v2_bytes(tail=tail), KEY) == MARKET


def test_a_p2p_market_with_a_question_of_three_bytes_is_256_bytes_long() -> None:
    data = pnp.MARKET[V3] + struct.pack("<QBQQ", 42, 1, 5, 6) + bytes([2]) * 32 + struct.pack("<BQQQQ", 1, 1, 2, 3, 4)
    data += bytes([3]) * 32 + bytes(64) + b"\x02" + bytes(32) + struct.pack("<I", 3) + b"???"
    data += struct.pack("<QQBBI", 1_800_000_000, 1_700_000_000, 1, 250, 10_000)
    assert len(data) == 256
    want = replace(MARKET, kind=V3, question="???", address=str(KEY), stake=5 + 6)
    assert pnp.decode_market(KEY, data, KEY) == want


def test_settings_with_metadata_of_two_and_three_bytes_are_167_bytes_long() -> None:
    admin, oracle, mint = (Pubkey(bytes([n]) * 32) for n in (1, 2, 3))
    data = pnp.GLOBAL_CONFIG + bytes(admin) + bytes(oracle) + struct.pack("<QQB", 100, 20, 248)
    data += struct.pack("<I", 2) + b"YY" + struct.pack("<I", 3) + b"NNN" + bytes(mint)
    data += struct.pack("<QQQQB", 9, 1, 900, 0, 1)
    assert len(data) == 167
    assert pnp.decode_global_config(data) == pnp.GlobalConfig(admin, oracle, mint, 9, 1, 900, True)


def test_other_accounts_are_refused_in_a_sentence() -> None:
    with pytest.raises(PermanentError, match=r"not PNP market 1111.*check the address and the PNP program id"):
        pnp.decode_market(Pubkey.default(), bytes(300), KEY)
    with pytest.raises(PermanentError, match="too short"):
        pnp.decode_market(KEY, market_v2_bytes()[:220], KEY)
    with pytest.raises(PermanentError, match="names winner 9"):
        pnp.decode_market(KEY, market_v2_bytes()[:57] + b"\x09" + market_v2_bytes()[58:], KEY)
    with pytest.raises(PermanentError, match="not the global settings of PNP"):
        pnp.decode_global_config(bytes(200))
    with pytest.raises(PermanentError, match="not a PNP market extension"):
        pnp.decode_extension(bytes(51))


def test_decimals_of_a_mint_and_of_what_is_none() -> None:
    mint = bytes(44) + b"\x09\x01" + bytes(36)
    assert len(mint) == 82
    assert pnp.decode_decimals(mint) == 9
    assert pnp.decode_decimals(mint + bytes(200)) == 9  # Token-2022 with extensions
    assert pnp.decode_decimals(bytes(81)) is None
