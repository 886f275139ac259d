"""The PNP program, as far as finding, activating and settling its markets needs it: addresses, instructions, accounts.

Facts are those of PNP's published interface (IDL of npm package pnp-sdk 0.2.11); its program id is an argument
everywhere, as several are in use. Whether an act is due is decided elsewhere.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.sysvar import RENT
from solders.token import ID as TOKEN_PROGRAM
from solders.token.associated import get_associated_token_address

from relayer.domain.errors import PermanentError
from relayer.domain.pnp import PnpKind, PnpMarket
from relayer.domain.units import Millis
from relayer.domain.verdicts import Outcome

ASSOCIATED_TOKEN_PROGRAM = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
METADATA_PROGRAM = Pubkey.from_string("metaqbxxUerdq28cj1RbAWkYQm3ybzjb6a8bt518x1s")

GLOBAL_CONFIG = bytes.fromhex("95089ccaa0fcb0d9")
MARKET = {PnpKind.V2: bytes.fromhex("dbbed53700e3c69a"), PnpKind.V3: bytes.fromhex("f78670c82d5f1b88")}
EXTENSION = {PnpKind.V2: bytes.fromhex("258f00163a28342c"), PnpKind.V3: bytes.fromhex("428ea0ab544499f6")}
"""First 8 bytes of the accounts of each kind, for memcmp filters too."""
EXTENSION_ORACLE_OFFSET = 18

_MINT_DECIMALS, _MINT_LENGTH = 44, 82
"""SPL Token's `Mint`; Token-2022 puts its extensions behind."""
_INIT_PROTOCOL = bytes.fromhex("03bc8dede1e2e8d2")
_CREATE = {PnpKind.V2: bytes.fromhex("c1129b3ea17c5019"), PnpKind.V3: bytes.fromhex("de141f3ec83b924e")}
_SET_RESOLVABLE = {PnpKind.V2: bytes.fromhex("4adfbb06f513dcfd"), PnpKind.V3: bytes.fromhex("63255a7d73ef3ca2")}
_SETTLE = {PnpKind.V2: bytes.fromhex("83c74b9b10c74801"), PnpKind.V3: bytes.fromhex("892bd9c9e698e3f8")}
_MARKET_SEED = {PnpKind.V2: b"market-v2", PnpKind.V3: b"market-v3"}
_EXTENSION_SEED = {PnpKind.V2: b"market_ext", PnpKind.V3: b"market_v3_ext"}
_MINT_SEED = {
    (PnpKind.V2, Outcome.YES): b"yes_token",
    (PnpKind.V2, Outcome.NO): b"no_token",
    (PnpKind.V3, Outcome.YES): b"v3-yes-token",
    (PnpKind.V3, Outcome.NO): b"v3-no-token",
}
_WINNER = {0: None, 1: Outcome.YES, 2: Outcome.NO}


@dataclass(frozen=True, slots=True)
class GlobalConfig:
    admin: Pubkey
    oracle: Pubkey
    """The global oracle (`oracle_program` in the IDL)."""
    collateral_mint: Pubkey
    next_id: int
    """Number of the next market of either kind."""
    min_liquidity: int
    """Whole tokens."""
    buffer_period_s: int
    """A market may be made resolvable that long after its creation."""
    trading_paused: bool


@dataclass(frozen=True, slots=True)
class MarketExtension:
    kind: PnpKind
    market_id: int
    odds_bps: int
    oracle: Pubkey


def global_config_address(program_id: Pubkey) -> Pubkey:
    return _pda(program_id, b"global_config")


def market_address(program_id: Pubkey, kind: PnpKind, market_id: int) -> Pubkey:
    return _pda(program_id, _MARKET_SEED[kind], _u64(market_id))


def extension_address(program_id: Pubkey, kind: PnpKind, market_id: int) -> Pubkey:
    return _pda(program_id, _EXTENSION_SEED[kind], _u64(market_id))


def mint_address(program_id: Pubkey, kind: PnpKind, market_id: int, outcome: Outcome) -> Pubkey:
    """Mint of the tokens that pay if `outcome` wins."""
    return _pda(program_id, _MINT_SEED[kind, outcome], _u64(market_id))


def creator_treasury_address(program_id: Pubkey, creator: Pubkey, collateral_mint: Pubkey) -> Pubkey:
    return _pda(program_id, b"creator_fee_treasury", bytes(creator), bytes(collateral_mint))


def metadata_address(metadata_program: Pubkey, mint: Pubkey) -> Pubkey:
    return _pda(metadata_program, b"metadata", bytes(metadata_program), bytes(mint))


def init_protocol(
    program_id: Pubkey,
    admin: Pubkey,
    *,
    collateral_mint: Pubkey,
    oracle: Pubkey,
    min_liquidity: int,
    buffer_period_s: int,
    yes_metadata: str = "YES",
    no_metadata: str = "NO",
    fee_bps: int = 100,
    creator_fee_bps: int = 20,
    burn_fee_bps: int = 0,
) -> Instruction:
    """Make the global settings; `admin` signs, pays and becomes their admin."""
    data = _INIT_PROTOCOL + _string(yes_metadata) + _string(no_metadata)
    data += struct.pack(
        "<QQ32sQQQ", fee_bps, creator_fee_bps, bytes(oracle), min_liquidity, buffer_period_s, burn_fee_bps
    )
    accounts = [
        _signer(admin),
        _writable(global_config_address(program_id)),
        _readonly(collateral_mint),
        _readonly(SYSTEM_PROGRAM),
    ]
    return Instruction(program_id, data, accounts)


def create_market_v2(
    program_id: Pubkey,
    payer: Pubkey,
    *,
    market_id: int,
    question: str,
    initial_liquidity: int,
    end_time: int,
    creator: Pubkey,
    collateral_mint: Pubkey,
    oracle: Pubkey | None = None,
    yes_odds_bps: int | None = None,
    token_program: Pubkey = TOKEN_PROGRAM,
) -> Instruction:
    """Create an AMM market. `market_id` is the global settings' `next_id`, `end_time` in seconds."""
    kind = PnpKind.V2
    market = market_address(program_id, kind, market_id)
    custom = oracle is not None or yes_odds_bps is not None
    data = _CREATE[kind] + _string(question) + struct.pack("<QQ32s", initial_liquidity, end_time, bytes(creator))
    accounts = [
        _signer(payer),
        _readonly(creator),
        _writable(market),
        _extension_to_make(program_id, kind, market_id, custom),
        _writable(global_config_address(program_id)),
        _readonly(collateral_mint),
        _writable(_token_account(payer, collateral_mint, token_program)),
        _writable(_token_account(market, collateral_mint, token_program)),
        _writable(creator_treasury_address(program_id, creator, collateral_mint)),
        *_programs(token_program),
    ]
    return Instruction(program_id, data + _odds_and_oracle(yes_odds_bps, oracle), accounts)


def create_market_v3(
    program_id: Pubkey,
    payer: Pubkey,
    *,
    market_id: int,
    question: str,
    initial_amount: int,
    side: Outcome,
    creator_side_cap: int,
    end_time: int,
    max_pot_ratio_bps: int,
    creator: Pubkey,
    collateral_mint: Pubkey,
    oracle: Pubkey | None = None,
    odds_bps: int | None = None,
    token_program: Pubkey = TOKEN_PROGRAM,
) -> Instruction:
    """Create a P2P market with the creator on `side`. `market_id` is the global settings' `next_id`."""
    kind = PnpKind.V3
    market = market_address(program_id, kind, market_id)
    mints = [mint_address(program_id, kind, market_id, outcome) for outcome in Outcome]
    custom = oracle is not None or odds_bps is not None
    data = _CREATE[kind] + _string(question)
    data += struct.pack(
        "<QBQQI32s",
        initial_amount,
        0 if side is Outcome.YES else 1,
        creator_side_cap,
        end_time,
        max_pot_ratio_bps,
        bytes(creator),
    )
    accounts = [
        _signer(payer),
        _readonly(creator),
        _writable(market),
        _extension_to_make(program_id, kind, market_id, custom),
        _writable(global_config_address(program_id)),
        _readonly(collateral_mint),
        *(_writable(mint) for mint in mints),
        _writable(_token_account(payer, collateral_mint, token_program)),
        _writable(_token_account(market, collateral_mint, token_program)),
        *(_writable(_token_account(creator, mint, token_program)) for mint in mints),
        _writable(creator_treasury_address(program_id, creator, collateral_mint)),
        *_programs(token_program),
    ]
    return Instruction(program_id, data + _odds_and_oracle(odds_bps, oracle), accounts)


def set_market_resolvable_v2(
    program_id: Pubkey,
    authority: Pubkey,
    market: PnpMarket,
    *,
    resolvable: bool = True,
    force_resolve: bool | None = None,
    metadata_program: Pubkey = METADATA_PROGRAM,
) -> Instruction:
    """Activate an AMM market: creates mints, metadata and vaults, which `authority` pays."""
    address = Pubkey.from_string(market.address)
    mints = [mint_address(program_id, PnpKind.V2, market.market_id, outcome) for outcome in Outcome]
    data = _SET_RESOLVABLE[PnpKind.V2] + _u64(market.market_id) + bytes([resolvable])
    data += b"\0" if force_resolve is None else bytes([1, force_resolve])
    accounts = [
        _signer(authority),
        _readonly(global_config_address(program_id)),
        _writable(address),
        _readonly(extension_address(program_id, PnpKind.V2, market.market_id)),
        _readonly(Pubkey.from_string(market.collateral_mint)),
        *(_writable(mint) for mint in mints),
        _readonly(Pubkey.from_string(market.creator)),
        *(_writable(_token_account(address, mint, TOKEN_PROGRAM)) for mint in mints),
        _readonly(metadata_program),
        *(_writable(metadata_address(metadata_program, mint)) for mint in mints),
        *_programs(TOKEN_PROGRAM),
        _readonly(RENT),
    ]
    return Instruction(program_id, data, accounts)


def set_market_resolvable_v3(
    program_id: Pubkey, authority: Pubkey, market: PnpMarket, *, resolvable: bool = True
) -> Instruction:
    """Activate a P2P market."""
    data = _SET_RESOLVABLE[PnpKind.V3] + bytes([resolvable])
    return Instruction(program_id, data, _resolve_accounts(program_id, authority, market))


def settle_market_v2(program_id: Pubkey, settler: Pubkey, market: PnpMarket, winner: Outcome) -> Instruction:
    return _settle(program_id, settler, market, winner, PnpKind.V2)


def settle_market_v3(program_id: Pubkey, settler: Pubkey, market: PnpMarket, winner: Outcome) -> Instruction:
    return _settle(program_id, settler, market, winner, PnpKind.V3)


def decode_global_config(data: bytes) -> GlobalConfig:
    """Raises PermanentError for anything else."""
    reader = _Reader(data, "the global settings of PNP")
    reader.discriminator(GLOBAL_CONFIG)
    admin, oracle = reader.key(), reader.key()
    reader.take("<QQB")
    reader.string()
    reader.string()
    mint = reader.key()
    next_id, min_liquidity, buffer_period, _, paused = reader.take("<QQQQB")
    return GlobalConfig(admin, oracle, mint, next_id, min_liquidity, buffer_period, bool(paused))


def decode_extension(data: bytes) -> MarketExtension:
    """Extension of either kind. Raises PermanentError for anything else."""
    reader = _Reader(data, "a PNP market extension")
    kind = reader.kind(EXTENSION)
    market_id, odds = reader.take("<QH")
    return MarketExtension(kind, market_id, odds, reader.key())


def decode_market(address: Pubkey, data: bytes, oracle: Pubkey) -> PnpMarket:
    """Market of either kind; `oracle` is that of its extension. Trailing bytes, and the older V2 form that lacks the
    last 17, are as good. Raises PermanentError for anything else.
    """
    reader = _Reader(data, f"PNP market {address}")
    kind = reader.kind(MARKET)
    decode = _decode_v2 if kind is PnpKind.V2 else _decode_v3
    return decode(str(address), reader, str(oracle))


def decode_decimals(data: bytes) -> int | None:
    """Of a mint of either token program (the byte behind authority and supply); None for anything else."""
    return data[_MINT_DECIMALS] if len(data) >= _MINT_LENGTH else None


def _decode_v2(address: str, reader: _Reader, oracle: str) -> PnpMarket:
    market_id, resolved, reserves = reader.take("<QBQ")
    mint = reader.key()
    winner = reader.winner()
    reader.skip(32 + 32 + 8 + 8)
    creator = reader.key()
    reader.skip(32)
    question = reader.string()
    _, end_time, _, created, resolvable = reader.take("<QQBQB")
    return PnpMarket(
        address=address,
        kind=PnpKind.V2,
        market_id=market_id,
        creator=str(creator),
        oracle=oracle,
        question=question,
        created_ms=Millis(created * 1000),
        end_ms=Millis(end_time * 1000),
        resolvable=bool(resolvable),
        resolved=bool(resolved),
        winner=winner,
        collateral_mint=str(mint),
        stake=reserves,
    )


def _decode_v3(address: str, reader: _Reader, oracle: str) -> PnpMarket:
    market_id, resolved, yes_pot, no_pot = reader.take("<QBQQ")
    creator = reader.key()
    reader.take("<BQQQQ")
    mint = reader.key()
    reader.skip(32 + 32)
    winner = reader.winner()
    reader.skip(32)
    question = reader.string()
    end_time, created, resolvable = reader.take("<QQB")
    return PnpMarket(
        address=address,
        kind=PnpKind.V3,
        market_id=market_id,
        creator=str(creator),
        oracle=oracle,
        question=question,
        created_ms=Millis(created * 1000),
        end_ms=Millis(end_time * 1000),
        resolvable=bool(resolvable),
        resolved=bool(resolved),
        winner=winner,
        collateral_mint=str(mint),
        stake=yes_pot + no_pot,
    )


class _Reader:
    """Borsh from the front; `what` names the account in errors."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._at, self._what = data, 0, what

    def skip(self, count: int) -> bytes:
        self._at += count
        if self._at > len(self._data):
            raise PermanentError(f"The account of {self._what} is too short ({len(self._data)} bytes).")
        return self._data[self._at - count : self._at]

    def take(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self.skip(struct.calcsize(layout)))

    def key(self) -> Pubkey:
        return Pubkey(self.skip(32))

    def string(self) -> str:
        (length,) = self.take("<I")
        return self.skip(length).decode(errors="replace")

    def winner(self) -> Outcome | None:
        (number,) = self.take("<B")
        if number not in _WINNER:
            raise PermanentError(
                f"The account of {self._what} names winner {number}, which this version does not know."
            )
        return _WINNER[number]

    def discriminator(self, expected: bytes) -> None:
        if self.skip(8) != expected:
            raise PermanentError(f"The account is not {self._what}; check the address and the PNP program id.")

    def kind(self, discriminators: dict[PnpKind, bytes]) -> PnpKind:
        head = self.skip(8)
        for kind, discriminator in discriminators.items():
            if head == discriminator:
                return kind
        raise PermanentError(f"The account is not {self._what}; check the address and the PNP program id.")


def _settle(program_id: Pubkey, settler: Pubkey, market: PnpMarket, winner: Outcome, kind: PnpKind) -> Instruction:
    data = _SETTLE[kind] + bytes([winner is Outcome.YES])
    return Instruction(program_id, data, _resolve_accounts(program_id, settler, market))


def _resolve_accounts(program_id: Pubkey, signer: Pubkey, market: PnpMarket) -> list[AccountMeta]:
    return [
        _signer(signer),
        _writable(Pubkey.from_string(market.address)),
        _readonly(extension_address(program_id, market.kind, market.market_id)),
        _readonly(global_config_address(program_id)),
    ]


def _extension_to_make(program_id: Pubkey, kind: PnpKind, market_id: int, custom: bool) -> AccountMeta:
    """Anchor writes an absent optional account as the program's own id."""
    return _writable(extension_address(program_id, kind, market_id)) if custom else _readonly(program_id)


def _programs(token_program: Pubkey) -> list[AccountMeta]:
    return [_readonly(token_program), _readonly(ASSOCIATED_TOKEN_PROGRAM), _readonly(SYSTEM_PROGRAM)]


def _odds_and_oracle(odds_bps: int | None, oracle: Pubkey | None) -> bytes:
    odds = b"\0" if odds_bps is None else struct.pack("<BH", 1, odds_bps)
    return odds + (b"\0" if oracle is None else b"\1" + bytes(oracle))


def _token_account(owner: Pubkey, mint: Pubkey, token_program: Pubkey) -> Pubkey:
    return get_associated_token_address(owner, mint, token_program)


def _pda(program_id: Pubkey, *seeds: bytes) -> Pubkey:
    return Pubkey.find_program_address(seeds, program_id)[0]


def _u64(value: int) -> bytes:
    return struct.pack("<Q", value)


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<I", len(raw)) + raw


def _signer(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=True)


def _writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _readonly(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)
