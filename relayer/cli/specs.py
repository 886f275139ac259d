"""`relayer specs`: write, check and name the specs of derivative markets. What a spec means is `relayer.conditions`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from relayer.domain.errors import UsageError

if TYPE_CHECKING:
    from relayer.conditions.spec import Spec

specs = typer.Typer(name="specs", help="Write, check and name specs of derivative markets.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(metavar="SPEC.json...", help="Spec files.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON array.")]


@specs.command()
def new(
    given: Annotated[
        list[str], typer.Argument(metavar="[KEY=VALUE]...", help="Keys by their path, such as test.level=0.7000.")
    ] = [],  # noqa: B006 - typer copies it
    out: Annotated[Path | None, typer.Option(help="File to write; standard output if left out.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not look the parent up.")] = False,
    rest_url: Annotated[str, typer.Option(help="Ask this Kalshi REST base, such as the sandbox's.")] = "",
) -> None:
    """Write a spec: asks for every key that is not given, and Kalshi what the parent is.

    Refuses a parent that is provisional, decided or closed before the window; warns of what else is odd.

    Example: relayer specs new kind=timing parent.venue=kalshi parent.market=KXHIGHNY-26NOV24-B46.5 --out hot.json
    """
    from relayer.cli.drafting import draft
    from relayer.conditions.parse import spec_of
    from relayer.conditions.question import question

    spec = spec_of(document := draft(_pairs(given), _ask))
    if not offline:
        _check_parents(spec, rest_url)
    text = json.dumps(document, indent=1)
    if out is None:
        typer.echo(text)
    else:
        _write(out, text + "\n")
    typer.echo(question(spec), err=True)


def _ask(text: str) -> str:
    """On standard error, for the spec goes to standard output."""
    return str(typer.prompt(text, err=True))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError as error:
        raise UsageError(f"--out {file} cannot be written: {error.strerror}.") from error


def _check_parents(spec: Spec, rest_url: str) -> None:
    from relayer.cli import parents

    for facts in parents.look_up(spec, rest_url):
        typer.echo(parents.described(facts), err=True)
        for warning in parents.warnings(spec, facts):
            typer.echo(f"Warning: {warning}", err=True)


@specs.command()
def validate(files: Files, as_json: AsJson = False) -> None:
    """Check spec files; exit status 2 if one is refused, each with the key and the reason.

    Example: relayer specs validate specs/*.json
    """
    from relayer.cli.judging import load_spec

    refused: dict[Path, str] = {}
    for file in files:
        try:
            load_spec(file)
        except UsageError as error:
            refused[file] = str(error)
    if as_json:
        typer.echo(json.dumps([{"file": str(file), "refusal": refused.get(file)} for file in files]))
    else:
        for file in files:
            typer.echo(refused.get(file, f"{file}: a valid spec"))
    if refused:
        raise typer.Exit(2)


@specs.command("hash")
def hash_(files: Files) -> None:
    """Print the hash of each spec: SHA-256 of its canonical form.

    Example: relayer specs hash momentum.json
    """
    from relayer.cli.judging import load_spec

    for file in files:
        typer.echo(f"{load_spec(file).hash}  {file}")


@specs.command("question")
def question_(file: Annotated[Path, typer.Argument(metavar="SPEC.json", help="Spec file.")]) -> None:
    """Print the question text that a market on this spec must carry, to the byte.

    Example: relayer specs question momentum.json
    """
    from relayer.cli.judging import load_spec
    from relayer.conditions.question import question

    typer.echo(question(load_spec(file)))


@specs.command()
def show(
    wanted: Annotated[str, typer.Argument(metavar="HASH|QUESTION", help="A spec hash, or a text that ends in one.")],
    directory: Annotated[Path, typer.Option("--dir", help="Folder of spec files to look in.")] = Path(),
) -> None:
    """Find the spec behind a hash or a question, and say whether the text is its own.

    Example: relayer specs show f06fa932906c99289e6101dfacdac45f5f4fd97097faebd1717818c6ce022694 --dir specs
    """
    from relayer.conditions.question import question, spec_hash_of

    spec_hash = spec_hash_of(wanted) or wanted
    file, spec = _find(spec_hash, directory)
    typer.echo(json.dumps(json.loads(spec.canonical), indent=1))
    typer.echo(f"{file}: {question(spec)}", err=True)
    if wanted not in (spec_hash, question(spec)):
        raise UsageError(f"The question ends in the hash of {file}, but is not its text: it asks something else.")


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{text!r} is not written KEY=VALUE.")
        pairs[key] = value
    return pairs


def _find(spec_hash: str, directory: Path) -> tuple[Path, Spec]:
    from relayer.cli.judging import load_spec

    for file in sorted(directory.glob("*.json")):
        try:
            spec = load_spec(file)
        except UsageError:
            continue
        if spec.hash == spec_hash:
            return file, spec
    raise UsageError(f"No spec in {directory} has the hash {spec_hash}: give its folder with --dir.")
