"""`relayer specs new` against a venue on loopback that answers with a recorded market."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from relayer.cli.specs import specs
from relayer.domain.errors import PermanentError, TransientError, UsageError
from relayer.sources.kalshi import client
from tests.contract.kalshi.bodies import BODIES, body

MARKET = BODIES["market"]["body"]["market"]


class _Venue(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.path == f"/v2/markets/{MARKET['ticker']}"
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(body("market") if known else b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def rest_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Venue) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v2"
        server.shutdown()
        thread.join()


def _new(rest_url: str, ticker: str = MARKET["ticker"], end: str = MARKET["close_time"]) -> Any:
    given = ["kind=momentum", "parent.venue=kalshi-demo", f"parent.market={ticker}", f"window.start={START}",
             f"window.end={end}", "test.direction=up", "test.level=0.7000", "price.source=executable",
             "price.min_size=100.00", "price.held_s=60", "otherwise.answer=no", "otherwise.after_days=14"]  # fmt: skip
    return CliRunner().invoke(specs, ["new", *given, "--rest-url", rest_url])


START = "2026-06-11T00:00:00Z"


def test_the_parent_is_shown_and_the_spec_written(rest_url: str) -> None:
    ended = _new(rest_url)
    assert ended.exit_code == 0, ended.output
    assert f"kalshi-demo:{MARKET['ticker']}: {MARKET['title']}" in ended.stderr
    assert f"active, closes {MARKET['close_time']}" in ended.stderr
    assert "Warning" not in ended.stderr
    assert json.loads(ended.stdout)["parent"]["market"] == MARKET["ticker"]


def test_a_window_beyond_the_close_is_warned_of(rest_url: str) -> None:
    assert "Warning: the window ends after" in _new(rest_url, end="2027-01-01T00:00:00Z").stderr


def test_an_unknown_parent_is_refused(rest_url: str) -> None:
    ended = _new(rest_url, ticker="KXNONE")
    assert isinstance(ended.exception, PermanentError)
    assert "Kalshi knows no market KXNONE" in str(ended.exception)


def test_an_unreachable_venue_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_wait", lambda state: 0)
    ended = _new("http://127.0.0.1:1/v2")
    assert isinstance(ended.exception, TransientError)
    assert "http://127.0.0.1:1/v2 is not reachable" in str(ended.exception)
    assert "--offline" in str(ended.exception)


def test_a_wrong_address_is_named() -> None:
    ended = _new("nowhere")
    assert isinstance(ended.exception, UsageError)
