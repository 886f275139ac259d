"""Recorded bodies and the facts of the OpenAPI document, for the contract tests (`tests/payloads/kalshi`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_PAYLOADS = Path(__file__).parents[2] / "payloads" / "kalshi"

OPENAPI: dict[str, Any] = json.loads((_PAYLOADS / "openapi_3.21.0.json").read_text())
BODIES: dict[str, dict[str, Any]] = {
    row["name"]: row for row in map(json.loads, (_PAYLOADS / "bodies.jsonl").read_text().splitlines())
}


def body(name: str) -> bytes:
    """A recorded body as it came."""
    return json.dumps(BODIES[name]["body"]).encode()
