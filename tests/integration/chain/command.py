"""The command line as a process, beside a cluster that is served by the test's own loop."""

from __future__ import annotations

import asyncio
import sys


async def start(*words: str) -> asyncio.subprocess.Process:
    """`relayer` with these words."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "relayer", *words)
    return await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)


async def run(*words: str, answer: str = "") -> tuple[int | None, str, str]:
    """Exit status, standard output and standard error."""
    process = await start(*words)
    output, error = await asyncio.wait_for(process.communicate(answer.encode()), 60)
    return process.returncode, output.decode(), error.decode()
