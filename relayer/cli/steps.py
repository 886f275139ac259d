"""Carrying out what an operator signs: shown, simulated or agreed to, sent one transaction after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from relayer.cli.acting import Acting, agree, key, show

if TYPE_CHECKING:
    from solders.instruction import Instruction

    from relayer.chain.signer import Signer

Rows = Sequence[tuple[str, str]]


def payer_or(signer: Signer, payer: Path | None, config: Path | None) -> Signer:
    """Who pays: the option's key, else the file's, else the signer."""
    return signer if payer is None and config is None else key("--payer", payer, config, "payer")


async def carry_out(
    act: Acting,
    transactions: Sequence[Sequence[Instruction]],
    signers: Sequence[Signer],
    *,
    what: Rows,
    purpose: str,
    yes: bool,
    dry_run: bool,
) -> list[str]:
    """Show `what`, then sign and send if `yes` or the operator agrees; returns the signatures, none after a dry run.

    A dry run simulates the first transaction; the others may depend on it. Raises PermanentError where one is refused.
    """
    who = dict.fromkeys([act.payer.address, *(signer.address for signer in signers)])
    show(
        [
            ("cluster", act.rpc.name),
            *what,
            ("will sign", f"{len(transactions)} transaction{'s' if len(transactions) > 1 else ''}"),
            ("as", ", ".join(who)),
        ]
    )
    if dry_run:
        await act.sender.build(transactions[0], signers, purpose=purpose)
        typer.echo("The first transaction simulates well. Nothing was sent.", err=True)
        return []
    agree(yes)
    return [await _sent(act, instructions, signers, purpose) for instructions in transactions]


async def _sent(act: Acting, instructions: Sequence[Instruction], signers: Sequence[Signer], purpose: str) -> str:
    submission = await act.sender.run(instructions, signers, purpose=purpose)
    typer.echo(f"confirmed {submission.signature}", err=True)
    return submission.signature


def report(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """The result on standard output: one JSON object, or a line a fact."""
    if as_json:
        typer.echo(json.dumps(facts))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"{name:<{width}}  {_text(value)}".rstrip())


def _text(value: Any) -> str:
    match value:
        case None:
            return "-"
        case list():
            return ", ".join(map(_text, value))
        case dict():
            return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
        case _:
            return str(value)
