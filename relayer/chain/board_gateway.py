"""Prices to the board: packed, signed and handed over at once; what became of them is looked up afterwards.

Prices are latest-value. Nothing is stored, and nothing is signed twice: a price that got lost is told by `take_lost`,
so that its newest value follows. Making the board is `board_setup.py`'s, following transactions `flights.py`'s.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Never

from solders.hash import Hash
from solders.pubkey import Pubkey

from relayer.chain.board_setup import BoardView, listing, making, read_board
from relayer.chain.fees import TRIAL, Budget, PublishCost, publish_cost
from relayer.chain.flights import Flight, Flights
from relayer.chain.mold import Molds
from relayer.chain.packer import Batch, Room, batched, packed
from relayer.chain.programs.board import ENTRY_LEN, Board, anchor, board_address, publish, publish_data
from relayer.chain.refusals import refusal
from relayer.chain.rpc import Rpc, Simulation, Sleep
from relayer.chain.sender import Sender
from relayer.chain.settings import BoardSettings, ClusterSettings
from relayer.chain.signer import Signer
from relayer.chain.terms import Moment, Terms
from relayer.chain.transaction import V0, V1, V1_FEATURE, Format, Signed
from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.errors import PermanentError, TransientError, UsageError
from relayer.domain.markets import MarketId
from relayer.domain.units import NEVER
from relayer.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)

_TRIAL_ENTRIES = 60
_READ_TRIES = 20


class BoardGateway:
    """The board of one publisher."""

    def __init__(
        self,
        *,
        rpc: Rpc,
        sender: Sender,
        publisher: Signer,
        payer: Signer,
        authority: Signer | None,
        settings: BoardSettings,
        cluster: ClusterSettings,
        metrics: Metrics,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises UsageError if the board's authority is not known, or contradicts its key."""
        self._rpc = rpc
        self._sender = sender
        self._publisher = publisher
        self._signers = [payer, publisher]
        self._authority = authority
        self._settings = settings
        self._cluster = cluster
        self._metrics = metrics
        self._sleep = sleep
        self._monotonic = monotonic
        self._program = Pubkey.from_string(cluster.oracle_program)
        self._board = board_address(self._program, authority_of(settings, authority), settings.index)
        self.address = str(self._board)
        self._terms = Terms(rpc=rpc, accounts=[self.address], settings=cluster, monotonic=monotonic)
        self._flights = Flights(rpc=rpc, board=self._board, metrics=metrics, settings=cluster, monotonic=monotonic)
        self._indexes: Mapping[MarketId, int] = {}
        self._epoch = 0
        self._use(V0)
        self._cost = PublishCost(0, 0, None)
        self.held: str | None = "The board is not open."
        """Why prices are not sent now, None while they are."""
        self._handing_over: set[asyncio.Task[None]] = set()
        self._slots_free = asyncio.Semaphore(cluster.max_sends_in_flight)

    async def open(self, markets: Sequence[MarketId]) -> dict[MarketId, int]:
        """Each market's slot. With the authority's key at hand, makes the board and lists what is missing.

        Raises PermanentError saying what to run where that key is not here or the board has another publisher;
        TransientError where the cluster does not answer.
        """
        view = await self._complete_board(markets)
        self._indexes = view.indexes(markets)
        slots = view.board.slots
        self._flights.shown |= {
            index: state.as_of_ms for index in self._indexes.values() if (state := slots[index].state) is not None
        }
        await self._terms.refresh()
        if self._cluster.v1 == "auto" and await self._cluster_has_v1():
            self._use(V1)
        await self._check_terms(view)
        return dict(self._indexes)

    async def publish(self, updates: Sequence[FeedUpdate]) -> None:
        """Sign and hand over; returns while the endpoints are still answering, unless too many have not.

        Raises TransientError while prices cannot be sent: no fresh blockhash, or a board that refuses us.
        """
        if self.held is not None:
            raise TransientError(f"Prices are held: {self.held}")
        moment = self._terms.now()
        started = time.perf_counter()
        for batches in packed(batched(updates, self._flights.shown), self._room):
            flight = self._signed(batches, moment)
            self._metrics.stage.labels("sign").observe(time.perf_counter() - started)
            self._flights.add(flight)
            await self._slots_free.acquire()
            task = asyncio.create_task(self._hand_over(flight), name="price transaction")
            self._handing_over.add(task)
            task.add_done_callback(self._handing_over.discard)
            started = time.perf_counter()

    def take_lost(self) -> set[int]:
        """Slots whose newest published value did not land, each told once: their newest value should follow."""
        return self._flights.take_lost()

    async def confirm_forever(self) -> Never:
        """Follow what was published, and keep the terms fresh; trouble is logged, counted and waited out."""
        while True:
            try:
                await self._terms.refresh()
                failures = await self._flights.check()
                if failures or self.held is not None:
                    await self._recheck()
            except (TransientError, PermanentError) as error:
                self._metrics.errors.labels("chain").inc()
                _log.warning("prices not followed", extra={"board": self.address, "reason": str(error)})
            await self._sleep(self._cluster.poll_s)

    async def read(self) -> Board:
        """The board as the chain shows it. Raises PermanentError if there is none."""
        view = await read_board(self._rpc, self._program, self._board)
        if view is None:
            raise PermanentError(self._lacking("does not exist", "relayer board init"))
        return view.board

    async def anchored(self) -> str:
        """The hash of a tape's head that the board carries, 64 hex digits; zeros for none yet."""
        return (await self.read()).header.tape_head.hex()

    async def anchor(self, head: str) -> None:
        """Write the tape's head hash, 64 hex digits. Raises TransientError or PermanentError unless it is confirmed."""
        step = anchor(self._program, self._publisher.pubkey, self._board, bytes.fromhex(head))
        await self._sender.run([step], [self._publisher], purpose="board")

    async def aclose(self) -> None:
        """Stop handing over; what the endpoints have is on its way."""
        for task in self._handing_over:
            task.cancel()
        await asyncio.gather(*self._handing_over, return_exceptions=True)

    async def _hand_over(self, flight: Flight) -> None:
        started = time.perf_counter()
        try:
            await self._rpc.send(flight.wire)
        except (TransientError, PermanentError) as error:
            self._flights.refused(flight)
            self._metrics.errors.labels("chain").inc()
            _log.warning("prices not taken", extra={"signature": flight.signature, "reason": str(error)})
        finally:
            self._slots_free.release()
        self._metrics.stage.labels("send").observe(time.perf_counter() - started)

    def _signed(self, batches: Sequence[Batch], moment: Moment) -> Flight:
        shown = {index: as_of_ms for batch in batches for index, as_of_ms in batch.shown()}
        budget = self._cost.budget(
            len(batches), len(shown), margin=self._cluster.compute_margin, micro_lamports=moment.micro_lamports
        )
        signed = self._transaction(budget, batches, moment.blockhash.value)
        now = self._monotonic()
        return Flight(
            signature=signed.signature,
            wire=signed.wire,
            last_valid_block_height=moment.blockhash.last_valid_block_height,
            shown=shown,
            clock_ms=moment.clock_ms,
            signed_at=now,
            sent_at=now,
        )

    def _transaction(self, budget: Budget, batches: Sequence[Batch], blockhash: Hash) -> Signed:
        datas = [publish_data(epoch=self._epoch, base_ms=batch.base_ms, updates=batch.updates) for batch in batches]
        return self._molds.sign(budget, datas, blockhash)

    def _use(self, version: Format) -> None:
        """Publish in transactions of this version."""
        like = publish(self._program, self._publisher.pubkey, self._board, epoch=0, base_ms=0, updates=())
        self._molds = Molds(version, like, self._signers)
        self._room = self._measured_room(version.max_bytes)

    def _measured_room(self, max_bytes: int) -> Room:
        """From real transactions with one and two instructions, of so many entries that their length takes 2 bytes."""
        entries = [FeedUpdate(index, FeedState()) for index in range(128 // ENTRY_LEN)]
        batch, payload = Batch(NEVER, entries), ENTRY_LEN * len(entries)
        one, two = (len(self._transaction(TRIAL, [batch] * count, Hash.default()).wire) for count in (1, 2))
        instruction = two - one - payload
        return Room(space=max_bytes - one + instruction + payload, instruction=instruction)

    async def _cluster_has_v1(self) -> bool:
        feature = await self._rpc.account(V1_FEATURE)
        return feature is not None and feature.data[:1] == b"\x01"

    async def _recheck(self) -> None:
        """After a refusal: hold prices, which would only burn fees, unless the board takes them as it now is."""
        self.held = "The board refused the last ones."
        try:
            await self._check_terms(await self._view())
        except PermanentError as error:
            self.held = str(error)
            raise

    async def _check_terms(self, view: BoardView) -> None:
        """Take over the board's epoch and measure the cost, if we are its publisher and our slots are still ours."""
        if view.board.header.publisher != self._publisher.pubkey:
            raise PermanentError(
                f"Board {self.address} takes prices from {view.board.header.publisher} and not from our key "
                f"{self._publisher.address}: set keys.publisher to that key's file, or use another board.index."
            )
        if view.indexes(list(self._indexes)) != self._indexes:
            raise PermanentError(f"Slots of board {self.address} were given to other markets: restart the relayer.")
        self._epoch = view.board.header.epoch
        self._cost = await self._measured_cost()
        self.held = None

    async def _measured_cost(self) -> PublishCost:
        indexes = list(self._indexes.values())[:_TRIAL_ENTRIES]
        one = await self._simulated(indexes[:1])
        return publish_cost(one, await self._simulated(indexes), len(indexes))

    async def _simulated(self, indexes: Sequence[int]) -> Simulation:
        moment = self._terms.now()
        batch = Batch(moment.clock_ms, [FeedUpdate(index, FeedState(as_of_ms=moment.clock_ms)) for index in indexes])
        trial = self._transaction(TRIAL, [batch], moment.blockhash.value)
        simulation = await self._rpc.simulate(trial.wire, min_slot=moment.blockhash.slot)
        if simulation.err is not None:
            raise refusal(simulation, wire=trial.wire, purpose="publish", oracle_program=self._program)
        return simulation

    async def _complete_board(self, markets: Sequence[MarketId]) -> BoardView:
        view = await read_board(self._rpc, self._program, self._board)
        if view is None:
            authority = self._needed_authority("does not exist", "relayer board init")
            instructions = await making(
                self._rpc,
                program=self._program,
                address=self._board,
                authority=authority.pubkey,
                publisher=self._publisher.pubkey,
                settings=self._settings,
            )
            await self._sender.run(instructions, [authority], purpose="board")
            view = await self._view()
        listed = view.indexes(markets)
        missing = [market for market in markets if market not in listed]
        if not missing:
            return view
        names = " ".join(map(str, missing))
        authority = self._needed_authority(f"does not list {names}", f"relayer board add {names}")
        for instructions in listing(self._program, authority.pubkey, view, missing):
            await self._sender.run(instructions, [authority], purpose="board")
        return await self._view(showing=markets)

    async def _view(self, *, showing: Sequence[MarketId] = ()) -> BoardView:
        """The board, once the endpoint asked shows it with these markets: it may lag behind the one we wrote to."""
        for _ in range(_READ_TRIES):
            view = await read_board(self._rpc, self._program, self._board)
            if view is not None and len(view.indexes(showing)) == len(set(showing)):
                return view
            await self._sleep(self._cluster.poll_s)
        raise TransientError(f"Board {self.address} does not show what was confirmed: try another RPC endpoint.")

    def _needed_authority(self, lack: str, command: str) -> Signer:
        if self._authority is None:
            raise PermanentError(self._lacking(lack, command))
        return self._authority

    def _lacking(self, lack: str, command: str) -> str:
        return (
            f"Board {self.address} {lack}: run `{command}` with the authority's key, or set keys.authority to its file."
        )


def authority_of(settings: BoardSettings, authority: Signer | None) -> Pubkey:
    """Whose board it is. Raises UsageError if nobody says so, or the settings contradict the key."""
    if authority is None and settings.authority is None:
        raise UsageError(
            "The board's authority is not known: set board.authority to its address, or keys.authority to its key file."
        )
    if authority is not None and settings.authority not in (None, authority.address):
        raise UsageError(
            f"board.authority is {settings.authority} but keys.authority is the key of {authority.address}: "
            "correct one of them. Of a board that has changed hands board.authority stays its maker: leave "
            "keys.authority out, and list markets with `relayer board add`."
        )
    return authority.pubkey if authority else Pubkey.from_string(str(settings.authority))
