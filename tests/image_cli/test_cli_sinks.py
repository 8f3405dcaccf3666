"""Folders that several processes fill at once: nobody trips over another's scratch folder."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import click
import pytest


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime"):
        part(name)


def test_sinks_of_one_folder_come_and_go(tmp_path: Path) -> None:
    from cganx_cli.sinks import LocalSink, opened

    faults: list[BaseException] = []

    def use() -> None:
        try:
            for _ in range(150):
                with opened(LocalSink(str(tmp_path))):
                    pass
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert not list(tmp_path.iterdir())


def test_a_folder_of_another_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cganx_cli import sinks

    theirs = tmp_path / f"{sinks.SCRATCH}theirs"
    theirs.mkdir()
    lock = sinks.lock

    def refused(path: str) -> int | None:
        if "theirs" in path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return lock(path)

    monkeypatch.setattr(sinks, "lock", refused)
    with sinks.opened(sinks.LocalSink(str(tmp_path))):
        pass
    assert [one.name for one in tmp_path.iterdir()] == [theirs.name]


def test_a_file_system_without_locks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl", reason="locks of another kind on Windows")
    from cganx_cli.sinks import LocalSink, opened

    def none(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(click.ClickException, match="Function not implemented"), opened(LocalSink(str(tmp_path / "out"))):
        pytest.fail("it is open")
    assert not list(tmp_path.iterdir())
