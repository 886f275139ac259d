"""`relayer run`: the daemon."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import typer


def run(
    config: Annotated[Path, typer.Option("--config", "-c", help="TOML file with the settings.")] = Path("relayer.toml"),
) -> None:
    """Run the relayer: watch prices, publish them, judge and settle markets.

    Example: relayer run --config relayer.toml
    """
    from relayer import app
    from relayer.settings import load_settings
    from relayer.telemetry.logs import set_up_logs

    settings = load_settings(config)
    set_up_logs(level=settings.log_level)
    asyncio.run(until_signal(app.run(settings)))


async def until_signal(work: Coroutine[None, None, None]) -> None:
    """Cancel the work at SIGINT or SIGTERM and end with status 0; a failure passes through."""
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped:
            raise
