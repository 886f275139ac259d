"""The committed programs are those of the source, and the source's own tests pass."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.svm.chain import PROGRAMS, TEST_PROGRAMS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("folder", [Path(str(PROGRAMS)), TEST_PROGRAMS], ids=["shipped", "for tests"])
def test_hashes_are_those_of_the_files(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in map(str.split, lines)}
    files = {file.name: file for file in folder.glob("*.so")}
    assert listed.keys() == files.keys()
    for name, digest in listed.items():
        assert hashlib.sha256(files[name].read_bytes()).hexdigest() == digest, name


def test_the_compilers_version_stands_beside_them() -> None:
    assert re.match(r"rustc \d+\.\d+\.\d+", (PROGRAMS / "RUSTC").read_text())


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of a build with nothing built before; the tests share what it then holds of the standard library."""
    return {**os.environ, "SBPF_TARGET_DIR": str(tmp_path_factory.mktemp("target"))}


@pytest.mark.program
def test_another_folder_gives_the_same_bytes(tmp_path: Path, target: dict[str, str]) -> None:
    source = tmp_path / "elsewhere" / "deploy"
    shutil.copytree(ROOT / "deploy", source, ignore=shutil.ignore_patterns("target", "node_modules"))
    out = tmp_path / "out"
    subprocess.run([source / "build.sh", "to", out], check=True, env=target)
    assert (out / "SHA256SUMS").read_text() == (PROGRAMS / "SHA256SUMS").read_text()
    assert (out / "tests" / "SHA256SUMS").read_text() == (TEST_PROGRAMS / "SHA256SUMS").read_text()


@pytest.mark.program
def test_compare_tells_what_differs(tmp_path: Path, target: dict[str, str]) -> None:
    for name in ("deploy", "relayer/data/programs", "tests/svm/programs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("target", "node_modules"))
    script, data = tmp_path / "deploy" / "build.sh", tmp_path / "relayer" / "data" / "programs"

    def compare() -> subprocess.CompletedProcess[str]:
        return subprocess.run([script, "compare"], capture_output=True, text=True, check=False, env=target)

    good = compare()
    assert (good.returncode, good.stderr) == (0, "")
    assert "byte for byte" in good.stdout
    sums = data / "SHA256SUMS"
    sums.write_text(sums.read_text().replace("oracle.so", "oracle.old"))
    assert "run deploy/build.sh build" in compare().stderr
    (data / "RUSTC").write_text("rustc 1.90.0\n")
    other = compare()
    assert other.returncode == 1
    assert "committed with rustc 1.90.0" in other.stderr


@pytest.mark.program
def test_the_sources_own_tests_pass() -> None:
    target = os.environ.get("CARGO_TARGET_DIR", "/tmp/relayer-cargo-host")
    command = ["/usr/bin/cargo", "test", "--quiet", "--locked", "--manifest-path", str(ROOT / "deploy" / "Cargo.toml")]
    subprocess.run(command, check=True, env={**os.environ, "CARGO_TARGET_DIR": target})
