"""A committee with its members, and markets that name it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs import committee as committees
from relayer.chain.programs import pnp
from relayer.chain.programs.committee import Committee, OnPnp, Resolution
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.svm.chain import Chain, Sent
from tests.svm.exchange import Exchange

CHALLENGE_S = 600
SAFETY_S = 300
REWARD = 2_000_000
DEPOSIT = 200_000_000
SPEC = b'{"kind":"outcome","market":"kalshi:KXTEST"}'
EVIDENCE = hashlib.sha256(b"evidence").digest()


class Court:
    def __init__(
        self,
        chain: Chain,
        *,
        size: int = 5,
        threshold: int = 3,
        pnp_program: Pubkey | None = None,
        metadata_program: Pubkey = pnp.METADATA_PROGRAM,
        reward: int = REWARD,
    ) -> None:
        self.chain, self.program = chain, chain.oracle
        self.creator = chain.funded()
        self.members = [chain.funded() for _ in range(size)]
        self.address = committees.committee_address(self.program, self.creator.pubkey(), 0)
        chain.ok(
            committees.init_committee(
                self.program,
                self.creator.pubkey(),
                index=0,
                members=[member.pubkey() for member in self.members],
                threshold=threshold,
                challenge_s=CHALLENGE_S,
                safety_s=SAFETY_S,
                reward=reward,
                pnp_program=pnp_program,
                metadata_program=metadata_program,
            ),
            self.creator,
        )

    def settler(self, spec: bytes = SPEC) -> Pubkey:
        return committees.settler_address(self.program, self.address, hashlib.sha256(spec).digest())

    def committee(self) -> Committee:
        return committees.decode_committee(self.chain.data(self.address))

    def resolution_address(self, subject: Pubkey | OnPnp) -> Pubkey:
        key = subject.address if isinstance(subject, OnPnp) else subject
        return committees.resolution_address(self.program, self.address, key)

    def resolution(self, subject: Pubkey | OnPnp) -> Resolution:
        return committees.decode_resolution(self.chain.data(self.resolution_address(subject)))

    def open(
        self, subject: Pubkey | OnPnp, *, opener: Keypair | None = None, spec: bytes = SPEC, deposit: int = DEPOSIT
    ) -> Sent:
        payer = opener or self.creator
        made = committees.open_resolution(
            self.program, payer.pubkey(), self.address, subject, spec=spec, deposit=deposit
        )
        return self.chain.send(made, payer)

    def accept(self, member: Keypair, subject: Pubkey | OnPnp) -> Sent:
        return self.chain.send(committees.accept(self.program, member.pubkey(), self.address, subject), member)

    def attest(self, member: Keypair, subject: Pubkey | OnPnp, outcome: Outcome) -> Sent:
        vote = committees.attest(
            self.program, member.pubkey(), self.address, subject, outcome=outcome, evidence_hash=EVIDENCE
        )
        return self.chain.send(vote, member)

    def flag(self, member: Keypair, subject: Pubkey | OnPnp) -> Sent:
        flagged = committees.flag(self.program, member.pubkey(), self.address, subject, reason=b"doubt")
        return self.chain.send(flagged, member)

    def activate(self, member: Keypair, subject: OnPnp) -> Sent:
        made = committees.activate(
            self.program,
            member.pubkey(),
            self.address,
            subject,
            metadata_program=pnp.METADATA_PROGRAM,
            advance=committees.ACTIVATION_ADVANCE,
        )
        return self.chain.send(made, member)

    def settle(self, caller: Keypair, subject: Pubkey | OnPnp) -> Sent:
        return self.chain.send(committees.settle(self.program, caller.pubkey(), self.address, subject), caller)

    def replace(
        self, leaver: Pubkey, newcomer: Pubkey, signers: Sequence[Keypair], files: Sequence[Pubkey] = ()
    ) -> Sent:
        keys = [signer.pubkey() for signer in signers]
        made = committees.replace_member(
            self.program, self.address, leaver=leaver, newcomer=newcomer, signers=keys, files=files
        )
        return self.chain.send(made, *signers)

    def close(self, subject: Pubkey | OnPnp, *, opener: Pubkey | None = None) -> Sent:
        made = committees.close_resolution(self.program, self.address, subject, opener=opener or self.creator.pubkey())
        return self.chain.send(made)


def docket(court: Court, exchange: Exchange, kind: PnpKind, *, spec: bytes = SPEC) -> OnPnp:
    """A new market that commits to the court and the spec."""
    address = exchange.create(kind, court.settler(spec))
    return OnPnp(exchange.id, exchange.market(address, kind))


def global_settle(exchange: Exchange, subject: OnPnp, winner: Outcome) -> Sent:
    """PNP's global oracle settles over the committee's head."""
    make = pnp.settle_market_v2 if subject.market.kind is PnpKind.V2 else pnp.settle_market_v3
    oracle = exchange.global_oracle
    return exchange.chain.send(make(exchange.id, oracle.pubkey(), subject.market, winner), oracle)
