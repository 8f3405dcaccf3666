from __future__ import annotations

import os
from pathlib import Path

import pytest

from cganx.whole_file import UNFINISHED, whole_file, whole_folder


@pytest.mark.parametrize("durable", [True, False])
def test_it_appears_with_all_its_bytes_in_a_folder_that_was_not_there(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "new" / "folder" / "file"
    with whole_file(path, durable=durable) as file:
        file.write(b"one ")
        file.write(b"two")
        assert not path.exists()
        assert [one.match(UNFINISHED) for one in path.parent.iterdir()] == [True]
    assert path.read_bytes() == b"one two"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, RuntimeError])
def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with whole_file(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_refuses_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        assert handle
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"), whole_file(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250 + ".png")
    with whole_file(path) as file:
        file.write(b"all")
    assert path.read_bytes() == b"all"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are a matter of POSIX")
def test_a_pipe_or_a_folder_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "pipe", tmp_path / "folder"):
        with pytest.raises(OSError, match="not a regular file"), whole_file(path) as file:
            file.write(b"x")
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "folder").is_dir()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder"
    with whole_folder(path) as scratch:
        (scratch / "inner").mkdir()
        (scratch / "inner" / "file").write_bytes(b"one")
        assert not path.exists()
        assert scratch.match(UNFINISHED)
    assert (path / "inner" / "file").read_bytes() == b"one"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_folder_is_not_there(tmp_path: Path, error: type[BaseException]) -> None:
    def interrupted() -> None:
        with whole_folder(tmp_path / "folder") as scratch:
            (scratch / "file").write_bytes(b"half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_a_folder_takes_the_place_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "folder"

    def late() -> None:
        with whole_folder(path):
            path.mkdir()  # by another process, meanwhile

    with pytest.raises(FileExistsError):
        late()
    assert list(tmp_path.iterdir()) == [path]
