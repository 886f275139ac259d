"""Node packages of a folder, installed once from its lock file, and scripts run there."""

from __future__ import annotations

import asyncio
from pathlib import Path

HERE = Path(__file__).parent


async def installed(folder: Path) -> None:
    """`npm ci` in the folder, unless what is there is newer than its lock file."""
    done = folder / "node_modules" / ".package-lock.json"
    if done.exists() and done.stat().st_mtime >= (folder / "package-lock.json").stat().st_mtime:
        return
    await run(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")


async def run(folder: Path, *command: str) -> str:
    """Standard output of the command; AssertionError with everything it printed if it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, error = await process.communicate()
    assert process.returncode == 0, f"{' '.join(command)}: {output.decode()}{error.decode()}"
    return output.decode()
