"""Options that the commands on chain share, each defined once, and how a command takes them.

A group is a frozen dataclass whose fields are options. A command that has a parameter of such a type gets the group's
options in its place, and receives the group filled in.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

Group = TypeVar("Group")
Given = TypeVar("Given")

_PANEL = "On every command"


@dataclass(frozen=True)
class ReadingOptions:
    """Of every command that looks at the chain."""

    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE.toml",
            help="The relayer's settings: cluster, keys, board.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    rpc: Annotated[
        list[str] | None,
        typer.Option(
            "--rpc", metavar="URL", help="RPC endpoint instead of the file's. Repeatable.", rich_help_panel=_PANEL
        ),
    ] = None
    program: Annotated[
        str | None,
        typer.Option(
            "--program",
            metavar="ADDR",
            help="The program; the file's cluster.oracle_program if left out.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=_PANEL)] = False


@dataclass(frozen=True)
class SigningOptions(ReadingOptions):
    """Of every command that signs."""

    payer: Annotated[
        Path | None,
        typer.Option(
            "--payer",
            metavar="KEY.json",
            help="Key that pays the fee; the file's keys.payer, else the signer, if left out.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before signing.", rich_help_panel=_PANEL)] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Simulate, send nothing.", rich_help_panel=_PANEL)] = False


def spread(
    command: Callable[..., Awaitable[Given]],
    common: type[Group],
    run: Callable[[Group, Callable[..., Awaitable[Given]]], None],
) -> Callable[..., None]:
    """What Typer may register: the command's own options, its groups' and the common ones, in a row.

    Called, it hands `run` the common group and the command with all else filled in but its first parameter.
    """
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    groups: dict[str, Any] = {each.name: each.annotation for each in own if is_dataclass(each.annotation)}

    def call(**given: Any) -> None:
        gathered = {name: _gathered(group, given) for name, group in groups.items()}
        shared = _gathered(common, given)
        run(shared, lambda first: command(first, **gathered, **given))

    rows = [row for parameter in own for row in _options(parameter, groups)] + list(_fields(common))
    call.__name__, call.__doc__ = command.__name__, command.__doc__
    call.__annotations__ = {row.name: row.annotation for row in rows}
    call.__signature__ = inspect.Signature(rows)  # type: ignore[attr-defined] # Typer asks inspect.signature for it
    return call


def _options(parameter: Parameter, groups: dict[str, Any]) -> Iterator[Parameter]:
    if parameter.name in groups:
        yield from _fields(groups[parameter.name])
    else:
        yield parameter.replace(kind=Parameter.KEYWORD_ONLY)


def _fields(group: Any) -> Iterator[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        default = Parameter.empty if field.default is MISSING else field.default
        yield Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name])


def _gathered(group: type[Group], given: dict[str, Any]) -> Group:
    return group(**{field.name: given.pop(field.name) for field in fields(group)})  # type: ignore[arg-type]
