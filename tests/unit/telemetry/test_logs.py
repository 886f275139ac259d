from __future__ import annotations

import io
import json
import logging

import pytest

from relayer.telemetry.logs import redact, set_up_logs


def test_a_decision_is_one_json_line() -> None:
    stream = io.StringIO()
    set_up_logs(stream=stream)
    logging.getLogger("relayer.services.judge").info("decided", extra={"spec": "ab", "verdict": "yes"})
    line = json.loads(stream.getvalue())
    assert line["room"] == "services.judge"
    assert (line["event"], line["spec"], line["verdict"], line["level"]) == ("decided", "ab", "yes", "info")


@pytest.mark.parametrize(
    "secret",
    [
        str(list(range(64))),
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
        "https://user:hunter2hunter2@node.example/",
        "https://node.example/?api-key=hunter2hunter2",
    ],
)
def test_what_looks_like_a_key_never_gets_out(secret: str) -> None:
    out = redact(f"connecting with {secret} now")
    assert "(removed)" in out
    for part in ("hunter2hunter2", "MIIEvQIBADANBg", "62, 63"):
        assert part not in out


def test_addresses_and_signatures_stay_readable() -> None:
    text = "market 9TgkXs6xpUgttL7xGXRCEQVBb83PP8fRiy68H5mmFshi by https://node.example:8899"
    assert redact(text) == text
