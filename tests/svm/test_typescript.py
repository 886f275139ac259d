"""The committed TypeScript client is that of the committed IDL."""

from __future__ import annotations

import runpy
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def test_the_typescript_client_is_generated_from_the_idl() -> None:
    built = runpy.run_path(str(DEPLOY / "typescript.py"))["build"]()
    committed = (DEPLOY / "clients" / "typescript" / "oracle.ts").read_bytes()
    assert committed == built.encode(), "run deploy/typescript.py and commit the result"
