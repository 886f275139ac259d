"""What every instruction and account of the program costs, measured on the SVM.

`python -m tests.svm.costs` writes the tables into `docs/on-chain-costs.md`, between their marks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs import board as boards
from relayer.chain.programs import committee as committees
from relayer.chain.programs import pnp
from relayer.chain.programs.committee import OnPnp
from relayer.domain.board import FeedUpdate
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.svm.chain import PROGRAMS, Chain
from tests.svm.court import CHALLENGE_S, DEPOSIT, EVIDENCE, REWARD, SAFETY_S, Court, docket
from tests.svm.exchange import END_S, Exchange
from tests.svm.rig import NOW_MS, STATE, Rig, grow_rig, make_rig

FILE = Path(__file__).resolve().parents[2] / "docs" / "on-chain-costs.md"
BEGIN, END = "<!-- measured -->", "<!-- end -->"
ROUNDS = 10
SPEC = b"x" * 300
"""As long as a spec usually is."""


IDL = json.loads((PROGRAMS / "oracle.json").read_text())


@dataclass(frozen=True)
class Cost:
    instruction: str
    case: str
    units: int
    data: int
    """Bytes of the instruction's data."""
    accounts: int


@dataclass(frozen=True)
class Held:
    """What an account holds: bytes, and lamports of rent."""

    account: str
    length: int
    rent: int
    returned: str


class Meter:
    def __init__(self, chain: Chain, program: Pubkey) -> None:
        self.chain, self.program = chain, program
        self.costs: list[Cost] = []

    def send(self, name: str, case: str, made: Instruction, *signers: Keypair) -> None:
        logs = self.chain.ok(made, *signers).logs
        consumed = re.search(rf"Program {self.program} consumed (\d+) of", "\n".join(logs))
        assert consumed is not None
        self.costs.append(Cost(name, case, int(consumed[1]), len(made.data), len(made.accounts)))


def board_costs(meter: Meter) -> None:
    chain = meter.chain
    program, authority, publisher, buyer = chain.oracle, chain.funded(), Keypair(), chain.funded()
    key = authority.pubkey()
    init = boards.init_board(program, key, index=0, capacity=64, publisher=publisher.pubkey(), name="costs")
    meter.send("init_board", "64 feeds", init, authority)
    board = boards.board_address(program, key, 0)
    listed = [(index, index.to_bytes(32, "little")) for index in range(64)]
    for at in range(0, 60, 20):
        chain.ok(boards.list_feeds(program, key, board, listed[at : at + 20]), authority)
    meter.send("list_feeds", "1 feed", boards.list_feeds(program, key, board, listed[60:61]), authority)
    more = grow_rig(chain, authority, publisher, capacity=64, index=1)
    meter.send("list_feeds", "20 feeds", boards.list_feeds(program, key, more.board, listed[:20]), authority)
    rig = Rig(chain, authority, publisher, board)
    for step, count in enumerate((1, 10, 60)):
        base_ms = NOW_MS + 10 * step
        updates = [FeedUpdate(index, STATE) for index in range(count)]
        meter.send("publish", entries(count), rig.publish(*updates, base_ms=base_ms), publisher)
    meter.send("retire_feed", "1 feed", boards.retire_feeds(program, key, board, [0]), authority)
    meter.send("propose_authority", "", boards.propose_authority(program, key, board, buyer.pubkey()), authority)
    meter.send("accept_authority", "", boards.accept_authority(program, buyer.pubkey(), board), buyer)
    meter.send("set_publisher", "", boards.set_publisher(program, buyer.pubkey(), board, publisher.pubkey()), buyer)
    meter.send("anchor", "", boards.anchor(program, publisher.pubkey(), board, EVIDENCE), publisher)
    meter.send("close_board", "64 feeds", boards.close_board(program, buyer.pubkey(), board), buyer)


def entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def court_costs(meter: Meter) -> None:
    chain = meter.chain
    creator, members = chain.funded(), [chain.funded() for _ in range(5)]
    made = committees.init_committee(
        chain.oracle,
        creator.pubkey(),
        index=0,
        members=[member.pubkey() for member in members],
        threshold=3,
        challenge_s=CHALLENGE_S,
        safety_s=SAFETY_S,
        reward=REWARD,
    )
    meter.send("init_committee", "5 members", made, creator)
    committee, seats = made.accounts[1].pubkey, members[:3]
    replaced = committees.replace_member(
        chain.oracle,
        committee,
        leaver=members[4].pubkey(),
        newcomer=chain.funded().pubkey(),
        signers=[seat.pubkey() for seat in seats],
    )
    meter.send("replace_member", "3 of 5 sign", replaced, *seats)


def market_costs(meter: Meter, kind: PnpKind) -> None:
    """One market's file from its opening to its closing."""
    chain, program, case = meter.chain, meter.program, kind.name
    exchange = Exchange(chain)
    court = Court(chain, pnp_program=exchange.id)
    subject = docket(court, exchange, kind, spec=SPEC)
    opener, member = court.creator, court.members[0]
    who = member.pubkey(), court.address, subject
    opened = committees.open_resolution(program, opener.pubkey(), court.address, subject, spec=SPEC, deposit=DEPOSIT)
    meter.send("open", case, opened, opener)
    advance = committees.ACTIVATION_ADVANCE if kind is PnpKind.V2 else 0
    activated = committees.activate(program, *who, metadata_program=pnp.METADATA_PROGRAM, advance=advance)
    meter.send("activate", case, activated, member)
    if kind is PnpKind.V2:
        meter.send("accept", "", committees.accept(program, *who), member)
        meter.send("flag", "", committees.flag(program, *who, reason=b"doubt"), member)
    vote_all(meter, court, subject, of=case if kind is PnpKind.V2 else None)
    chain.set_time(END_S + CHALLENGE_S)
    caller = chain.funded()
    meter.send("settle", case, committees.settle(program, caller.pubkey(), court.address, subject), caller)
    chain.set_time(END_S + CHALLENGE_S + committees.RETENTION_S)
    closed = committees.close_resolution(program, court.address, subject, opener=opener.pubkey())
    meter.send("close_resolution", case, closed)


def vote_all(meter: Meter, court: Court, subject: OnPnp | Pubkey, *, of: str | None) -> None:
    """Three votes; the first and the one that reaches the threshold are measured where a case is named."""
    for place, member in enumerate(court.members[:3]):
        vote = committees.attest(
            meter.program, member.pubkey(), court.address, subject, outcome=Outcome.YES, evidence_hash=EVIDENCE
        )
        if of is None or place == 1:
            meter.chain.ok(vote, member)
        else:
            meter.send("attest", "the first vote" if place == 0 else "reaching the threshold", vote, member)


def generic_costs(meter: Meter) -> None:
    chain, program = meter.chain, meter.program
    court = Court(chain)
    question = committees.generic_subject(SPEC)
    opener = court.creator
    opened = committees.open_resolution(program, opener.pubkey(), court.address, question, spec=SPEC, deposit=0)
    meter.send("open", "generic", opened, opener)
    vote_all(meter, court, question, of=None)
    chain.set_time(END_S + 2 * CHALLENGE_S + committees.RETENTION_S)
    caller = chain.funded()
    meter.send("settle", "generic", committees.settle(program, caller.pubkey(), court.address, question), caller)


def measure() -> list[Cost]:
    """Everything once, in the order of the program's instructions."""
    chain = Chain()
    meter = Meter(chain, chain.oracle)
    board_costs(meter)
    court_costs(meter)
    market_costs(meter, PnpKind.V2)
    meter = carried(meter)
    market_costs(meter, PnpKind.V3)
    meter = carried(meter)
    generic_costs(meter)
    order = [one["name"] for one in IDL["instructions"]]
    return sorted(meter.costs, key=lambda cost: order.index(cost.instruction))


def lowest(rounds: int) -> list[Cost]:
    """Of several rounds, whose keys differ: finding an address takes more tries in some."""
    return [min(same, key=lambda cost: cost.units) for same in zip(*(measure() for _ in range(rounds)), strict=True)]


def carried(meter: Meter) -> Meter:
    """The same list on a new chain, whose clock begins anew."""
    chain = Chain()
    fresh = Meter(chain, chain.oracle)
    fresh.costs = meter.costs
    return fresh


def holdings() -> Iterator[Held]:
    chain = Chain()
    rent = chain.svm.minimum_balance_for_rent_exemption
    for capacity in (64, 1_024):
        rig = make_rig(chain, capacity=capacity, feeds=0)
        for name, address in (("board", rig.board), ("its ids", boards.ids_address(chain.oracle, rig.board))):
            length = len(chain.data(address))
            yield Held(f"{name} of {capacity:,} feeds", length, rent(length), "when the board is closed")
    court = Court(chain)
    length = len(chain.data(court.address))
    yield Held("committee", length, rent(length), "never")
    question = committees.generic_subject(SPEC)
    assert court.open(question, spec=SPEC).error is None
    length = len(chain.data(court.resolution_address(question)))
    yield Held("resolution with a spec of 300 bytes", length, rent(length), "when closed; of a generic one never")
    yield Held("tombstone of a closed board", 8, rent(8), "never")


def instruction_rows() -> list[str]:
    head = ["| instruction | | compute units | data, bytes | accounts |", "|---|---|---|---|---|"]
    costs = lowest(ROUNDS)
    return head + [
        f"| `{one.instruction}` | {one.case} | {one.units:,} | {one.data} | {one.accounts} |" for one in costs
    ]


def account_rows() -> list[str]:
    head = ["| account | bytes | rent, lamports | returned |", "|---|---|---|---|"]
    return head + [f"| {one.account} | {one.length:,} | {one.rent:,} | {one.returned} |" for one in holdings()]


def units(tables: str) -> dict[tuple[str, str], int]:
    """The compute units that a table tells, by instruction and case."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| ([\d,]+) \|", tables, re.MULTILINE)
    return {(name, case.strip()): int(number.replace(",", "")) for name, case, number in rows}


def parts(document: str) -> tuple[str, str, str]:
    """What stands before the tables, the tables, and what stands behind them."""
    before, _, rest = document.partition(BEGIN)
    written, _, behind = rest.partition(END)
    return before, written, behind


if __name__ == "__main__":
    before, _, behind = parts(FILE.read_text())
    tables = "\n".join([*instruction_rows(), "", *account_rows()])
    FILE.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{behind}")
