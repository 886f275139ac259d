"""`relayer demo`: the whole chain on one recorded day."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer


def demo(
    json: Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")] = False,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep specs, keys, store and log in this new folder.")
    ] = None,
) -> None:
    """Replay a recorded Kalshi day through venue, relayer and local cluster, and settle four derivative markets.

    Exit status 0 only if the accounts on chain show prices and every market settled as a direct count says.

    Example: relayer demo --json
    """
    from rich.console import Console

    from relayer.demo.run import run_demo
    from relayer.telemetry.logs import set_up_logs

    console = Console(stderr=True)
    with ExitStack() as stack:
        folder = _new_folder(keep) if keep else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        set_up_logs(stream=stack.enter_context((folder / "relayer.log").open("w")))
        tell = _Progress(console, stack)
        report = asyncio.run(run_demo(folder, tell))
    if json:
        sys.stdout.write(report.json() + "\n")
    else:
        out = Console()
        out.print(report.table())
        out.print(report.summary())
    if not report.good:
        raise typer.Exit(1)


def _new_folder(path: Path) -> Path:
    from relayer.domain.errors import UsageError

    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise UsageError(
            f"--keep {path} cannot be made ({error.strerror}): name a folder that is not there yet."
        ) from error
    return path


class _Progress:
    """A bar on a terminal, a line at each change of phase elsewhere."""

    def __init__(self, console: object, stack: ExitStack) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        assert isinstance(console, Console)
        self._console = console
        self._bar = None
        if console.is_terminal:
            columns = (
                TextColumn("{task.percentage:>3.0f} %"),
                BarColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.description}"),
            )
            self._bar = stack.enter_context(Progress(*columns, console=console))
            self._task = self._bar.add_task("starting", total=1.0)

    def __call__(self, what: str, share: float) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=what, completed=share)
        elif share in (0, 1):
            self._console.print(f"demo: {what}", highlight=False, soft_wrap=True)
