"""`relayer sandbox` as a process: what it prints, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from relayer.sources.kalshi.settings import KalshiSettings

COMMAND = [sys.executable, "-m", "relayer", "sandbox"]


def ended(*arguments: str) -> tuple[int, str]:
    """Exit status and last words of a run that must end by itself."""
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.strip()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "relayer: Who may connect? Give --key-id and --public-key, or a --key-dir for a throw-away key."),
        (["--key-id", "x"], "relayer: --key-id and --public-key belong together"),
        (["--key-id", "x", "--public-key", "/none"], "relayer: Public key /none cannot be read (No such file"),
        (["--key-id", "x", "--public-key", __file__], "holds no public key in PEM: make one with"),
        (["--tape", "/none", "--key-dir", "{tmp}"], "relayer: Tape /none cannot be read"),
        (["--speed", "0", "--key-dir", "{tmp}"], "relayer: A speed must be above 0, not 0.0."),
        (["--start", "noon", "--key-dir", "{tmp}"], "relayer: --start is written like 2025-12-20T15:00:00Z"),
        (["--clock-wall", "5", "--key-dir", "{tmp}"], "relayer: A shared clock needs all of --clock-origin"),
        (["--fault", "gremlins", "--key-dir", "{tmp}"], "relayer: There is no fault 'gremlins'"),
        (["--key-dir", "/proc/none"], "relayer: No key can be written to /proc/none/sandbox-key.pem"),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2(tmp_path: Path, arguments: list[str], words: str) -> None:
    status, said = ended(*(part.replace("{tmp}", str(tmp_path)) for part in arguments))
    assert status == 2
    assert words in said
    assert len(said.splitlines()) == 1


def test_it_prints_what_a_relayer_needs_and_stops_quietly(tmp_path: Path) -> None:
    arguments = ["--port", "0", "--speed", "60", "--key-dir", str(tmp_path)]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            if line.startswith("READY "):
                break
            printed += line
        port = re.search(r"READY rest=http://127\.0\.0\.1:(\d+)/trade-api/v2 ws=ws://127", line)
        assert port is not None
        taken = ended("--port", port[1], "--key-dir", str(tmp_path / "other"))
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "")
    assert taken[0] == 1
    assert f"The sandbox cannot listen on 127.0.0.1:{port[1]}" in taken[1]
    tables = tomllib.loads(printed)
    settings = KalshiSettings(**tables["kalshi"])
    assert settings.rest == f"http://127.0.0.1:{port[1]}/trade-api/v2"
    assert tables["clock"]["speed"] == 60.0
    assert settings.key_file is not None
    assert stat.S_IMODE(settings.key_file.stat().st_mode) == 0o600
    load_pem_private_key(settings.key_file.read_bytes(), None)


def test_with_json_scripts_get_the_same_on_one_line(tmp_path: Path) -> None:
    arguments = ["--port", "0", "--speed", "60", "--key-dir", str(tmp_path), "--json"]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == ""
    assert process.returncode == 0
    assert set(told) == {"rest", "ws", "dflow_rest", "dflow_ws", "key_id", "key_file", "clock"}
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/trade-api/v2", told["rest"])
    assert (told["clock"]["speed"], set(told["clock"])) == (60.0, {"origin_ms", "wall_ms", "speed"})
    assert told["key_id"]
    load_pem_private_key(Path(told["key_file"]).read_bytes(), None)


def test_faults_are_listed_with_what_they_do() -> None:
    listed = subprocess.run([*COMMAND, "--faults"], capture_output=True, text=True, timeout=60)
    assert listed.returncode == 0
    lines = listed.stdout.splitlines()
    assert len(lines) >= 20
    assert any(re.fullmatch(r"sequence-hole +frame +0\.005 +numbered frames are lost", line) for line in lines)
