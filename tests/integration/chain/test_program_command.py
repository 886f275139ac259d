"""`relayer program` as a process, against a served cluster."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from solders.pubkey import Pubkey

from relayer.chain.deploy import read_program
from relayer.chain.programs.loader import LOADER
from relayer.chain.signer import Signer, load_keypair, write_keypair
from tests.integration.chain.conftest import PROGRAMS, SOL, Cluster, until

SMALL = (PROGRAMS / "metadata_standin.so").read_bytes()


@pytest.fixture
def small(tmp_path: Path) -> str:
    file = tmp_path / "small.so"
    file.write_bytes(SMALL)
    return str(file)


@pytest.fixture
def payer(cluster: Cluster, tmp_path: Path) -> Signer:
    signer = write_keypair(tmp_path / "payer.json")
    cluster.node.airdrop(signer.pubkey, 100 * SOL)
    return signer


async def start(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "relayer", "program", *arguments)
    return await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)


async def run(*arguments: str, answer: str = "") -> tuple[int | None, str, str]:
    """Exit status, standard output and standard error."""
    process = await start(*arguments)
    output, error = await asyncio.wait_for(process.communicate(answer.encode()), 60)
    return process.returncode, output.decode(), error.decode()


async def deployed(cluster: Cluster, tmp_path: Path, small: str) -> str:
    options = ("--program-key", str(tmp_path / "program.json"), *paying(cluster, tmp_path), "--yes")
    status, _, error = await run("deploy", small, *options)
    assert status == 0, error
    return load_keypair(tmp_path / "program.json", role="program").address


def paying(cluster: Cluster, tmp_path: Path) -> tuple[str, ...]:
    return ("--payer", str(tmp_path / "payer.json"), "--rpc", cluster.url)


async def test_it_shows_what_it_signs_and_asks(cluster: Cluster, payer: Signer, tmp_path: Path, small: str) -> None:
    options = ("--program-key", str(tmp_path / "program.json"), *paying(cluster, tmp_path), "--json")
    status, output, error = await run("deploy", small, *options, answer="n\n")
    assert (status, output) == (1, "")
    for part in (
        payer.address,
        f"small.so, {len(SMALL):,} bytes, sha256 ",
        "15 transactions",
        "Sign and send? [y/N]",
        "Nothing",
    ):
        assert part in error
    status, output, error = await run("deploy", small, *options, answer="y\n")
    assert status == 0, error
    address = load_keypair(tmp_path / "program.json", role="program").address
    facts = json.loads(output)
    assert (facts["program"], facts["authority"], facts["matches"]) == (address, payer.address, True)
    found = await read_program(cluster.rpc(), Pubkey.from_string(address))
    assert found is not None
    assert found.matches(SMALL)


async def test_a_dry_run_sends_nothing_and_leaves_no_key(
    cluster: Cluster, payer: Signer, tmp_path: Path, small: str
) -> None:
    key = tmp_path / "program.json"
    status, _, error = await run("deploy", small, "--program-key", str(key), *paying(cluster, tmp_path), "--dry-run")
    assert status == 0
    assert error.endswith("The next step simulates well. Nothing was sent.\n")
    assert not key.exists()
    assert await cluster.rpc().balance(payer.address) == 100 * SOL


async def test_killed_on_the_way_it_goes_on_where_it_stopped(cluster: Cluster, payer: Signer, tmp_path: Path) -> None:
    options = ("--program-key", str(tmp_path / "program.json"), *paying(cluster, tmp_path), "--yes", "--json")
    process = await start("deploy", *options)

    def half_written() -> bool:
        records = cluster.node.records.values()
        return sum(LOADER in record.keys.all for record in records) > 20

    await until(half_written)
    process.kill()
    await process.communicate()
    written = len(cluster.node.records)
    status, output, error = await run("deploy", *options)
    assert status == 0, error
    assert json.loads(output)["matches"] is True
    chunks_missing = int(error.partition("is there, ")[2].partition(" ")[0])
    assert 0 < chunks_missing < 92 - 10
    assert len(cluster.node.records) - written <= chunks_missing + 16 + 1


async def test_verify_tells_same_from_different(cluster: Cluster, payer: Signer, tmp_path: Path, small: str) -> None:
    address = await deployed(cluster, tmp_path, small)
    there = ("--program", address, "--rpc", cluster.url)
    status, output, _ = await run("verify", small, *there, "--json")
    assert (status, json.loads(output)["matches"]) == (0, True)
    status, output, error = await run("verify", *there)
    assert status == 1
    assert "matches    False" in output
    assert error == (
        f"relayer: The code of program {address} is not the shipped oracle.so: see `relayer program upgrade`.\n"
    )
    shipped = ("--program", str(cluster.oracle_program), "--rpc", cluster.url)
    assert (await run("verify", *shipped))[0] == 0


async def test_upgrade_and_handover(cluster: Cluster, payer: Signer, tmp_path: Path, small: str) -> None:
    address = await deployed(cluster, tmp_path, small)
    heir = write_keypair(tmp_path / "heir.json")
    options = ("--program", address, *paying(cluster, tmp_path), "--yes", "--json")
    status, output, _ = await run("set-authority", "--new", heir.address, *options)
    assert (status, json.loads(output)["authority"]) == (0, heir.address)
    status, _, error = await run("upgrade", *options)
    assert status == 1
    assert f"relayer: Program {address} obeys {heir.address} and not {payer.address}: name the key file" in error
    by_heir = ("--authority", str(tmp_path / "heir.json"), *options)
    status, output, _ = await run("upgrade", *by_heir)
    assert (status, json.loads(output)["matches"]) == (0, True)
    assert (await run("upgrade", *by_heir))[0] == 0
    status, output, _ = await run("set-authority", "--immutable", *by_heir)
    assert (status, json.loads(output)["authority"]) == (0, None)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["verify"], "Which cluster? Give --config with the relayer's TOML file, or --rpc with an endpoint."),
        (["verify", "--rpc", "localhost"], "--rpc or the program's address is wrong: an endpoint is written http://"),
        (["verify", "--rpc", "http://x", "--program", "abc"], "--rpc or the program's address is wrong: 'abc' is not"),
        (["verify", "/nowhere.so", "--rpc", "http://x"], "/nowhere.so cannot be read (No such file or directory)"),
        (["verify", __file__, "--rpc", "http://x"], f"{__file__} is not an ELF file: name the program's .so file."),
        (["upgrade", "--rpc", "http://x"], "Who signs as payer? Give --payer with a key file, or --config with"),
        (["set-authority", "--rpc", "http://x"], "Who may upgrade from now on? Give --new with an address, or"),
        (["set-authority", "--new", "abc", "--rpc", "http://x"], "'abc' is not an address: give 32 bytes in base58."),
    ],
)
async def test_wrong_use(arguments: list[str], error: str) -> None:
    status, _, printed = await run(*arguments)
    assert status == 2
    assert printed.startswith(f"relayer: {error}")


async def test_a_program_that_is_not_there(cluster: Cluster) -> None:
    nowhere = str(Pubkey.new_unique())
    status, _, error = await run("verify", "--program", nowhere, "--rpc", cluster.url)
    assert status == 1
    assert error.startswith(f"relayer: There is no program {nowhere} on this cluster: check the address")
