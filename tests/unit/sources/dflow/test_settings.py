"""`[dflow]`: off by default; wrong keys are named with the remedy, and the API key is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from relayer.domain.errors import UsageError
from relayer.sources.dflow.settings import DflowSettings


def test_it_is_off_by_default() -> None:
    settings = DflowSettings()
    assert (settings.mode, settings.venue, settings.tolerance) == ("off", "kalshi", 100)
    assert settings.key_header() == {}


def test_the_key_is_a_header_and_never_shown() -> None:
    settings = DflowSettings(api_key=SecretStr("s3cret"))
    assert settings.key_header() == {"x-api-key": "s3cret"}
    assert "s3cret" not in repr(settings)


def test_the_key_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("s3cret\n")
    assert DflowSettings(api_key_file=file).key_header() == {"x-api-key": "s3cret"}


@pytest.mark.parametrize("content", [b"", b"two\nlines", b"\xff\xfe", "schlüssel".encode()])
def test_a_file_that_is_no_key_is_named_and_not_shown(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(
        UsageError, match=r"dflow\.api_key_file .*key (is not one line|is empty|cannot be read)"
    ) as refused:
        DflowSettings(api_key_file=file).key_header()
    assert "two" not in str(refused.value)


def test_a_key_that_no_header_can_carry_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match=r"dflow\.api_key is not one line of plain characters") as refused:
        DflowSettings(api_key=SecretStr("two\r\nlines")).key_header()
    assert "two" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"dflow\.api_key_file .*none cannot be read: No such file"):
        DflowSettings(api_key_file=tmp_path / "none").key_header()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"mode": "on"}, "Input should be 'off', 'second' or 'first'"),
        ({"environment": "sandbox"}, "set the rest_url and ws_url that `relayer sandbox` prints"),
        ({"rest_url": "https://example.test/api/v1/"}, "rest_url is written https://host/path, without a slash"),
        ({"ws_url": "https://example.test/ws"}, "ws_url is written wss://host/path"),
        ({"api_key": "a", "api_key_file": "b"}, "api_key and api_key_file say the same: set one of them"),
    ],
)
def test_a_wrong_table_is_refused_with_the_remedy(table: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        DflowSettings.model_validate(table)
    assert says in str(refused.value)
