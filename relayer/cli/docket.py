"""One market before its committee: what is known of it, what stands against an act, and how it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relayer.cli.addresses import address_of
from relayer.cli.desk import Desk
from relayer.cli.printing import Rows
from relayer.cli.signing import Request, Transactions
from relayer.domain.errors import PermanentError, UsageError
from relayer.domain.pnp import PnpKind
from relayer.domain.units import rfc3339
from relayer.domain.verdicts import Outcome

if TYPE_CHECKING:
    from solders.instruction import Instruction
    from solders.pubkey import Pubkey

    from relayer.chain.programs.committee import Committee, OnPnp, Resolution, Seat
    from relayer.chain.resolutions import Subject
    from relayer.chain.signer import Signer


_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class OfCase:
    """One market before one committee."""

    committee: Annotated[str, typer.Argument(metavar="COMMITTEE", help="The committee's address.")]
    market: Annotated[
        str,
        typer.Argument(
            metavar="MARKET", help="The PNP market's address; before a generic committee the spec's file or its hash."
        ),
    ]

    @property
    def key(self) -> Pubkey:
        """Of the market: a PNP market's address or, before a generic committee, the hash of its spec."""
        from solders.pubkey import Pubkey

        from relayer.cli.judging import load_spec

        if Path(self.market).is_file():
            return Pubkey(bytes.fromhex(load_spec(Path(self.market)).hash))
        return Pubkey(bytes.fromhex(self.market)) if _HASH.fullmatch(self.market) else address_of(self.market)

    async def opened(self, desk: Desk, *, gone: bool = False) -> Docket:
        """Raises PermanentError if the committee is not there, or the market unless it may be `gone`."""
        from relayer.chain.resolutions import read_committee

        address = address_of(self.committee)
        return await _read(desk, self, await read_committee(desk.rpc, desk.program, address), gone=gone)


@dataclass(frozen=True)
class Docket:
    """A case as the chain shows it."""

    desk: Desk
    case: OfCase
    committee: Committee
    subject: Subject
    """A bare key before a generic committee, and of a market that is gone."""
    resolution: Resolution | None

    @property
    def address(self) -> Pubkey:
        """Of the committee."""
        return address_of(self.case.committee)

    @property
    def on_pnp(self) -> OnPnp | None:
        from relayer.chain.programs.committee import OnPnp

        return self.subject if isinstance(self.subject, OnPnp) else None

    def file(self) -> Resolution:
        """Raises PermanentError before the file is opened."""
        if self.resolution is None:
            raise PermanentError(f"Market {self.case.market} has no file yet: run `relayer resolution open` first.")
        return self.resolution

    def undecided(self) -> Resolution:
        """The file; raises PermanentError once it is decided, too."""
        file = self.file()
        if file.state:
            raise PermanentError(f"The file of market {self.case.market} is {self.ending()}: nothing is left to do.")
        return file

    def seat(self, member: Signer) -> Seat | None:
        """The member's part in the file, None for a newcomer's. Raises PermanentError for a stranger."""
        if member.pubkey not in self.committee.members:
            names = ", ".join(map(str, self.committee.members))
            raise PermanentError(
                f"{member.address} is not a member: name the key file of one with --member, of {names}."
            )
        place = self.committee.members.index(member.pubkey)
        seat = self.file().seats[place]
        return seat if seat.generation == self.committee.generations[place] else None

    def question(self) -> str | None:
        """What the market itself asks, None before a generic committee."""
        return self.on_pnp.market.question if self.on_pnp else None

    def difference(self) -> str | None:
        """That the market's text, which traders read, is not that of the spec, which decides; None if it is."""
        asked, decides = self.question(), _text_of(self.file().spec)
        if asked is None or asked == decides:
            return None
        return f"the market asks {asked!r}, but what decides it is {decides!r}."

    def warnings(self) -> Iterator[str]:
        """What a signer must know of an open file."""
        if self.resolution is None:
            return
        if said := self.difference():
            yield said
        if self.settled_elsewhere():
            yield f"{self.settled_elsewhere()}, while the committee has not."

    def settled_elsewhere(self) -> str | None:
        """That PNP shows a winner before the committee has settled; None if it does not."""
        if self.on_pnp is None or not self.on_pnp.market.resolved or self.file().state:
            return None
        return f"somebody else has settled market {self.case.market}, as {(self.on_pnp.market.winner or '?').upper()}"

    def refuse_opening(self, spec_hash: str) -> None:
        """Raises PermanentError where there is a file, or where the market would not take this one."""
        from relayer.chain.programs.committee import settler_address

        if self.resolution is not None:
            raise PermanentError(
                f"Market {self.case.market} has its file, opened {_time(self.resolution.opened_at)}, for good: see "
                "`relayer resolution show`."
            )
        if self.on_pnp is None:
            self._refuse_another_spec(spec_hash)
            return
        settler = settler_address(self.desk.program, self.address, bytes.fromhex(spec_hash))
        market = self.on_pnp.market
        if market.oracle != str(settler):
            raise PermanentError(
                f"Market {self.case.market} names the oracle {market.oracle} and not {settler}, the settler of this "
                "committee and this spec: check both, a market never changes its oracle."
            )
        if market.resolved:
            raise PermanentError(
                f"Market {self.case.market} is settled already, as {market.winner or 'nobody knows what'}."
            )

    def _refuse_another_spec(self, spec_hash: str) -> None:
        """A generic question is named by the hash of its spec, so that nobody can open another under its name."""
        if bytes(self.case.key).hex() != spec_hash:
            raise PermanentError(
                f"{self.case.market} does not name this spec: before a generic committee MARKET is the spec's file or "
                f"its hash, {spec_hash}."
            )

    def refuse_another_question(self, despite: bool) -> None:
        """Raises PermanentError where market and spec ask different things, unless that is known."""
        if not despite and (said := self.difference()):
            raise PermanentError(
                f"Market and spec differ: {said} Nothing was signed. Do not serve it; --despite-question signs "
                "all the same."
            )

    def refuse_settled(self) -> None:
        """Raises PermanentError where there is nothing left to serve."""
        if said := self.settled_elsewhere():
            raise PermanentError(
                f"{said[0].upper()}{said[1:]}: `relayer resolution attest` says whether that is right."
            )

    def rows(self) -> Rows:
        """The case, and what it is about, in both words."""
        rows = [("committee", str(self.address)), ("market", self.case.market)]
        if self.resolution is None:
            return rows
        asked, decides = self.question(), _text_of(self.resolution.spec)
        if asked is not None:
            rows.append(("market asks", asked))
        same = "the same, to the byte" if asked == decides else decides
        return [*rows, ("spec asks", same), ("spec hash", self.resolution.spec_hash.hex())]

    def request(
        self, signers: Mapping[str, Signer], steps: Sequence[Instruction], rows: Rows, warnings: Sequence[str] = ()
    ) -> Request:
        """Have the signers sign one transaction; the file is reported as it is then."""
        keys = list(signers.values())
        work = Transactions([steps], keys, "resolution")
        return Request([*self.rows(), *rows], signers, work, self.facts, [*self.warnings(), *warnings])

    def activatable(self) -> OnPnp:
        """The market that can be made tradeable. Raises PermanentError before a generic committee."""
        if self.on_pnp is None:
            raise PermanentError(
                "A generic resolution has no market to activate: the committee settles on no PNP program."
            )
        return self.on_pnp

    def refuse_foreign_metadata(self) -> None:
        """Raises PermanentError if the advance would go through another metadata program than the cluster's."""
        named, known = self.committee.metadata_program, self.desk.cluster.metadata_program
        if str(named) != known and self.activatable().market.kind is PnpKind.V2:
            raise PermanentError(
                f"The committee names {named} as its metadata program, which would get at the member's advance; this "
                f"cluster's is {known}: take another committee, or set [cluster] metadata_program if you trust it."
            )

    async def refuse_late_activation(self) -> None:
        """Raises PermanentError once PNP does not let the market be activated any more."""
        from relayer.chain.resolutions import activation_ends_s

        ends_s = await activation_ends_s(self.desk.rpc, self.activatable())
        if await self.desk.rpc.cluster_time_ms() > ends_s * 1000:
            raise PermanentError(
                f"PNP let market {self.case.market} be activated until {_time(ends_s)}: make another market."
            )

    async def due(self) -> Outcome:
        """What may be settled now. Raises PermanentError where nothing is, or not yet."""
        proposed, now_s = self._proposed(), await self.desk.rpc.cluster_time_ms() // 1000
        if proposed is None:
            raise PermanentError(
                f"The committee has not decided {self.case.market} yet: see `relayer resolution show`."
            )
        if self.on_pnp and not self.on_pnp.market.resolvable and not self.on_pnp.market.resolved:
            raise PermanentError(
                f"Market {self.case.market} is not tradeable: run `relayer resolution activate` first."
            )
        if now_s < (earliest := self.earliest_s()):
            raise PermanentError(
                f"Market {self.case.market} may be settled from {_time(earliest)}, in {earliest - now_s} s: "
                "wait till then."
            )
        return proposed

    def _proposed(self) -> Outcome | None:
        """By the votes of present members: what the file says was true at the last vote."""
        file = self.file()
        enough = (outcome for outcome in Outcome if file.votes_for(outcome, self.committee) >= self.committee.threshold)
        return next(enough, None)

    async def refuse_closing(self) -> None:
        """Raises PermanentError before the file may be closed."""
        from_s = self.file().closable_s(self.committee)
        if from_s is None:
            raise PermanentError("A generic resolution is the answer itself and is never closed.")
        if await self.desk.rpc.cluster_time_ms() < from_s * 1000:
            raise PermanentError(
                f"The file of market {self.case.market} may be closed from {_time(from_s)}: wait till then."
            )

    def ending(self) -> str:
        """How a decided file was decided, and when."""
        file = self.file()
        state = file.state.name.lower().replace("_", " ")
        return f"{state} as {file.winner or 'nothing'} at {_time(file.decided_at)}"

    async def facts(self) -> dict[str, Any]:
        """For people and scripts, as the chain shows it now."""
        now = await _read(self.desk, self.case, self.committee)
        return {"committee": str(now.address), "market": str(now.case.key), **now._market_facts(), **now._file_facts()}

    def earliest_s(self) -> int:
        """Seconds: after the challenge period, every flag's safety period and the market's end."""
        file = self.file()
        return max(file.proposed_since + self.committee.challenge_s, file.not_before, file.end_time)

    def _market_facts(self) -> dict[str, Any]:
        if self.on_pnp is None:
            return {}
        market = self.on_pnp.market
        return {"question": market.question, "tradeable": market.resolvable, "market_winner": market.winner}

    def _file_facts(self) -> dict[str, Any]:
        file = self.resolution
        if file is None:
            return {"state": "not opened"}
        return {
            "state": file.state.name.lower(),
            "spec_asks": _text_of(file.spec),
            "same_question": None if self.question() is None else self.difference() is None,
            "spec": file.spec.decode(errors="replace"),
            "spec_hash": file.spec_hash.hex(),
            "votes": {outcome.value: file.votes_for(outcome, self.committee) for outcome in Outcome},
            "threshold": self.committee.threshold,
            "proposed": self._proposed(),
            "settle_not_before": _time(self.earliest_s()) if self._proposed() else None,
            "winner": file.winner,
            "members": [self._seat_facts(place) for place in range(len(self.committee.members))],
        }

    def _seat_facts(self, place: int) -> dict[str, Any]:
        """What a seat's former member did counts no longer."""
        seat = self.file().seats[place]
        present = seat.generation == self.committee.generations[place]
        return {
            "member": str(self.committee.members[place]),
            "accepted": present and seat.accepted,
            "vote": seat.outcome if present else None,
            "evidence": seat.evidence_hash.hex() if present and seat.outcome else None,
            "flagged": present and seat.flagged,
        }


async def _read(desk: Desk, case: OfCase, committee: Committee, *, gone: bool = True) -> Docket:
    from relayer.chain.resolutions import read_resolution, read_subject

    subject = await read_subject(desk.rpc, committee, case.key, gone=gone)
    file = await read_resolution(desk.rpc, desk.program, address_of(case.committee), subject)
    return Docket(desk, case, committee, subject, file)


def _text_of(spec: bytes) -> str:
    """The question of a canonical spec; what is none, and anybody may open that, is shown as far as it is text."""
    from relayer.conditions.parse import parse_spec
    from relayer.conditions.question import question

    try:
        parsed = parse_spec(spec)
    except UsageError:
        return spec.decode(errors="replace")
    return question(parsed) if parsed.canonical == spec else spec.decode(errors="replace")


def _time(seconds: int) -> str:
    return rfc3339(seconds * 1000)
