"""One supervised group of named, eternal tasks: when one ends, even quietly, all end and the process says which."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping

from relayer.domain.errors import FatalError

log = logging.getLogger(__name__)


async def supervise(tasks: Mapping[str, Coroutine[object, object, object]]) -> None:
    """Run all until one ends. Raises FatalError naming it, or the cancellation that came from outside."""
    running = {asyncio.create_task(work, name=name) for name, work in tasks.items()}
    try:
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    for task in done:
        raise _ended(task)


def _ended(task: asyncio.Task[object]) -> FatalError:
    name = task.get_name()
    error = None if task.cancelled() else task.exception()
    if isinstance(error, FatalError):
        return error
    log.error("a task ended", extra={"task": name}, exc_info=error)
    fatal = FatalError(f"Task {name} ended {f'with {type(error).__name__}: {error}' if error else 'without a reason'}.")
    fatal.__cause__ = error
    return fatal
