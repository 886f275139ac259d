"""The real daemon, which kills itself with SIGKILL at one durable step: `DIE_AT="before put_intent settle:ADDRESS"`.

Steps are the store's writes, and `send`, between handing over the bytes and learning their fate. Acts for markets that
are in `HELD` do not begin, so that each keeps its own step for later.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import relayer.chain.sender
import relayer.store.store
from relayer.cli.main import main
from relayer.domain.intents import Intent, Submission

_WHEN, _STEP, _SUBJECT = os.environ["DIE_AT"].split()
_HELD = frozenset(os.environ["HELD"].split())


def _key(subject: object) -> str:
    if isinstance(subject, Intent):
        return subject.key
    return subject.intent_key if isinstance(subject, Submission) else str(subject)


def _die(when: str, step: str, subject: object) -> None:
    if (when, step, _key(subject)) == (_WHEN, _STEP, _SUBJECT):
        os.kill(os.getpid(), signal.SIGKILL)


def _deadly(owner: type, step: str) -> None:
    original: Callable[..., Awaitable[Any]] = getattr(owner, step)

    async def wrapped(self: object, subject: object, *args: Any, **kwargs: Any) -> Any:
        if step == "put_intent" and _key(subject) in _HELD:
            await asyncio.Event().wait()
        _die("before", step, subject)
        result = await original(self, subject, *args, **kwargs)
        _die("after", step, subject)
        return result

    setattr(owner, step, wrapped)


for name in ("put_intent", "record_submission", "update_submission", "finish_intent", "latch"):
    _deadly(relayer.store.store.Store, name)
_deadly(relayer.chain.sender.Sender, "send")

main()
