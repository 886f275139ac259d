from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import relayer
from relayer.domain.errors import UsageError
from relayer.domain.markets import MarketId
from relayer.settings import load_settings

MINIMAL = """
[kalshi]
key_id = "b7e1"
key_file = "kalshi.pem"
[cluster]
rpc_urls = ["http://127.0.0.1:8899"]
oracle_program = "9TgkXs6xpUgttL7xGXRCEQVBb83PP8fRiy68H5mmFshi"
[keys]
publisher = "publisher.json"
"""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "relayer.toml"
    file.write_text(text)
    return file


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(UsageError) as refused:
        load_settings(write(tmp_path, text))
    return str(refused.value)


def test_a_short_file_is_enough_and_the_rest_has_documented_defaults(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, MINIMAL))
    assert settings.kalshi.venue == "kalshi"
    assert (settings.api.host, settings.api.port) == ("127.0.0.1", 9464)
    assert settings.resolver.allowed_creators == ()


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAYER_KALSHI__KEY_ID", "from the environment")
    monkeypatch.setenv("RELAYER_BOARD__FEEDS", '["kalshi:KXA", "kalshi:KXB"]')
    settings = load_settings(write(tmp_path, MINIMAL + "[board]\nindex = 3\n"))
    assert settings.kalshi.key_id == "from the environment"
    assert settings.kalshi.key_file == Path("kalshi.pem")
    assert settings.board.index == 3
    assert settings.board.feeds == (MarketId.parse("kalshi:KXA"), MarketId.parse("kalshi:KXB"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (MINIMAL + "[policy]\nheartbeet_s = 5\n", "policy.heartbeet_s is not a setting: did you mean heartbeat_s?"),
        (MINIMAL + "[polcy]\nheartbeat_s = 5\n", "polcy is not a setting: did you mean policy?"),
        (MINIMAL.replace("oracle_program", "oracl_program"), "did you mean oracle_program?"),
        (
            MINIMAL.replace("[keys]", "[api]\nport = 70000\n[keys]"),
            "api.port: input should be less than or equal to 65535.",
        ),
        (MINIMAL.replace("9Tgk", "0OIl"), "is not a Solana address (32 bytes in base58)"),
        (MINIMAL + '[board]\nfeeds = ["KXA"]\n', "market 'KXA' must be written venue:ticker"),
        (
            MINIMAL.replace('rpc_urls = ["http://127.0.0.1:8899"]', ""),
            "set it in the file, or as RELAYER_CLUSTER__RPC_URLS",
        ),
        ("[kalshi\n", "is not TOML"),
        ("kalshi = 3\n", "kalshi must be a table: write [kalshi] above its keys."),
        ('log_level = "LOUD"\n' + MINIMAL, "log_level: input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'."),
        (MINIMAL + '[resolver]\nreleased_specs = ["AB"]\n', "'AB' is not a spec hash (64 hex digits in small letters"),
        (MINIMAL + '[resolver]\nallowed_creators = ["xyz"]\n', "'xyz' is not a Solana address (32 bytes in base58)"),
    ],
)
def test_a_wrong_key_is_named_with_its_remedy(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in refusal(tmp_path, text)


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "relayer.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is not TOML"):
        load_settings(tmp_path / "relayer.toml")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("RELAYER_CLUSTR__RPC_URLS", "[]", "there is no table clustr: did you mean RELAYER_CLUSTER?"),
        ("RELAYER_KALSHI", "{bad", "RELAYER_ environment variable is not usable"),
    ],
)
def test_a_wrong_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    assert sentence in refusal(tmp_path, MINIMAL)


def test_every_wrong_key_is_named_at_once(tmp_path: Path) -> None:
    text = refusal(tmp_path, MINIMAL + "[policy]\nheartbeat_s = -1\n[api]\nhots = 'x'\n")
    assert "policy.heartbeat_s" in text
    assert "api.hots" in text


def test_a_missing_file_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read \(No such file or directory\): name one with --config"):
        load_settings(tmp_path / "nowhere.toml")


def test_endpoints_never_show_their_secrets(tmp_path: Path) -> None:
    settings = load_settings(
        write(tmp_path, MINIMAL.replace("127.0.0.1:8899", "user:hunter2@node.example/?api-key=hunter2"))
    )
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()


def undocumented(source: str) -> Iterator[str]:
    """Fields of the models that no string below explains."""
    for model in (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)):
        for field, below in zip(model.body, [*model.body[1:], None], strict=True):
            explained = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            if isinstance(field, ast.AnnAssign) and not explained:
                yield ast.unparse(field.target)


@pytest.mark.parametrize(
    "file", sorted(Path(relayer.__file__).parent.rglob("*/settings.py")), ids=lambda f: f.parent.name
)
def test_every_setting_is_explained_under_its_field(file: Path) -> None:
    assert list(undocumented(file.read_text())) == []
