"""A market under judgement, with a second committee and a second market beside it to mix it up with."""

from __future__ import annotations

from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs import committee as committees
from relayer.chain.programs import pnp
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.svm.chain import Chain
from tests.svm.court import CHALLENGE_S, EVIDENCE, Court, docket
from tests.svm.exchange import END_S, Exchange


class Case:
    """A market under judgement, proposed YES by three of five, and a second committee beside it."""

    def __init__(self, chain: Chain, kind: PnpKind = PnpKind.V2) -> None:
        self.chain = chain
        self.exchange = Exchange(chain)
        self.court = Court(chain, pnp_program=self.exchange.id)
        self.other = Court(chain, pnp_program=self.exchange.id)
        self.subject, self.second = (docket(self.court, self.exchange, kind) for _ in range(2))
        self.member, self.caller = self.court.members[0], chain.funded()
        assert self.court.open(self.subject).error is None

    def propose(self) -> None:
        assert self.court.activate(self.member, self.subject).error is None
        for member in self.court.members[:3]:
            assert self.court.attest(member, self.subject, Outcome.YES).error is None
        self.chain.set_time(END_S)

    def finish(self) -> None:
        self.chain.set_time(END_S + CHALLENGE_S)
        assert self.court.settle(self.caller, self.subject).error is None

    def swap(self, made: Instruction, at: int, key: Pubkey) -> int | None:
        """The refusal when another account stands in one place."""
        meta = made.accounts[at]
        return self.refusal(made, at, AccountMeta(key, meta.is_signer, meta.is_writable))

    def refusal(self, made: Instruction, at: int, meta: AccountMeta) -> int | None:
        accounts = list(made.accounts)
        accounts[at] = meta
        signers = [key for key in (self.member, self.caller) if any(signs(account, key) for account in accounts)]
        return self.chain.send(Instruction(made.program_id, made.data, accounts), *signers).custom

    def copy(self, address: Pubkey, owner: Pubkey, *, flip: int | None = None, keep: int | None = None) -> Pubkey:
        """The same bytes elsewhere, under another owner, with one byte changed or cut short."""
        data = bytearray(self.chain.data(address))
        if flip is not None:
            data[flip] ^= 1
        key = Keypair().pubkey()
        self.chain.put(key, bytes(data[:keep]), owner)
        return key


def signs(meta: AccountMeta, key: Keypair) -> bool:
    return meta.is_signer and meta.pubkey == key.pubkey()


def attest(case: Case) -> Instruction:
    return committees.attest(
        case.chain.oracle,
        case.member.pubkey(),
        case.court.address,
        case.subject,
        outcome=Outcome.YES,
        evidence_hash=EVIDENCE,
    )


def accept(case: Case) -> Instruction:
    return committees.accept(case.chain.oracle, case.member.pubkey(), case.court.address, case.subject)


def flag(case: Case) -> Instruction:
    return committees.flag(case.chain.oracle, case.member.pubkey(), case.court.address, case.subject, reason=b"")


def activate(case: Case) -> Instruction:
    return committees.activate(
        case.chain.oracle,
        case.member.pubkey(),
        case.court.address,
        case.subject,
        metadata_program=pnp.METADATA_PROGRAM,
        advance=committees.ACTIVATION_ADVANCE,
    )


def settle(case: Case) -> Instruction:
    return committees.settle(case.chain.oracle, case.caller.pubkey(), case.court.address, case.subject)
