"""One cluster for a random walk: its clock, its people, and how a transaction is sent, expected and counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from tests.svm.chain import START_S, Chain, Sent
from tests.svm.exchange import Exchange
from tests.svm.model import DAY_S, Refused
from tests.svm.walk.watch import Watch

WAITS_S = {1: 20, 20: 20, 150: 20, 700: 20, 30 * DAY_S: 3, 190 * DAY_S: 2}
"""With their weights."""


class World:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.chain = Chain()
        self.now = START_S
        self.exchange = Exchange(self.chain)
        self.actors = {key.pubkey(): key for key in (self.chain.funded() for _ in range(9))}
        self.keys = list(self.actors)
        self.met: Counter[str] = Counter()
        """Instructions that succeeded, by name; refusals, by name and number; states that files came to."""
        self.sent = 0
        self.watch = Watch(self.chain)

    def someone(self, *likely: Pubkey) -> Keypair:
        """Mostly one of the likely ones."""
        known = [key for key in likely if key in self.actors]
        if known and self.chance.random() < 0.75:
            return self.actors[self.chance.choice(known)]
        return self.actors[self.chance.choice(list(self.actors))]

    def wait(self) -> None:
        [wait_s] = self.chance.choices(list(WAITS_S), list(WAITS_S.values()))
        self.set_time(self.now + wait_s)

    def set_time(self, now: int) -> None:
        self.now = now
        self.chain.set_time(now)

    def attempt(self, name: str, made: Instruction, expect: Callable[[], int | None], *signers: Keypair) -> bool:
        """Send it and demand the model's answer: a refusal, or the first signer's gain. Now and then unsigned first."""
        if len(signers) == 1 and self.chance.random() < 0.03:
            self._refuse_unsigned(name, made)
        try:
            gain, number = expect(), None
        except Refused as refused:
            gain, number = None, refused.number
        before = [self.balance(signer.pubkey()) for signer in signers[:1]]
        sent = self.send(name, made, *signers)
        assert sent.custom == number, (name, sent.error, number, sent.logs)
        assert (sent.error is None) == (number is None), (name, sent.error, sent.logs)
        if gain is not None:
            assert self.balance(signers[0].pubkey()) - before[0] == gain, "lamports of the first signer"
        return number is None

    def _refuse_unsigned(self, name: str, made: Instruction) -> None:
        unsigned = [AccountMeta(meta.pubkey, False, meta.is_writable) for meta in made.accounts]
        assert self.send(name, Instruction(made.program_id, made.data, unsigned)).custom == 6002

    def send(self, name: str, made: Instruction, *signers: Keypair) -> Sent:
        """One transaction, under the eyes of the watch."""
        self.sent += 1
        sent = self.watch.send(made, signers, self.now)
        self.met[name if sent.error is None else f"{name} {sent.custom}"] += 1
        return sent

    def donate(self, to: Pubkey, lamports: int) -> None:
        giver = self.someone()
        made = transfer(TransferParams(from_pubkey=giver.pubkey(), to_pubkey=to, lamports=lamports))
        assert self.send("donate", made, giver).error is None

    def balance(self, key: Pubkey) -> int:
        return self.chain.svm.get_balance(key) or 0
