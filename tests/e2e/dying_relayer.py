"""The real daemon, which kills itself with SIGKILL at one durable step: `DIE_AT="before put_intent settle"`.

Steps are the store's writes for one act, and `send`, between handing over the bytes and learning their fate.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import relayer.chain.sender
import relayer.store.store
from relayer.cli.main import main
from relayer.domain.intents import Intent, Submission

_WHEN, _STEP, _ACT = os.environ["DIE_AT"].split()


def _die(when: str, step: str, subject: object) -> None:
    if (when, step) == (_WHEN, _STEP) and _key(subject).startswith(_ACT):
        os.kill(os.getpid(), signal.SIGKILL)


def _key(subject: object) -> str:
    if isinstance(subject, Intent):
        return subject.key
    return subject.intent_key if isinstance(subject, Submission) else str(subject)


def _deadly(owner: type, step: str, method: str) -> None:
    original: Callable[..., Awaitable[Any]] = getattr(owner, method)

    async def wrapped(self: object, subject: object, *args: Any, **kwargs: Any) -> Any:
        _die("before", step, subject)
        result = await original(self, subject, *args, **kwargs)
        _die("after", step, subject)
        return result

    setattr(owner, method, wrapped)


for name in ("put_intent", "record_submission", "update_submission", "finish_intent"):
    _deadly(relayer.store.store.Store, name, name)
_deadly(relayer.store.store.Store, "latch", "latch")
_deadly(relayer.chain.sender.Sender, "send", "send")

main()
