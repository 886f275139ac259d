"""Run the campaigns, or those named: `python -m tests.campaigns [NAME ...]`.

Each is run, whatever becomes of the others. Status 1 if one fails, 2 for an unknown name. What each is and what it
found: `docs/campaigns.md`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_CARGO_TEST = ("cargo", "test", "--release", "--quiet", "--locked", "--manifest-path", "deploy/Cargo.toml")


@dataclass(frozen=True)
class Campaign:
    command: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)
    """Environment variables, unless they are set already."""

    def succeeds(self) -> bool:
        environment = {**self.settings, **os.environ}
        return subprocess.run(self.command, cwd=ROOT, env=environment, check=False).returncode == 0


def _python(*arguments: str) -> Sequence[str]:
    return (sys.executable, "-m", *arguments)


CAMPAIGNS = {
    "conditions": Campaign(_python("tests.campaigns.conditions", "100000")),
    "decoders": Campaign(_python("tests.campaigns.decoders", "600")),
    "load": Campaign(_python("tests.campaigns.load", "60")),
    "condition-mutants": Campaign(_python("tests.campaigns.mutation.python", "200", "1")),
    "source-truth": Campaign(_python("tests.campaigns.truth", "3400")),
    "day": Campaign(_python("tests.campaigns.day")),
    "program-fuzz": Campaign(
        (*_CARGO_TEST, "--package", "oracle", "--test", "fuzz", "--", "--nocapture"),
        {"FUZZ_ROUNDS": "1000000", "CARGO_TARGET_DIR": "/tmp/relayer-cargo-host"},
    ),
    "program-stateful": Campaign(
        _python("pytest", "-q", "-p", "no:cacheprovider", "tests/svm/test_stateful.py"),
        {"RELAYER_STATEFUL_EPISODES": "500", "RELAYER_STATEFUL_SEED": "2"},
    ),
    "program-mutants": Campaign(_python("tests.campaigns.mutation.rust")),
}


def run(campaigns: Mapping[str, Campaign]) -> int:
    """Run all of them, and tell at the end how each went."""
    rows, failures = [], 0
    for name, campaign in campaigns.items():
        print(f"== {name}", flush=True)
        began = time.monotonic()
        good = campaign.succeeds()
        failures += not good
        rows.append(f"{name:<20} {'passed' if good else 'FAILED'} after {time.monotonic() - began:.0f} s")
    print("\n".join(["==", *rows]), flush=True)
    return 1 if failures else 0


def main(names: Sequence[str]) -> int:
    """The exit status."""
    if unknown := [name for name in names if name not in CAMPAIGNS]:
        print(f"unknown campaign {', '.join(unknown)}: choose from {', '.join(CAMPAIGNS)}", file=sys.stderr)
        return 2
    return run({name: CAMPAIGNS[name] for name in names or CAMPAIGNS})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
