"""Entry point: panels of commands, and how an error becomes one sentence and an exit status.

0 done, 1 failed, 2 wrong use, 130 interrupted. `--version` answers without importing the daemon: each command imports
what it runs.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import relayer
from relayer.cli.analytics import analytics
from relayer.cli.backtest import backtest
from relayer.cli.bench import bench
from relayer.cli.board import board
from relayer.cli.committee import committee
from relayer.cli.demo import demo
from relayer.cli.localnet import PairOptions, localnet
from relayer.cli.program import program
from relayer.cli.resolution import resolution
from relayer.cli.run import run
from relayer.cli.sandbox import sandbox
from relayer.cli.specs import specs
from relayer.cli.tape import tape
from relayer.cli.watching import explain, feeds
from relayer.domain.errors import RelayerError, UsageError

app = typer.Typer(
    name="relayer",
    help="Oracle relayer: Kalshi prices on Solana, second-derivative PNP markets settled with proof.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"relayer {relayer.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command(rich_help_panel="Operate")(run)
app.command(rich_help_panel="Operate")(feeds)
app.command(rich_help_panel="Operate")(explain)
app.add_typer(specs, rich_help_panel="Operate")
app.add_typer(tape, rich_help_panel="Operate")
app.add_typer(board, name="board", rich_help_panel="On chain")
app.add_typer(committee, name="committee", rich_help_panel="On chain")
app.add_typer(resolution, name="resolution", rich_help_panel="On chain")
app.add_typer(program, name="program", rich_help_panel="On chain")
app.command(rich_help_panel="Research")(backtest)
app.command(rich_help_panel="Research")(analytics)
app.command(rich_help_panel="Try it")(demo)
app.command(rich_help_panel="Try it")(sandbox)
app.command(rich_help_panel="Try it", cls=PairOptions)(localnet)
app.command(rich_help_panel="Try it")(bench)


def main() -> None:
    """Run the command line; a RelayerError is printed as its sentence, never as a traceback."""
    try:
        app()
    except RelayerError as error:
        typer.echo(f"relayer: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
