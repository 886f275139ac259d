"""Moves on boards, each expected of the model and compared with it."""

from __future__ import annotations

import struct

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from relayer.chain.programs import board as boards
from tests.svm.model import EPOCHS, NOBODY, BoardModel, Entry
from tests.svm.walk.world import World

CAPACITIES = [6, 6, 6, 1, 300]
"""300 feeds take two calls."""
INDICES = 3
"""So many boards an authority may make."""


class Boards:
    def __init__(self, world: World) -> None:
        self.world, self.chance, self.program = world, world.chance, world.chain.oracle
        self.models: dict[Pubkey, BoardModel] = {}
        self.makers = world.keys[:2]
        self.init()

    def init(self) -> None:
        maker, index = self.chance.choice(self.makers), self.chance.randrange(INDICES)
        address, publisher = boards.board_address(self.program, maker, index), self.chance.choice(self.world.keys)
        model = self.models.get(address)
        capacity = model.capacity if model and self.chance.random() < 0.8 else self.chance.choice(CAPACITIES)
        made = boards.init_board(
            self.program, maker, index=index, capacity=capacity, publisher=publisher, name=f"board {index}"
        )
        if model is None:
            growing = boards.init_calls(capacity) - 1
            self.models[address] = BoardModel(maker, publisher, capacity, growing)
            self.world.attempt("init_board", made, lambda: None, self.world.actors[maker])
        else:
            self.world.attempt("extend_board", made, lambda: model.extend(maker, capacity), self.world.actors[maker])
        self.compare(address)

    def some(self) -> tuple[Pubkey, BoardModel]:
        """Seldom a closed one."""
        address = self.chance.choice(list(self.models))
        if self.models[address].closed and self.chance.random() < 0.9:
            address = self.chance.choice(list(self.models))
        return address, self.models[address]

    def publish(self) -> None:
        (address, model), chance, now = self.some(), self.chance, self.world.now
        signer = self.world.someone(model.publisher)
        ahead = chance.choice([0, 0, 0, 0, 0, 0, 1, -1, 2**31 - 1, 2**31])
        epoch = (model.epoch + ahead) % EPOCHS
        base = now * 1000 + chance.choice([0, 0, -500, 4_000, 9_000])
        entries = [self.entry() for _ in range(chance.randrange(5))]
        data = struct.pack("<BBHIQQ", 2, 0, len(entries), epoch, 0, base) + b"".join(map(packed, entries))
        accounts = [AccountMeta(signer.pubkey(), True, False), AccountMeta(address, False, True)]
        made = Instruction(self.program, data, accounts)
        self.world.attempt(
            "publish", made, lambda: model.publish(signer.pubkey(), epoch, base, entries, now * 1000), signer
        )
        self.compare(address)

    def entry(self) -> Entry:
        chance = self.chance
        return Entry(
            index=chance.choice([0, 1, 2, 3, 4, 5, 6, 65_535]),
            bid=chance.choice([0, 100, 5_000, 10_000, 10_001]),
            ask=chance.choice([100, 5_000, 10_000, 10_000, 10_001]),
            last=chance.choice([0, 5_000, 10_000, 10_001]),
            status=chance.choice([0, 2, 8, 9]),
            size=chance.randrange(256),
            age=chance.choice([0, 1, 7, 300, 65_535]),
        )

    def list(self) -> None:
        (address, model), chance = self.some(), self.chance
        signer = self.world.someone(model.authority)
        feeds = [(chance.randrange(7), chance.randbytes(32)) for _ in range(chance.randrange(3))]
        if chance.random() < 0.4:
            feeds = [(len(model.slots), chance.randbytes(32))]
        made = boards.list_feeds(self.program, signer.pubkey(), address, feeds)
        self.world.attempt("list_feeds", made, lambda: model.list(signer.pubkey(), feeds), signer)
        self.compare(address)

    def retire(self) -> None:
        address, model = self.some()
        signer = self.world.someone(model.authority)
        indices = [self.chance.randrange(len(model.slots) + 1) for _ in range(self.chance.randrange(3))]
        made = boards.retire_feeds(self.program, signer.pubkey(), address, indices)
        self.world.attempt("retire_feed", made, lambda: model.retire(signer.pubkey(), indices), signer)
        self.compare(address)

    def propose(self) -> None:
        address, model = self.some()
        signer, proposed = self.world.someone(model.authority), self.chance.choice([*self.world.keys, NOBODY])
        made = boards.propose_authority(self.program, signer.pubkey(), address, proposed)
        self.world.attempt("propose_authority", made, lambda: model.propose(signer.pubkey(), proposed), signer)
        self.compare(address)

    def accept(self) -> None:
        address, model = self.some()
        signer = self.world.someone(model.pending)
        made = boards.accept_authority(self.program, signer.pubkey(), address)
        self.world.attempt("accept_authority", made, lambda: model.accept(signer.pubkey()), signer)
        self.compare(address)

    def set_publisher(self) -> None:
        address, model = self.some()
        signer, publisher = self.world.someone(model.authority), self.chance.choice(self.world.keys)
        made = boards.set_publisher(self.program, signer.pubkey(), address, publisher)
        self.world.attempt("set_publisher", made, lambda: model.set_publisher(signer.pubkey(), publisher), signer)
        self.compare(address)

    def anchor(self) -> None:
        (address, model), head = self.some(), self.chance.randbytes(32)
        signer = self.world.someone(model.publisher)
        made = boards.anchor(self.program, signer.pubkey(), address, head)
        self.world.attempt("anchor", made, lambda: model.anchor(signer.pubkey(), head), signer)
        self.compare(address)

    def close(self) -> None:
        """Seldom, as an address never comes back."""
        address, model = self.some()
        if self.chance.random() < 0.9:
            return
        signer = self.world.someone(model.authority)
        made = boards.close_board(self.program, signer.pubkey(), address)
        self.world.attempt("close_board", made, lambda: model.close(signer.pubkey()), signer)
        self.compare(address)

    def donate(self) -> None:
        self.world.donate(self.some()[0], self.chance.choice([1, 10**6]))

    def compare(self, address: Pubkey) -> None:
        data, model = self.world.chain.data(address), self.models[address]
        if model.closed:
            assert len(data) == 8
            return
        board = boards.decode_board(data)
        header = board.header
        assert (header.authority, header.pending_authority or NOBODY) == (model.authority, model.pending)
        assert (header.publisher, header.epoch, header.updates) == (model.publisher, model.epoch, model.updates)
        assert (header.tape_head, header.last_publish_ms) == (model.tape_head, model.last_publish)
        ids_data = self.world.chain.data(boards.ids_address(self.program, address))
        full = len(data) == boards.board_len(model.capacity) and len(ids_data) == boards.ids_len(model.capacity)
        assert full is not bool(model.growing)
        self.compare_slots(board, boards.decode_ids(ids_data, header.length), model)

    @staticmethod
    def compare_slots(board: boards.Board, ids: tuple[boards.ListedFeed, ...], model: BoardModel) -> None:
        assert [feed.feed_id for feed in ids] == model.ids
        for shown, listed, slot in zip(board.slots, ids, model.slots, strict=True):
            assert shown.generation == listed.generation == slot.generation
            assert (shown.updates, shown.state is None) == (slot.updates, slot.retired)
            if shown.state is not None:
                state = shown.state
                assert (state.bid, state.ask, state.last, state.status, state.size_bits) == slot.values
                assert state.as_of_ms == slot.as_of


def packed(entry: Entry) -> bytes:
    return struct.pack("<HHHBBHH", entry.bid, entry.ask, entry.last, entry.status, entry.size, entry.index, entry.age)
