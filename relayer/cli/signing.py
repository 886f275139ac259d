"""The frame of every command that signs: what, by whom, for how much; the question; sending; the result.

A command says what it wants as a `Request`. Everything after that happens here, and so is the same everywhere.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import typer

from relayer.cli.desk import Desk, opened
from relayer.cli.options import SigningOptions, spread
from relayer.cli.printing import Rows, plain, show, sol

if TYPE_CHECKING:
    from solders.instruction import Instruction

    from relayer.chain.sender import Sender
    from relayer.chain.signer import Signer
    from relayer.domain.intents import Submission

Facts = Callable[[], Awaitable[dict[str, Any]]]
"""Reads what is to be reported, once all is done."""


class Work(Protocol):
    """What is carried out once the operator agrees."""

    @property
    def transactions(self) -> int: ...

    async def rehearse(self, sender: Sender) -> Submission:
        """Simulate the first transaction. Raises PermanentError or TransientError as sending it would."""

    async def perform(self, sender: Sender) -> list[str]:
        """Send; the signatures. Raises PermanentError for a transaction that fails."""


@dataclass(frozen=True)
class Request:
    """What an operator is asked to sign. `signers` by role; the first pays the fee where no payer is named."""

    rows: Rows
    signers: Mapping[str, Signer]
    work: Work
    facts: Facts
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Nothing:
    """There is nothing to sign, and why."""

    reason: str
    facts: Facts


@dataclass(frozen=True)
class Transactions:
    """Instructions, a sequence for each transaction, sent one after the other."""

    steps: Sequence[Sequence[Instruction]]
    signers: Sequence[Signer]
    purpose: str

    @property
    def transactions(self) -> int:
        return len(self.steps)

    async def rehearse(self, sender: Sender) -> Submission:
        return await sender.build(self.steps[0], self.signers, purpose=self.purpose)

    async def perform(self, sender: Sender) -> list[str]:
        return [await self._sent(sender, instructions) for instructions in self.steps]

    async def _sent(self, sender: Sender, instructions: Sequence[Instruction]) -> str:
        submission = await sender.build(instructions, self.signers, purpose=self.purpose)
        typer.echo(f"sending   {submission.signature}", err=True)
        try:
            await sender.land(submission)
        except asyncio.CancelledError:
            typer.echo("Interrupted: it may still land. Run the command again, which looks first.", err=True)
            raise
        typer.echo(f"confirmed {submission.signature}", err=True)
        return submission.signature


def signs(command: Callable[..., Awaitable[Request | Nothing]]) -> Callable[..., None]:
    """Make a command of `async def command(desk, ...) -> Request | Nothing`; the options of all come with it."""
    return spread(command, SigningOptions, lambda options, ask: asyncio.run(_answered(options, ask)))


async def _answered(options: SigningOptions, ask: Callable[[Desk], Awaitable[Request | Nothing]]) -> None:
    async with opened(options, payer_file=options.payer) as desk:
        asked = await ask(desk)
        if isinstance(asked, Nothing):
            typer.echo(f"Nothing to sign: {asked.reason}", err=True)
            signatures = []
        else:
            signatures = await _signed(desk, options, asked)
        rehearsed = {"dry_run": True} if options.dry_run else {}
        desk.report({**await asked.facts(), **rehearsed, "signatures": signatures})


async def _signed(desk: Desk, options: SigningOptions, request: Request) -> list[str]:
    """Signatures of what was sent, none after a dry run."""
    payer = desk.payer(next(iter(request.signers.values()), None))
    sender = _sender(desk, payer)
    await _show(desk, request, payer)
    rehearsed = await request.work.rehearse(sender)  # before the question: nobody is asked for what is refused
    fee, count = await desk.rpc.fee(rehearsed.wire), request.work.transactions
    show([("fee", f"{sol(fee)} for the transaction" if count == 1 else f"about {sol(fee * count)} for {count}")])
    for warning in request.warnings:
        typer.secho(f"WARNING: {plain(warning)}", err=True, fg="red", bold=True)
    if options.dry_run:
        typer.echo(f"{'The' if count == 1 else 'The first'} transaction simulates well. Nothing was sent.", err=True)
        return []
    _agree(options.yes)
    return await request.work.perform(sender)


def _sender(desk: Desk, payer: Signer) -> Sender:
    from relayer.chain.sender import Sender
    from relayer.telemetry.metrics import Metrics

    return Sender(rpc=desk.rpc, payer=payer, metrics=Metrics(), settings=desk.cluster)


async def _show(desk: Desk, request: Request, payer: Signer) -> None:
    balance = sol(await desk.rpc.balance(payer.address))
    count = request.work.transactions
    show(
        [
            ("cluster", desk.rpc.name),
            *request.rows,
            ("will sign", f"{count} transaction{'s' if count > 1 else ''}"),
            *((f"  {role}", signer.address) for role, signer in request.signers.items()),
            ("  payer", f"{payer.address}, holds {balance}"),
        ]
    )


def _agree(yes: bool) -> None:
    """Go on only if `--yes` or the operator says so; otherwise exit status 1."""
    if yes:
        return
    answer = _answer("Sign and send? [y/N]: ")
    if answer.strip().lower() in ("y", "yes"):
        return
    typer.echo(
        "Nothing was sent." if answer else "\nNobody answered, nothing was sent: in scripts give --yes.", err=True
    )
    raise typer.Exit(1)


def _answer(question: str) -> str:
    """A line of standard input, empty at its end; Ctrl-C is a no."""
    try:
        with _ctrl_c_at_once():
            # Not typer.confirm: it writes to standard output, which belongs to the result.
            typer.echo(question, err=True, nl=False)
            return sys.stdin.readline()
    except KeyboardInterrupt:
        typer.echo(err=True)
        return "no"


@contextmanager
def _ctrl_c_at_once() -> Iterator[None]:
    """asyncio would only cancel the task that is waiting for the line, which would go on waiting."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
