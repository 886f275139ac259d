"""`relayer localnet` as a process."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from solana.rpc.async_api import AsyncClient
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey

ADDRESS = str(Pubkey.from_string("Config1111111111111111111111111111111111111"))
CLOCK = "SysvarC1ock11111111111111111111111111111111"
MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "relayer",
        "localnet",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The process and its READY line."""
    process = await start("--port", "0", *arguments)
    assert process.stdout is not None
    try:
        yield process, (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def fails(*arguments: str) -> tuple[int | None, str]:
    process = await start(*arguments)
    _, error = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode, error.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_says_ready_and_ends_cleanly(number: signal.Signals) -> None:
    async with running() as (process, ready):
        assert ready.startswith("READY rpc=http://127.0.0.1:")
        assert " ws=ws://127.0.0.1:" in ready
        process.send_signal(number)
        output, error = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, output, error) == (0, b"", b"")


async def test_what_it_is_told_to_load_is_there(tmp_path: Path) -> None:
    program, account = tmp_path / "memo.so", tmp_path / "account.json"
    memo = LiteSVM().get_account(MEMO)
    assert memo is not None
    program.write_bytes(memo.data)
    body = {"lamports": 7_000_000, "data": ["AQI=", "base64"], "owner": str(MEMO), "executable": False, "rentEpoch": 0}
    account.write_text(json.dumps({"pubkey": ADDRESS, "account": body}))
    deployed, funded = Pubkey.new_unique(), Pubkey.new_unique()
    clock = ("--clock-origin", "1000000000", "--clock-wall", "0", "--clock-speed", "0.000001")
    loads = ("--program", str(deployed), str(program), "--account", ADDRESS, str(account))
    options = (*loads, "--airdrop", str(funded), "5000000", "--slot-ms", "10", *clock)
    async with running(*options) as (_, ready), AsyncClient(ready.split()[1].removeprefix("rpc=")) as client:
        loaded = (await client.get_account_info(Pubkey.from_string(ADDRESS))).value
        assert loaded is not None
        assert (loaded.lamports, loaded.data) == (7_000_000, b"\x01\x02")
        code = (await client.get_account_info(deployed)).value
        assert code is not None
        assert code.executable
        assert (await client.get_balance(funded)).value == 5_000_000
        clock_account = (await client.get_account_info(Pubkey.from_string(CLOCK))).value
        assert clock_account is not None
        # The clock showed 1,000,000 s when the wall showed 0 and has hardly moved since.
        assert 1_000_000 <= int.from_bytes(clock_account.data[32:40], "little") < 1_100_000


async def test_with_json_it_tells_scripts_where_it_is_and_what_it_holds(tmp_path: Path) -> None:
    program = tmp_path / "memo.so"
    memo = LiteSVM().get_account(MEMO)
    assert memo is not None
    program.write_bytes(memo.data)
    deployed, funded = str(Pubkey.new_unique()), str(Pubkey.new_unique())
    async with running("--json", "--program", deployed, str(program), "--airdrop", funded, "5000000") as (_, line):
        told = json.loads(line)
        async with AsyncClient(told["rpc"]) as client:
            assert (await client.get_balance(Pubkey.from_string(funded))).value == 5_000_000
            genesis = str((await client.get_genesis_hash()).value)
    assert told["ws"].startswith("ws://127.0.0.1:")
    assert {key: told[key] for key in ("genesis_hash", "programs", "accounts", "funded")} == {
        "genesis_hash": genesis,
        "programs": [deployed],
        "accounts": [],
        "funded": [funded],
    }


async def test_a_taken_port_ends_it_with_status_1() -> None:
    async with running() as (_, ready):
        port = ready.split()[1].rsplit(":", 1)[1]
        status, error = await fails("--port", port)
        assert status == 1
        assert error.startswith(f"relayer: cannot listen on 127.0.0.1:{port} ")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--program", ADDRESS, "/nowhere.so"], "relayer: /nowhere.so cannot be read (No such file or directory)"),
        (["--program", "abc", "/nowhere.so"], "relayer: 'abc' is not an address"),
        (["--account", ADDRESS], "relayer: --account takes two values"),
        (["--airdrop", ADDRESS, "-5"], "relayer: --airdrop takes a whole number of lamports, not '-5'"),
        (["--clock-origin", "5"], "relayer: --clock-origin and --clock-wall belong together"),
        (["--clock-speed", "0"], "relayer: --clock-speed must be above 0, not 0.0"),
    ],
)
async def test_wrong_use_ends_it_with_status_2(arguments: list[str], error: str) -> None:
    status, printed = await fails(*arguments)
    assert status == 2
    assert printed.startswith(error)


async def test_version_1_can_be_switched_off() -> None:
    async with running("--no-v1") as (_, ready), aiohttp.ClientSession() as session:
        feature = "txv1aq4pp281K9um3tnPgkfX8UqtFT6wcVW3hNezGLL"
        request = {"jsonrpc": "2.0", "id": 1, "method": "getAccountInfo", "params": [feature]}
        async with session.post(ready.split()[1].removeprefix("rpc="), json=request) as response:
            assert (await response.json())["result"]["value"] is None
