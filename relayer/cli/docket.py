"""What the resolution commands share: the case they are about, its file, and how both are printed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relayer.cli.acting import acting, cluster
from relayer.cli.addresses import address_of
from relayer.cli.steps import carry_out, payer_or, report
from relayer.domain.errors import UsageError
from relayer.domain.markets import MarketId
from relayer.domain.units import rfc3339
from relayer.domain.verdicts import Outcome

if TYPE_CHECKING:
    from solders.instruction import Instruction
    from solders.pubkey import Pubkey

    from relayer.chain.programs.committee import Committee, Resolution, Seat
    from relayer.chain.resolutions import Subject
    from relayer.chain.rpc import Rpc
    from relayer.chain.signer import Signer

File = tuple["Committee", "Subject", "Resolution | None"]


@dataclass(frozen=True)
class Case:
    """One market before one committee."""

    program: Pubkey
    committee: Pubkey
    market: Pubkey
    """Address of a PNP market or, before a generic committee, any key."""

    async def read(self, rpc: Rpc) -> File:
        """Raises PermanentError if the committee or the market is not there."""
        from relayer.chain.resolutions import read_committee, read_resolution, read_subject

        committee = await read_committee(rpc, self.program, self.committee)
        subject = await read_subject(rpc, committee, self.market)
        return committee, subject, await read_resolution(rpc, self.program, self.committee, subject)

    def settler(self, spec_hash: str) -> Pubkey:
        """The oracle that a market of this committee and spec names."""
        from relayer.chain.programs.committee import settler_address

        return settler_address(self.program, self.committee, bytes.fromhex(spec_hash))


@dataclass(frozen=True)
class Options:
    """The options of every command that acts."""

    payer: Path | None
    program: str | None
    config: Path | None
    rpc: list[str] | None
    yes: bool
    dry_run: bool
    as_json: bool


@dataclass(frozen=True)
class Docket:
    """A case's file, open for one act."""

    case: Case
    committee: Committee
    subject: Subject
    resolution: Resolution | None

    def question(self) -> str:
        """What the market asks: its own text on PNP, else that of the spec on chain."""
        from relayer.chain.programs.committee import OnPnp

        if isinstance(self.subject, OnPnp):
            return self.subject.market.question
        return _spec_text(self.resolution) if self.resolution else str(self.subject)


ActOf = Callable[[Docket], tuple["Instruction", list[tuple[str, str]]]]
"""What to sign about a case's file, and how to show it."""


def act_on(committee: str, market: str, signer: Signer, act_of: ActOf, options: Options) -> None:
    """Sign what `act_of` makes of the file, and print the file as it is then. Without a payer the signer pays."""
    settings = cluster(options.config, options.rpc, program=options.program)
    case = Case(address_of(settings.oracle_program), address_of(committee), subject_key(market))

    async def run() -> dict[str, Any]:
        async with acting(settings, payer_or(signer, options.payer, options.config)) as act:
            step, what = act_of(Docket(case, *await case.read(act.rpc)))
            done = await carry_out(
                act,
                [[step]],
                [signer],
                what=[("committee", committee), ("market", market), *what],
                purpose="resolution",
                yes=options.yes,
                dry_run=options.dry_run,
            )
            return {**file_facts(case, await case.read(act.rpc)), "signatures": done}

    report(asyncio.run(run()), as_json=options.as_json)


def subject_key(market: str) -> Pubkey:
    """An address, or the feed id of `venue:ticker`. Raises UsageError for anything else."""
    from solders.pubkey import Pubkey

    if ":" not in market:
        return address_of(market)
    try:
        return Pubkey(MarketId.parse(market).feed_id())
    except ValueError as error:
        raise UsageError(f"{str(error)[0].upper()}{str(error)[1:]}.") from None


def file_facts(case: Case, file: File) -> dict[str, Any]:
    """A case's facts for people and scripts."""
    from relayer.chain.programs.committee import OnPnp

    committee, subject, resolution = file
    facts: dict[str, Any] = {"committee": str(case.committee), "market": str(case.market)}
    if isinstance(subject, OnPnp):
        facts |= {"question": subject.market.question, "market_winner": subject.market.winner}
    if resolution is None:
        return {**facts, "state": "not opened"}
    return {
        **facts,
        "state": resolution.state.name.lower(),
        "spec": _spec_text(resolution),
        "spec_hash": resolution.spec_hash.hex(),
        "votes": {outcome.value: resolution.votes_for(outcome, committee) for outcome in Outcome},
        "threshold": committee.threshold,
        "proposed": resolution.proposed,
        "settle_not_before": _time(_earliest(committee, resolution)) if resolution.proposed else None,
        "winner": resolution.winner,
        "members": [
            _seat(member, seat, present=seat.generation == generation)
            for member, generation, seat in zip(
                committee.members, committee.generations, resolution.seats, strict=False
            )
        ],
    }


def _earliest(committee: Committee, resolution: Resolution) -> int:
    """Seconds: after the challenge period, every flag's safety period and the market's end."""
    return max(resolution.proposed_since + committee.challenge_s, resolution.not_before, resolution.end_time)


def _seat(member: Pubkey, seat: Seat, *, present: bool) -> dict[str, Any]:
    """What a seat's former member did counts no longer."""
    return {
        "member": str(member),
        "accepted": present and seat.accepted,
        "vote": seat.outcome if present else None,
        "evidence": seat.evidence_hash.hex() if present and seat.outcome else None,
        "flagged": present and seat.flagged,
    }


def _time(seconds: int) -> str:
    return rfc3339(seconds * 1000)


def _spec_text(resolution: Resolution) -> str:
    """The canonical spec is JSON; whatever else somebody opened is shown as far as it is text."""
    return resolution.spec.decode(errors="replace")
