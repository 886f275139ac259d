"""What the store has returned from survives SIGKILL at any moment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from relayer.domain.intents import Submission
from relayer.domain.units import BlockHeight, Millis, Slot
from relayer.domain.verdicts import Answer, Coverage, Verdict
from relayer.store.store import Store

_WRITER = """
import asyncio, sys
from pathlib import Path
from relayer.domain.intents import Act, Intent, Submission
from relayer.domain.verdicts import Answer, Coverage, Verdict
from relayer.store.store import Store

async def write():
    store = await Store.open(Path(sys.argv[1]))
    for number in range(10**6):
        await store.latch(f"spec {number}", Verdict(Answer.YES, number, "", None, Coverage(1, 1, 0, 0, 0)))
        intent = await store.put_intent(Intent(Act.SETTLE, f"market {number}", "", None, number))
        await store.record_submission(Submission(f"signature {number}", intent.key, b"wire", 1, 1))
        print(number, flush=True)

asyncio.run(write())
"""


def killed_while_writing(path: Path) -> int:
    """Number of the last write that the writer was told of before its death."""
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        for line in writer.stdout:
            if int(line) == 40:
                writer.kill()
                break
        return max([40, *map(int, writer.stdout)])


async def test_everything_said_to_be_stored_is_there_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "relayer.db"
    last = killed_while_writing(path)
    async with await Store.open(path) as store:
        opened = await store.open_intents()
        assert [intent.created_ms for intent in opened][: last + 1] == list(range(last + 1))
        for number in range(last + 1):
            verdict = Verdict(Answer.YES, Millis(number), "", None, Coverage(1, 1, 0, 0, 0))
            assert await store.latched(f"spec {number}") == verdict
            stored = Submission(f"signature {number}", f"settle:market {number}", b"wire", BlockHeight(1), Slot(1))
            assert await store.submissions(stored.intent_key) == [stored]
