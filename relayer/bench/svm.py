"""A board of the committed on-chain program on the SVM inside `solders`, to publish to."""

from __future__ import annotations

import re
import secrets
from importlib import resources

from solders.instruction import Instruction
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from relayer.chain.fees import MAX_LOADED_BYTES, MAX_UNITS, Budget
from relayer.chain.programs import board as boards
from relayer.chain.signer import Signer
from relayer.chain.transaction import V0, Format, Signed
from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.markets import MarketStatus
from relayer.domain.units import Millis, Price

_ORACLE = resources.files("relayer") / "data" / "programs" / "oracle.so"
_CLOCK_S = 1_790_000_000
_FEEDS_A_CALL = 20
_LAMPORTS = 10**11
_STATE = FeedState(Price(6_900), Price(7_100), Price(7_000), MarketStatus.ACTIVE, 9, Millis(_CLOCK_S * 1000))
_BUDGET = Budget(MAX_UNITS, 1_000, MAX_LOADED_BYTES)
"""All three limits, as the relayer sends them: each takes bytes."""


class PublishedBoard:
    """A board with `feeds` listed and nothing published; its publisher is not the payer."""

    def __init__(self, feeds: int) -> None:
        self._svm = LiteSVM().with_mainnet_features()
        self._program = Pubkey.new_unique()
        self._payer, self._publisher = Signer(secrets.token_bytes(32)), Signer(secrets.token_bytes(32))
        self._svm.add_program(self._program, _ORACLE.read_bytes())
        self._svm.airdrop(self._payer.pubkey, _LAMPORTS)
        clock = self._svm.get_clock()
        clock.unix_timestamp = _CLOCK_S
        self._svm.set_clock(clock)
        self._address = boards.board_address(self._program, self._payer.pubkey, 0)
        self._make(feeds)
        self._epoch = self._read().header.epoch

    def transaction(self, version: Format, count: int) -> Signed:
        """Prices for the first `count` feeds. Raises PermanentError if they do not fit."""
        instruction = boards.publish(
            self._program,
            self._publisher.pubkey,
            self._address,
            epoch=self._epoch,
            base_ms=_STATE.as_of_ms,
            updates=[FeedUpdate(index, _STATE) for index in range(count)],
        )
        return self._signed(version, instruction, self._payer, self._publisher)

    def send(self, signed: Signed) -> int:
        """Execute; returns the compute units of our program. Raises RuntimeError if the transaction fails."""
        result = self._svm.send_transaction(VersionedTransaction.from_bytes(signed.wire))
        if isinstance(result, FailedTransactionMetadata):
            raise RuntimeError(f"The transaction failed with {result.err()}: {result.meta().logs()}.")
        consumed = re.search(rf"Program {self._program} consumed (\d+) of", "\n".join(result.logs()))
        assert consumed is not None
        return int(consumed[1])

    def shown(self) -> int:
        """How many slots show the published price."""
        return sum(slot.state == _STATE for slot in self._read().slots)

    def _make(self, feeds: int) -> None:
        authority = self._payer.pubkey
        init = boards.init_board(
            self._program, authority, index=0, capacity=feeds, publisher=self._publisher.pubkey, name="bench"
        )
        for _ in range(boards.init_calls(feeds)):
            self.send(self._signed(V0, init, self._payer))
        ids = [(index, index.to_bytes(32, "little")) for index in range(feeds)]
        for at in range(0, feeds, _FEEDS_A_CALL):
            listing = boards.list_feeds(self._program, authority, self._address, ids[at : at + _FEEDS_A_CALL])
            self.send(self._signed(V0, listing, self._payer))

    def _signed(self, version: Format, instruction: Instruction, *signers: Signer) -> Signed:
        self._svm.expire_blockhash()
        return version.sign(_BUDGET, [instruction], signers, self._svm.latest_blockhash())

    def _read(self) -> boards.Board:
        account = self._svm.get_account(self._address)
        assert account is not None
        return boards.decode_board(account.data)
