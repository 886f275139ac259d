"""Wrong input to the command line: one clear sentence that names the thing and the remedy, and the right status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from relayer.chain.signer import write_keypair
from relayer.sandbox.keys import make_key_pair
from tests.fakes.specs import document

PROGRAM = "9TgkXs6xpUgttL7xGXRCEQVBb83PP8fRiy68H5mmFshi"


def relayer(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "relayer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def sentence(done: subprocess.CompletedProcess[str], status: int) -> str:
    """The error as a person reads it: no traceback, nothing on standard output."""
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A sound configuration whose endpoints nobody serves."""
    make_key_pair(tmp_path)
    write_keypair(tmp_path / "publisher.json")
    file = tmp_path / "relayer.toml"
    file.write_text(
        f"""
[kalshi]
environment = "sandbox"
rest_url = "http://127.0.0.1:1/trade-api/v2"
ws_url = "ws://127.0.0.1:1/trade-api/ws/v2"
key_id = "sandbox"
key_file = "{tmp_path}/sandbox-key.pem"
[cluster]
rpc_urls = ["http://127.0.0.1:1"]
oracle_program = "{PROGRAM}"
request_timeout_s = 1
read_attempts = 1
[keys]
publisher = "{tmp_path}/publisher.json"
authority = "{tmp_path}/publisher.json"
[board]
feeds = ["kalshi-sandbox:KXHIGHNY-25DEC21-B44.5"]
[store]
path = "{tmp_path}/relayer.db"
[api]
port = 0
"""
    )
    return file


def test_an_unreachable_rpc_is_named(config: Path) -> None:
    text = sentence(relayer("run", "--config", config), 1)
    assert "127.0.0.1:1" in text
    assert "cluster.rpc_urls" in text


@pytest.mark.parametrize("content", ["{}", "[1, 2, 3]", "not JSON", str([300] * 64), str([1] * 64)])
def test_a_wrong_key_file_is_named_and_its_content_is_not_shown(config: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "publisher.json").write_text(content)
    text = sentence(relayer("run", "--config", config), 2)
    assert f"{tmp_path}/publisher.json" in text
    assert str([1] * 64) not in text


def test_a_missing_key_file_is_named(config: Path, tmp_path: Path) -> None:
    (tmp_path / "publisher.json").unlink()
    assert f"{tmp_path}/publisher.json" in sentence(relayer("run", "--config", config), 2)


def test_a_wrong_kalshi_key_file_is_named(config: Path, tmp_path: Path) -> None:
    (tmp_path / "sandbox-key.pem").write_text("no key")
    assert "sandbox-key.pem" in sentence(relayer("run", "--config", config), 2)


def test_a_wrong_toml_key_is_named_with_the_nearest_right_one(config: Path) -> None:
    config.write_text(config.read_text().replace("[store]\npath", "[store]\npaht"))
    assert "store.paht is not a setting: did you mean path?" in sentence(relayer("run", "--config", config), 2)


def test_a_feed_of_another_venue_is_refused_before_anything_is_sent(config: Path) -> None:
    config.write_text(config.read_text().replace("kalshi-sandbox:KXHIGHNY", "kalshi:KXHIGHNY"))
    text = sentence(relayer("run", "--config", config), 2)
    assert "kalshi:KXHIGHNY-25DEC21-B44.5 is not of kalshi-sandbox" in text


def test_a_bad_spec_is_refused_by_its_key(tmp_path: Path) -> None:
    bad = document(test={"type": "reach", "direction": "up", "level": "0.7"})
    (tmp_path / "spec.json").write_text(json.dumps(bad))
    (tmp_path / "path.jsonl").write_text("")
    text = sentence(relayer("backtest", tmp_path / "spec.json", "--path", tmp_path / "path.jsonl", "--json"), 2)
    assert "test.level" in text


def test_a_bad_path_is_refused_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text(json.dumps(document()))
    (tmp_path / "path.jsonl").write_text('{"type":"watermark","t":1}\n{"type":"quote","t":2}\n')
    text = sentence(relayer("backtest", tmp_path / "spec.json", "--path", tmp_path / "path.jsonl", "--json"), 2)
    assert "line 2" in text


def test_a_spec_without_its_key_is_refused_at_the_start(config: Path, tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    config.write_text(config.read_text() + f'[resolver]\nspecs_dir = "{tmp_path}/specs"\n')
    assert "[keys] oracle is missing" in sentence(relayer("run", "--config", config), 2)
