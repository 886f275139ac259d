"""A local cluster in a process of its own, and the command line run against it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair
from typer.testing import CliRunner

from relayer.chain.programs.pnp import METADATA_PROGRAM
from relayer.chain.signer import write_keypair
from relayer.cli.main import app

PROGRAMS = files("relayer") / "data" / "programs"
LAMPORTS = 100_000_000_000
ROLES = ("authority", "publisher", "creator", "member1", "member2", "member3", "stranger")


@dataclass
class Desk:
    """Options that every command needs, and the keys' addresses by role."""

    folder: Path
    url: str
    oracle_program: str
    pnp_program: str
    keys: dict[str, str]

    def file(self, role: str) -> str:
        return str(self.folder / f"{role}.json")

    def run(self, *words: str, answer: str | None = None) -> Any:
        """The runner's result; RelayerErrors are in its `exception`."""
        options = ["--rpc", self.url, "--program", self.oracle_program]
        return CliRunner().invoke(app, [*words, *options], input=answer)

    def facts(self, *words: str) -> Any:
        """What a command that succeeds prints with --json."""
        done = self.run(*words, "--json")
        assert done.exception is None, (done.exception, done.output)
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    keys = {role: write_keypair(folder / f"{role}.json").address for role in ROLES}
    oracle_program, pnp_program = str(Keypair().pubkey()), str(Keypair().pubkey())
    command = [sys.executable, "-m", "relayer", "localnet", "--port", "0", "--slot-ms", "20"]
    programs = {
        oracle_program: "oracle.so",
        pnp_program: "pnp_standin.so",
        str(METADATA_PROGRAM): "metadata_standin.so",
    }
    for address, name in programs.items():
        command += ["--program", address, str(PROGRAMS / name)]
    for address in keys.values():
        command += ["--airdrop", address, str(LAMPORTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout
        ready = node.stdout.readline().split()
        url = ready[1].removeprefix("rpc=")
        yield Desk(folder, url, oracle_program, pnp_program, keys)
        node.terminate()
