from __future__ import annotations

import pytest
from pydantic import ValidationError

from relayer.chain.settings import BoardSettings, ClusterSettings, endpoint_name

PROGRAM = "8PyE2dizL52ga7ytqLtqRyjwWp4yXEx8M5Z4BAHgHuTb"
KEYED = "https://user:s3cr3t@rpc.example.com:8443/s3cr3t?api-key=s3cr3t"


def cluster(**changes: object) -> ClusterSettings:
    return ClusterSettings.model_validate({"rpc_urls": [KEYED], "oracle_program": PROGRAM, **changes})


def test_urls_are_secrets_wherever_settings_are_shown() -> None:
    settings = cluster()
    assert "s3cr3t" not in repr(settings) + str(settings) + settings.model_dump_json()
    dumped = settings.model_dump()
    assert dumped["rpc_urls"] == ("rpc.example.com:8443",)
    assert settings.rpc_urls[0].get_secret_value() == KEYED


def test_an_endpoint_is_named_by_host_and_port() -> None:
    assert endpoint_name("http://127.0.0.1:8899") == "127.0.0.1:8899"
    assert endpoint_name("https://rpc.example.com/key") == "rpc.example.com"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rpc_urls": []}, "at least 1 item"),
        ({"rpc_urls": ["localhost:8899"]}, "an endpoint is written http://host:port"),
        ({"rpc_urls": ["http://"]}, "an endpoint is written http://host:port"),
        ({"oracle_program": "abc"}, "'abc' is not a Solana address"),
        ({"rpc_url": "http://x"}, "Extra inputs are not permitted"),
        ({"commitment": "finalized"}, "'processed' or 'confirmed'"),
    ],
)
def test_wrong_values_are_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        cluster(**changes)


def test_a_board_s_name_is_counted_in_bytes() -> None:
    assert BoardSettings(name="ä" * 8).name == "ä" * 8
    with pytest.raises(ValidationError, match="is longer than 16 bytes"):
        BoardSettings(name="ä" * 9)
