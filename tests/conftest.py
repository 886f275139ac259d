"""Test groups: what Python alone cannot run is left out by name unless asked for with `--with`."""

from __future__ import annotations

import pytest

GROUPS = {
    "node": "Node.js 20 and npm",
    "browser": "Chromium",
    "prometheus": "promtool (Debian package prometheus)",
    "program": "Debian's rustc-web, cargo-web, rust-web-src and libstd-rust-web-dev",
    "postgres": "a PostgreSQL server",
    "cluster": "a Solana node on the PATH, or RELAYER_TEST_RPC_URL and RELAYER_TEST_WS_URL",
}
_left_out = pytest.StashKey[dict[str, int]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--with", default="", help=f"groups to run as well: all, or some of {', '.join(GROUPS)}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = {name for name in str(config.getoption("--with")).replace(" ", "").split(",") if name}
    if unknown := asked - GROUPS.keys() - {"all"}:
        raise pytest.UsageError(
            f"unknown test group {', '.join(sorted(unknown))}: choose from all, {', '.join(GROUPS)}"
        )
    wanted = set(GROUPS) if "all" in asked else asked
    left_out: dict[str, int] = {}
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        missing = [name for name in GROUPS if item.get_closest_marker(name) and name not in wanted]
        for name in missing:
            left_out[name] = left_out.get(name, 0) + 1
        (dropped if missing else kept).append(item)
    config.stash[_left_out] = left_out
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(_left_out, {})
    for name, count in left_out.items():
        terminalreporter.write_line(f"left out: group {name} ({count} tests), which needs {GROUPS[name]}")
    if left_out:
        terminalreporter.write_line("`make test WITH=all` runs every group")
