"""A cluster that is not ours: named by the environment, else a node found on the PATH and started here."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_READY_S = 120


@dataclass(frozen=True)
class Urls:
    rpc: str
    ws: str


def _test_validator(port: int, folder: Path) -> list[str]:
    ports = ["--rpc-port", str(port), "--faucet-port", str(free_ports())]
    return ["solana-test-validator", "--reset", "--quiet", "--ledger", str(folder / "ledger"), *ports]


def _surfpool(port: int, _: Path) -> list[str]:
    ports = ["--port", str(port), "--ws-port", str(port + 1)]
    return ["surfpool", "start", "--offline", "--no-tui", "--no-deploy", "--no-studio", *ports]


def _surfnode(port: int, _: Path) -> list[str]:
    return ["surfnode", "--rpc-port", str(port), "--ws-port", str(port + 1), "--quiet"]


NODES: dict[str, Callable[[int, Path], list[str]]] = {
    "solana-test-validator": _test_validator,
    "surfpool": _surfpool,
    "surfnode": _surfnode,
}
"""The command line of each node by the name of its program; all listen for PubSub on the port after the given one."""


@contextmanager
def foreign_node(folder: Path) -> Iterator[Urls]:
    """A node's addresses; one that was started here ends with the context. `folder` takes its files."""
    named = [os.environ.get(f"RELAYER_TEST_{kind}_URL") for kind in ("RPC", "WS")]
    if named[0] and named[1]:
        yield Urls(named[0], named[1])
        return
    if any(named):
        pytest.fail("RELAYER_TEST_RPC_URL and RELAYER_TEST_WS_URL belong together: set both or neither")
    program = next((name for name in NODES if shutil.which(name)), None)
    if program is None:
        known = ", ".join(NODES)
        pytest.fail(f"no cluster: set RELAYER_TEST_RPC_URL and RELAYER_TEST_WS_URL, or put one of {known} on the PATH")
    port = free_ports()
    with (folder / "node.log").open("wb") as log:
        command = NODES[program](port, folder)
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            urls = Urls(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port + 1}")
            _wait(process, urls, folder / "node.log")
            yield urls
        finally:
            process.terminate()
            process.wait(30)


def free_ports() -> int:
    """The lower of two neighbouring free ports."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def _wait(process: subprocess.Popen[bytes], urls: Urls, log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while not _healthy(urls.rpc):
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{process.args!r} does not serve {urls.rpc}:\n{log.read_text()[-3000:]}")
        time.sleep(0.2)


def _healthy(url: str) -> bool:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "getHealth"}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return bool(json.load(answer).get("result") == "ok")
    except (urllib.error.URLError, OSError, ValueError):
        return False
