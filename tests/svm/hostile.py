"""A committee that trusts a hostile program in PNP's place, with a market forged there."""

from __future__ import annotations

from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from relayer.chain.programs import committee as committees
from relayer.chain.programs import pnp
from relayer.chain.programs.committee import OnPnp
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.svm.chain import TEST_PROGRAMS, Chain, Sent
from tests.svm.court import Court, docket
from tests.svm.exchange import END_S, Exchange


class Hostile:
    """A committee that trusts a hostile program, with a market forged there."""

    def __init__(self, chain: Chain, kind: PnpKind = PnpKind.V2, *, pnp_as_metadata: bool = False) -> None:
        self.chain, self.program = chain, Keypair().pubkey()
        chain.svm.add_program(self.program, (TEST_PROGRAMS / "hostile_pnp.so").read_bytes())
        self.exchange = Exchange(chain)
        self.metadata_program = self.exchange.id if pnp_as_metadata else pnp.METADATA_PROGRAM
        self.court = Court(chain, size=1, threshold=1, pnp_program=self.program, metadata_program=self.metadata_program)
        real = docket(self.court, self.exchange, kind)
        self.real = real
        forged = pnp.market_address(self.program, kind, 0)
        chain.put(forged, chain.data(real.address), self.program)
        chain.put(pnp.extension_address(self.program, kind, 0), chain.data(real.extension), self.program)
        market = pnp.decode_market(forged, chain.data(forged), self.court.settler())
        self.subject = OnPnp(self.program, market)
        assert self.court.open(self.subject).error is None
        assert self.court.attest(self.court.members[0], self.subject, Outcome.YES).error is None
        if kind is PnpKind.V2:
            oracle = self.exchange.global_oracle
            chain.ok(pnp.set_market_resolvable_v2(self.exchange.id, oracle.pubkey(), real.market), oracle)
        chain.set_time(END_S)

    def settle(self, deed: int, target: Pubkey | None = None) -> object:
        """What becomes of a settlement; `target` is the program that gets the signature passed on."""
        self._bid(deed, target)
        made = committees.settle(self.chain.oracle, self.chain.payer.pubkey(), self.court.address, self.subject)
        accounts = list(made.accounts)
        if target is not None:
            accounts[5] = AccountMeta(target, False, False)
        return self.chain.send(Instruction(made.program_id, made.data, accounts)).error

    def activate(self, deed: int, owner: Pubkey | None = None) -> Sent:
        """What becomes of the activation of a P2P market; `owner` is the program that the settler is given to."""
        self._bid(deed, owner)
        member = self.court.members[0]
        made = committees.activate(
            self.chain.oracle,
            member.pubkey(),
            self.court.address,
            self.subject,
            metadata_program=pnp.METADATA_PROGRAM,
            advance=0,
        )
        accounts = list(made.accounts)
        accounts[6] = AccountMeta(SYSTEM_PROGRAM, False, False)  # at hand for the deed
        return self.chain.send(Instruction(made.program_id, made.data, accounts), member)

    def assault(self, places: dict[int, Pubkey]) -> Sent:
        """What becomes of a V2 activation in which the program is to settle the real market, for NO.

        `places` are accounts that stand in PNP's list, which begins with the authority, instead of the right ones.
        """
        member = self.court.members[0]
        made = committees.activate(
            self.chain.oracle,
            member.pubkey(),
            self.court.address,
            self.subject,
            metadata_program=self.metadata_program,
            advance=0,
        )
        accounts = made.accounts[:4] + self.smuggle(made.accounts[4:], places)
        return self.chain.send(Instruction(made.program_id, made.data, accounts), member)

    def smuggle(self, accounts: list[AccountMeta], places: dict[int, Pubkey]) -> list[AccountMeta]:
        """The accounts of a V2 activation with the real PNP's config, extension and program in unchecked places."""
        real = {1: pnp.global_config_address(self.exchange.id), 3: self.real.extension, 7: self.exchange.id}
        instead = real | places
        return [
            AccountMeta(instead.get(at, meta.pubkey), meta.is_signer, meta.is_writable)
            for at, meta in enumerate(accounts)
        ]

    def _bid(self, deed: int, target: Pubkey | None = None) -> None:
        config = pnp.global_config_address(self.program)
        self.chain.put(config, bytes([deed]) + bytes(target or Pubkey.default()), self.program)
