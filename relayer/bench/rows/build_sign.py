"""A transaction of 60 prices as the publisher makes it, over the one Ed25519 signature that it cannot do without.

Payer and publisher are one key here, so the transaction carries one signature. The baseline signs the same message
bytes with the same library (OpenSSL by `cryptography`).
"""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from solders.hash import Hash
from solders.pubkey import Pubkey

from relayer.bench.row import Effort, Measured, Row
from relayer.bench.timing import Job, cost_ratio, in_turns
from relayer.chain.fees import ENTRY_UNITS, Budget
from relayer.chain.mold import Molds
from relayer.chain.programs.board import publish, publish_data
from relayer.chain.signer import Signer
from relayer.chain.transaction import V0
from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.markets import MarketStatus
from relayer.domain.units import Millis, Price

_ENTRIES = 60
_TRANSACTIONS = 500
_NOW_MS = 1_790_000_000_000
_BUDGET = Budget(ENTRY_UNITS * _ENTRIES, 1_000, 64 * 1024)


def _measure(effort: Effort) -> Measured:
    seed = secrets.token_bytes(32)
    signer, key = Signer(seed), Ed25519PrivateKey.from_private_bytes(seed)
    program, board, blockhash = Pubkey.new_unique(), Pubkey.new_unique(), Hash.new_unique()
    molds = Molds(V0, publish(program, signer.pubkey, board, epoch=1, base_ms=0, updates=()), [signer])
    batches = [_updates(_NOW_MS + number) for number in range(effort.of(_TRANSACTIONS))]

    def transaction(number: int) -> bytes:
        data = publish_data(epoch=1, base_ms=_NOW_MS + number, updates=batches[number])
        return molds.sign(_BUDGET, [data], blockhash).wire

    messages = [transaction(number)[1 + 64 :] for number in range(len(batches))]

    def candidate() -> Job:
        def build_all() -> None:
            for number in range(len(batches)):
                transaction(number)

        return build_all

    def baseline() -> Job:
        def sign_all() -> None:
            for message in messages:
                key.sign(message)

        return sign_all

    rounds = in_turns(candidate, baseline, rounds=effort.rounds)
    return cost_ratio(rounds, units=len(batches), unit="transaction")


def _updates(now_ms: int) -> list[FeedUpdate]:
    return [
        FeedUpdate(
            index,
            FeedState(
                Price(4_000 + index), Price(4_100 + index), Price(4_050), MarketStatus.ACTIVE, 9, Millis(now_ms - index)
            ),
        )
        for index in range(_ENTRIES)
    ]


ROW = Row(
    id="build_sign",
    what="build, sign and serialise a transaction of 60 entries, over one raw Ed25519 signature by OpenSSL",
    goal=1.5,
    unit="ratio",
    measure=_measure,
)
