"""A local cluster in a process of its own, and the command line run against it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
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
_SETTINGS = """
[kalshi]
key_id = "b7e1"
key_file = "kalshi.pem"
[cluster]
rpc_urls = ["{url}"]
oracle_program = "{program}"
poll_s = 0.02
[keys]
publisher = "{publisher}"
authority = "{authority}"
[board]
index = 30
name = "filed"
capacity = 30
feeds = {feeds}
{maker}
"""
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

    def run(self, *words: str, answer: str | None = None, bare: bool = False) -> Any:
        """The runner's result; RelayerErrors are in its `exception`. bare: without options for the cluster."""
        options = [] if bare else ["--rpc", self.url, "--program", self.oracle_program]
        return CliRunner().invoke(app, [*words, *options], input=answer)

    def settings(self, *, authority: str, maker: str | None = None, feeds: Sequence[str] = ()) -> str:
        """A relayer's configuration for this cluster."""
        file = self.folder / "relayer.toml"
        file.write_text(
            _SETTINGS.format(
                url=self.url,
                program=self.oracle_program,
                publisher=self.file("publisher"),
                authority=self.file(authority),
                feeds=json.dumps(list(feeds)),
                maker=f'authority = "{self.keys[maker]}"' if maker else "",
            )
        )
        return str(file)

    @staticmethod
    def row(done: Any, name: str) -> str:
        """A value of what was shown before signing."""
        lines = (line.strip().partition(f"{name} ") for line in done.stderr.splitlines())
        return next(str(value.strip()) for before, found, value in lines if found and not before)

    def lamports(self, role: str) -> int:
        return int(self._ask("getBalance", self.keys[role], {"commitment": "confirmed"})["value"])

    def airdrop(self, address: str, lamports: int) -> None:
        self._ask("requestAirdrop", address, lamports)
        while self._ask("getBalance", address, {"commitment": "confirmed"})["value"] < lamports:
            time.sleep(0.02)

    def _ask(self, method: str, *params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)["result"]

    def facts(self, *words: str, bare: bool = False) -> Any:
        """What a command that succeeds prints with --json."""
        done = self.run(*words, "--json", bare=bare)
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
