"""`relayer program` as a process, against a served cluster."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from solders.pubkey import Pubkey

from relayer.chain.deploy import read_program
from relayer.chain.programs.loader import LOADER
from relayer.chain.signer import Signer, load_keypair, write_keypair
from tests.integration.chain import command
from tests.integration.chain.conftest import PROGRAMS, SOL, Cluster, FaultyNode, until

SMALL = (PROGRAMS / "metadata_standin.so").read_bytes()
COMMITTED = {name: digest for digest, name in map(str.split, (PROGRAMS / "SHA256SUMS").read_text().splitlines())}


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


async def start(*words: str) -> asyncio.subprocess.Process:
    return await command.start("program", *words)


async def run(*words: str, answer: str = "") -> tuple[int | None, str, str]:
    return await command.run("program", *words, answer=answer)


async def deployed(cluster: Cluster, tmp_path: Path, small: str) -> str:
    options = ("--program-key", str(tmp_path / "program.json"), *paying(cluster, tmp_path), "--yes")
    status, _, error = await run("deploy", small, *options)
    assert status == 0, error
    return load_keypair(tmp_path / "program.json", role="program").address


def paying(cluster: Cluster, tmp_path: Path) -> tuple[str, ...]:
    return ("--payer", str(tmp_path / "payer.json"), "--rpc", cluster.url)


def loader_calls(cluster: Cluster) -> int:
    return sum(LOADER in record.keys.all for record in cluster.node.records.values())


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


async def test_ctrl_c_at_the_question_is_a_no(cluster: Cluster, payer: Signer, tmp_path: Path, small: str) -> None:
    key = tmp_path / "program.json"
    process = await start("deploy", small, "--program-key", str(key), *paying(cluster, tmp_path))
    assert process.stderr
    await asyncio.wait_for(process.stderr.readuntil(b"Sign and send? [y/N]: "), 60)
    process.send_signal(signal.SIGINT)
    output, error = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, output, error) == (1, b"", b"\nNothing was sent.\n")
    assert not key.exists(), "the key of the new address is made once it is needed"
    assert await cluster.rpc().balance(payer.address) == 100 * SOL


async def test_ctrl_c_on_the_way_says_that_it_may_land(
    cluster: Cluster, faulty: tuple[FaultyNode, str], payer: Signer, tmp_path: Path, small: str
) -> None:
    address, (node, url) = await deployed(cluster, tmp_path, small), faulty

    async def nothing_known(_: Any) -> Any:
        return {"result": {"context": {"slot": 1}, "value": [None]}}

    node.faults["getSignatureStatuses"] = nothing_known
    options = ("--payer", str(tmp_path / "payer.json"), "--rpc", url, "--yes")
    process = await start("set-authority", "--immutable", "--program", address, *options)
    assert process.stderr
    await asyncio.wait_for(process.stderr.readuntil(b"sending   "), 60)
    process.send_signal(signal.SIGINT)
    output, error = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, output) == (130, b"")
    assert b"Interrupted: it may still land. Run the command again, which looks first.\n" in error


async def test_a_dry_run_sends_nothing_and_leaves_no_key(
    cluster: Cluster, payer: Signer, tmp_path: Path, small: str
) -> None:
    key = tmp_path / "program.json"
    status, _, error = await run("deploy", small, "--program-key", str(key), *paying(cluster, tmp_path), "--dry-run")
    assert status == 0
    assert error.endswith("The first transaction simulates well. Nothing was sent.\n")
    assert not key.exists()
    assert await cluster.rpc().balance(payer.address) == 100 * SOL


async def test_killed_on_the_way_it_goes_on_where_it_stopped(cluster: Cluster, payer: Signer, tmp_path: Path) -> None:
    options = ("--program-key", str(tmp_path / "program.json"), *paying(cluster, tmp_path), "--yes", "--json")
    process = await start("deploy", *options)

    await until(lambda: loader_calls(cluster) > 20)
    process.kill()
    await process.communicate()
    written = len(cluster.node.records)
    status, output, error = await run("deploy", *options)
    assert status == 0, error
    assert json.loads(output)["matches"] is True
    chunks_missing = int(error.partition("is there, ")[2].partition(" ")[0])
    assert 0 < chunks_missing < 92 - 10
    assert len(cluster.node.records) - written <= chunks_missing + 16 + 1


async def test_killed_after_its_last_transaction_it_has_nothing_left_to_sign(
    cluster: Cluster, payer: Signer, tmp_path: Path, small: str
) -> None:
    address = await deployed(cluster, tmp_path, small)
    words = ("--program-key", str(tmp_path / "program.json"), *paying(cluster, tmp_path), "--yes", "--json")
    calls = loader_calls(cluster)
    status, output, error = await run("deploy", small, *words)
    assert (status, error) == (0, f"Nothing to sign: program {address} is {small} already.\n")
    facts = json.loads(output)
    assert (facts["program"], facts["matches"], facts["signatures"]) == (address, True, [])
    write_keypair(tmp_path / "other.json")
    for other in ((), (small, "--authority", str(tmp_path / "other.json"))):
        status, _, error = await run("deploy", *other, *words)
        assert (status, error) == (
            1,
            f"relayer: Program {address} exists: upgrade it, or deploy under another key.\n",
        )
    assert loader_calls(cluster) == calls


async def test_verify_tells_same_from_different(cluster: Cluster, payer: Signer, tmp_path: Path, small: str) -> None:
    address = await deployed(cluster, tmp_path, small)
    there = ("--program", address, "--rpc", cluster.url)
    status, output, _ = await run("verify", small, *there, "--json")
    assert (status, json.loads(output)["matches"]) == (0, True)
    status, output, error = await run("verify", *there)
    assert status == 1
    assert "matches        no" in output
    on_chain, committed = hashlib.sha256(SMALL).hexdigest(), COMMITTED["oracle.so"]
    assert error == (
        f"relayer: The code of program {address} is not the shipped oracle.so: its sha256 is {on_chain} and not "
        f"{committed}, the one committed in SHA256SUMS. See `relayer program upgrade`.\n"
    )
    oracle = str(cluster.oracle_program)
    status, output, error = await run("verify", "--program", oracle, "--rpc", cluster.url, "--json")
    facts = json.loads(output)
    assert (status, facts["sha256"], facts["wanted_sha256"]) == (0, committed, committed)
    assert error == (
        f"The code of program {oracle} is the shipped oracle.so: its sha256 is the one committed in SHA256SUMS.\n"
    )


async def test_upgrade_and_handover(cluster: Cluster, payer: Signer, tmp_path: Path, small: str) -> None:
    address = await deployed(cluster, tmp_path, small)
    heir, heir_file = write_keypair(tmp_path / "heir.json"), str(tmp_path / "heir.json")
    options = ("--program", address, *paying(cluster, tmp_path), "--yes", "--json")
    status, output, error = await run("set-authority", "--new", heir_file, *options)
    assert (status, json.loads(output)["authority"]) == (0, heir.address)
    assert f"  new authority {heir.address}" in error
    status, _, error = await run("upgrade", *options)
    assert status == 1
    assert f"relayer: Program {address} obeys {heir.address} and not {payer.address}: name the key file" in error
    by_heir = ("--authority", heir_file, *options)
    status, output, error = await run("upgrade", *by_heir)
    assert (status, json.loads(output)["matches"]) == (0, True)
    assert "in the buffer, back at the end;" in error
    status, _, error = await run("upgrade", *by_heir)
    assert (status, error) == (0, f"Nothing to sign: program {address} is the shipped oracle.so already.\n")
    status, output, error = await run("set-authority", "--immutable", *by_heir)
    assert (status, json.loads(output)["authority"]) == (0, None)
    assert "WARNING: nobody will be able to change this program again" in error
    status, _, error = await run("set-authority", "--new", heir_file, *by_heir)
    assert status == 1
    assert f"relayer: Program {address} is immutable: nobody can change it." in error


async def test_the_new_authority_signs_unless_it_is_said_that_it_need_not(
    cluster: Cluster, payer: Signer, tmp_path: Path, small: str
) -> None:
    address, stranger = await deployed(cluster, tmp_path, small), str(Pubkey.new_unique())
    options = ("--program", address, *paying(cluster, tmp_path), "--yes", "--json")
    status, _, error = await run("set-authority", "--new", stranger, *options)
    assert status == 2
    assert error == (
        f"relayer: The new authority signs too, and {stranger} is no key file: give --new with one, or with an "
        "address and --unchecked.\n"
    )
    status, output, error = await run("set-authority", "--new", stranger, "--unchecked", *options)
    assert (status, json.loads(output)["authority"]) == (0, stranger)
    assert f"WARNING: nothing shows that anybody holds the key of {stranger}" in error


async def test_what_an_abandoned_deployment_left_is_listed_and_paid_back(
    cluster: Cluster, payer: Signer, tmp_path: Path
) -> None:
    listing = ("--authority", payer.address, "--rpc", cluster.url, "--json")
    assert await run("buffers", *listing) == (0, "[]\n", f"{payer.address} has no buffers.\n")
    options = ("--program-key", str(tmp_path / "program.json"), *paying(cluster, tmp_path), "--yes")
    process = await start("deploy", *options)
    await until(lambda: loader_calls(cluster) > 20)
    process.send_signal(signal.SIGINT)
    _, told = await process.communicate()
    assert process.returncode == 130
    assert b"Interrupted: run the command again to go on from here, or take the rent back with" in told
    cluster.node.advance(3)  # what was on its way has landed
    [buffer] = json.loads((await run("buffers", *listing))[1])
    before = await cluster.rpc().balance(payer.address)
    status, output, error = await run("close-buffer", "--all", *paying(cluster, tmp_path), "--yes", "--json")
    assert (status, json.loads(output)["closed"]) == (0, [buffer["buffer"]])
    assert f" SOL to {payer.address}" in error
    assert await cluster.rpc().balance(payer.address) == before + buffer["lamports"] - 5_000
    status, _, error = await run("close-buffer", buffer["buffer"], *paying(cluster, tmp_path), "--yes")
    assert status == 1
    assert f"relayer: {buffer['buffer']}: no buffer of {payer.address} on this cluster" in error


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["verify"], "Which cluster? Give --config with the relayer's TOML file, or --rpc with an endpoint."),
        (
            ["verify", "--rpc", "localhost"],
            "--rpc or the program's address is wrong: an endpoint is written http://host:port or https://host/path.\n",
        ),
        (["verify", "--rpc", "http://x", "--program", "abc"], "--rpc or the program's address is wrong: 'abc' is not"),
        (["verify", "/nowhere.so", "--rpc", "http://x"], "/nowhere.so cannot be read (No such file or directory)"),
        (["verify", __file__, "--rpc", "http://x"], f"{__file__} is not an ELF file: name the program's .so file."),
        (["upgrade", "--rpc", "http://x"], "Who signs as payer? Give --payer with a key file, or --config with"),
        (["set-authority", "--rpc", "http://x"], "Who may upgrade from now on? Give --new, or --immutable, and"),
        (["set-authority", "--new", "a", "--immutable", "--rpc", "http://x"], "Who may upgrade from now on?"),
        (["buffers", "--authority", "abc", "--rpc", "http://x"], "'abc' is not an address: give 32 bytes in base58."),
        (["buffers", "--rpc", "http://x"], "Whose buffers? Give --authority with an address, or --config with keys."),
        (["close-buffer", "--rpc", "http://x"], "Which buffers? Name them, or give --all, and not both."),
        (["deploy", "--program-key", "x", "--program", str(LOADER), "--rpc", "http://x"], "A new program has the"),
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
