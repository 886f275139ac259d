"""A member at work on a case: whose key, which seat, and whether the market may be served at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from relayer.cli.desk import Desk
from relayer.cli.docket import Docket, OfCase
from relayer.cli.printing import Rows
from relayer.cli.signing import Request

if TYPE_CHECKING:
    from solders.instruction import Instruction

    from relayer.chain.programs.committee import Seat
    from relayer.chain.signer import Signer


@dataclass(frozen=True)
class OfMember(OfCase):
    """One market before one committee, seen by one of its members."""

    member: Annotated[
        Path | None,
        typer.Option("--member", metavar="KEY.json", help="A member's key; the file's keys.oracle if left out."),
    ] = None

    async def seated(self, desk: Desk) -> Sitting:
        """Raises PermanentError unless the file is open, undecided, and the key a member's."""
        member = desk.key("--member", self.member, "oracle")
        docket = await self.opened(desk)
        docket.undecided()
        return Sitting(docket, member, docket.seat(member))


@dataclass(frozen=True)
class OfServant(OfMember):
    """The same, for acts by which a member stands for the market."""

    despite_question: Annotated[
        bool,
        typer.Option("--despite-question", help="Sign though the market's question is not the text of the spec."),
    ] = False

    async def seated(self, desk: Desk) -> Sitting:
        """Raises PermanentError, too, where market and spec ask different things, unless that is known."""
        sitting = await super().seated(desk)
        sitting.docket.refuse_another_question(self.despite_question)
        return sitting


@dataclass(frozen=True)
class Sitting:
    """A member before an open file; `seat` is its part in it, None before the first act of a newcomer."""

    docket: Docket
    member: Signer
    seat: Seat | None

    def request(self, step: Instruction, rows: Rows, warnings: Sequence[str] = ()) -> Request:
        """Have the member sign one act."""
        return self.docket.request({"member": self.member}, [step], rows, warnings)
