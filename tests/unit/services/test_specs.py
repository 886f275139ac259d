from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from relayer.domain.errors import UsageError
from relayer.services.specs import SpecFolder
from tests.fakes.specs import document, spec


def test_specs_are_found_by_their_hash_when_their_file_appears(tmp_path: Path) -> None:
    folder = SpecFolder(tmp_path)
    assert folder.by_hash() == {}
    (tmp_path / "one.json").write_text(json.dumps(document()))
    assert folder.by_hash() == {spec().hash: spec()}
    (tmp_path / "one.json").unlink()
    assert folder.by_hash() == {}


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    folder = SpecFolder(tmp_path)
    (tmp_path / "one.json").write_text("half writ")
    assert folder.by_hash() == {}
    (tmp_path / "one.json").write_text(json.dumps(document()))
    assert list(folder.by_hash()) == [spec().hash]


def test_a_bad_file_is_named_once_and_the_others_serve(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "good.json").write_text(json.dumps(document()))
    (tmp_path / "bad.json").write_text(json.dumps(document(kind="mood")))
    folder = SpecFolder(tmp_path)
    with caplog.at_level(logging.ERROR, "relayer.services.specs"):
        assert list(folder.by_hash()) == [spec().hash]
        folder.by_hash()
    [record] = caplog.records
    assert "bad.json" in record.__dict__["file"]
    assert "kind" in record.__dict__["reason"]


def test_a_file_that_could_not_be_read_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.json").write_text(json.dumps(document()))
    folder = SpecFolder(tmp_path)

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        assert folder.by_hash() == {}
    assert list(folder.by_hash()) == [spec().hash]


def test_a_missing_folder_says_which_setting_to_change(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"specs_dir .*/nowhere is not a folder: create it, or set \[resolver\]"):
        SpecFolder(tmp_path / "nowhere")
