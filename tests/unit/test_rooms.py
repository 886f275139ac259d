"""Rooms import in one direction only (architecture section 1), so that rules cannot reach up into loops or wiring."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import relayer

ROOT = Path(relayer.__file__).parent
_BELOW = {"domain", "prices", "conditions", "telemetry"}
MIDDLE = ("sources", "chain", "store", "tape", "api", "services")
MAY_IMPORT: dict[str, set[str]] = {
    "domain": set(),
    "prices": {"domain"},
    "conditions": {"domain"},
    "telemetry": {"domain", "prices", "conditions"},
    **dict.fromkeys(MIDDLE, _BELOW),
    "sandbox": {"domain", "tape"},
    "localnet": {"domain", "tape"},
    "settings": _BELOW | set(MIDDLE),
    "app": _BELOW | {*MIDDLE, "settings"},
    "demo": _BELOW | {*MIDDLE, "settings", "app", "sandbox", "localnet"},
    "bench": _BELOW | {*MIDDLE, "settings", "app", "sandbox", "localnet", "demo"},
    "cli": _BELOW | {*MIDDLE, "settings", "app", "sandbox", "localnet", "demo", "bench"},
    "__main__": {"cli"},
}


def room_of(file: Path) -> str:
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_rooms(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute"
            names = [node.module] if node.module != "relayer" else [f"relayer.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "relayer" and len(parts) > 1 and not parts[1].startswith("__"):
                yield parts[1]


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_room_imports_only_rooms_below_it(file: Path) -> None:
    room = room_of(file)
    if room == "__init__":
        return
    assert room in MAY_IMPORT, f"new room {room}: say here what it may import"
    strangers = set(imported_rooms(file.read_text())) - MAY_IMPORT[room] - {room}
    assert not strangers, f"{file.relative_to(ROOT)} imports {', '.join(sorted(strangers))}"


def test_the_rule_sees_every_way_to_import() -> None:
    source = "import relayer.app\nfrom relayer import cli\ndef f():\n    from relayer.store.store import Store\n"
    assert set(imported_rooms(source)) == {"app", "cli", "store"}
