import logging
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cganx.data import DataSet, cache, cache_folder, load, packing, stream
from cganx.errors import DataError


def refused(path, *parts: str, **options) -> None:
    with pytest.raises(DataError) as caught:
        load(path, **options)
    for part in parts:
        assert part in str(caught.value)


def same(one: DataSet, other: DataSet) -> None:
    assert one.fingerprint == other.fingerprint
    assert one.classes == other.classes
    for a, b in ((one.train, other.train), (one.test, other.test)):
        assert a.images.shape == b.images.shape
        assert (a.images == b.images).all()
        assert (a.labels == b.labels).all()


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MEMORY_LIMIT", 1000)
    monkeypatch.setattr(stream, "MEMORY_LIMIT", 1000)


# sizes and channels


def test_default_size_is_the_commonest_small_one(folder) -> None:
    root = folder({"cat": 30, "dog": 30}, size=(20, 30))
    Image.new("RGB", (64, 64)).save(root / "cat" / "other.png")
    data = load(root)
    assert (data.height, data.width) == (20, 30)


@pytest.mark.parametrize("size", [(65, 30), (30, 65), (100, 120)])
def test_default_size_of_large_pictures(folder, size) -> None:
    data = load(folder({"cat": 3, "dog": 3}, size=size))
    assert (data.height, data.width) == (64, 64)


def test_given_size(folder) -> None:
    root = folder({"cat": 3, "dog": 3}, size=(30, 20))
    assert load(root, image_size=(16, 24)).train.images.shape[1:] == (16, 24, 3)
    assert load(root, image_size=16, channels=1, fit="pad").train.images.shape[1:] == (16, 16, 1)


def test_arrays_are_resized_too() -> None:
    data = load("fashion-small", image_size=(16, 20), channels=3, fit="pad")
    assert data.train.images.shape == (10_000, 16, 20, 3)
    assert (data.train.images[..., 0] == data.train.images[..., 2]).all()
    assert load("fashion-small", channels=3).train.images.shape == (10_000, 28, 28, 3)


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"image_size": 7}, "image size 7"),
        ({"image_size": (8, 5000)}, "image size"),
        ({"image_size": (8, 8, 8)}, "image size"),
        ({"image_size": 8.5}, "image size"),
        ({"image_size": True}, "image size"),
        ({"channels": 2}, "2 channels"),
        ({"channels": 4}, "4 channels"),
        ({"fit": "stretch"}, "crop, pad"),
        ({"labels_per_class": 0}, "at least 1"),
        ({"labels_per_class": 1001}, "has 1000 labelled"),
    ],
)
def test_options_that_cannot_be(options, cause) -> None:
    refused("fashion-small", cause, **options)


def test_grey_in_an_rgb_file_is_grey(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for value in range(20):
            Image.new("RGB", (9, 8), (value,) * 3).save(tmp_path / name / f"{value}.png")
    grey = load(tmp_path)
    assert grey.channels == 1
    assert sorted(np.concatenate([grey.train.images, grey.test.images])[:, 0, 0, 0]) == sorted([*range(20)] * 2)
    Image.new("RGB", (9, 8), (1, 1, 2)).save(tmp_path / "a" / "21.png")
    assert load(tmp_path).channels == 3
    assert load(tmp_path, channels=1).channels == 1


# labels


def test_labels_per_class() -> None:
    whole, some, fewer = (load("fashion-small", labels_per_class=count) for count in (None, 50, 10))
    for data, count in ((some, 50), (fewer, 10)):
        kept = data.train.labels >= 0
        assert np.bincount(data.train.labels[kept]).tolist() == [count] * 10
        assert (data.train.labels[kept] == whole.train.labels[kept]).all()
        assert (data.test.labels == whole.test.labels).all()
    assert ((fewer.train.labels >= 0) <= (some.train.labels >= 0)).all()
    assert len({whole.fingerprint, some.fingerprint, fewer.fingerprint}) == 3
    assert load("fashion-small", labels_per_class=10).fingerprint == fewer.fingerprint


def test_which_labels_are_kept_never_changes() -> None:
    labels = load("fashion-small", labels_per_class=1).train.labels
    assert np.flatnonzero(labels >= 0).tolist() == [821, 2359, 4967, 5326, 6212, 7813, 8792, 9334, 9539, 9915]


def test_the_fingerprint_tells_pixels_names_and_labels_apart(tmp_path: Path) -> None:
    images, labels = np.zeros((20, 8, 8), dtype=np.uint8), np.arange(20) % 2
    other = images.copy()
    other[3, 3, 3] = 1
    prints = set()
    for number, (x, y, names) in enumerate(
        [(images, labels, "ab"), (other, labels, "ab"), (images, 1 - labels, "ab"), (images, labels, "ac")]
    ):
        np.savez(tmp_path / f"{number}.npz", images=x, labels=y, classes=np.array(list(names)))
        prints.add(load(tmp_path / f"{number}.npz").fingerprint)
    assert len(prints) == 4
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in prints)


# unreadable pictures


@pytest.mark.parametrize("on_disk", [False, True])
def test_unreadable_pictures(folder, caplog, request, on_disk: bool) -> None:
    if on_disk:
        request.getfixturevalue("small_memory")
    root = folder({"cat": 40, "dog": 40})
    good = load(root)
    (root / "cat" / "a1.png").write_bytes(b"bad")
    refused(root, "a1.png", "not a picture", "--skip-unreadable")
    (root / "cat" / "a2.png").write_bytes((root / "cat" / "3.png").read_bytes()[:200])  # good header, bad pixels
    Image.new("RGB", (5, 5)).save(root / "cat" / "a3.png")
    refused(root, "a1.png", "2 of 83")  # what the headers show
    with caplog.at_level(logging.WARNING, "cganx"):
        data = load(root, skip_unreadable=True)
    assert "skipped 3 of 83" in caplog.text
    same(data, good)


def test_nothing_readable(folder) -> None:
    root = folder({"cat": 1, "dog": 1})
    for path in root.glob("*/*.png"):
        path.write_bytes(b"bad")
    refused(root, "no training picture", "0.png", skip_unreadable=True)
    for path in root.glob("*/*.png"):
        Image.new("RGB", (30, 30), "red").save(path)
        path.write_bytes(path.read_bytes()[:60])
    refused(root, "no training picture", "0.png", skip_unreadable=True)


# memory maps and their cache


@pytest.mark.parametrize("kind", ["folder", "grey", "npz", "idx"])
def test_a_mapped_set_is_the_same_set(folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    if kind == "npz":
        images = np.random.default_rng(0).integers(0, 256, (90, 9, 9, 3), dtype=np.uint8)
        source = tmp_path / "x.npz"
        np.savez_compressed(source, images=images, labels=np.arange(90) % 3, classes=np.array(list("abc")))
    elif kind == "idx":
        source = Path(packing.__file__).with_name("fashion_small")
    else:
        source = folder({"cat": 40, "dog": 40})
        if kind == "grey":
            for path in source.glob("*/*.png"):
                Image.open(path).convert("L").convert("RGB").save(path)
    plain = load(source)
    assert not list(cache_folder().glob("*"))
    monkeypatch.setattr(packing, "MEMORY_LIMIT", 1000)
    monkeypatch.setattr(stream, "MEMORY_LIMIT", 1000)
    run = tmp_path / "run"
    first = load(source, cache=run)
    assert isinstance(first.train.images, np.memmap)
    same(first, plain)
    entry = next(run.iterdir())
    assert [entry] == list(run.iterdir())
    assert (entry / "train.u8").stat().st_size == plain.train.images.nbytes
    monkeypatch.setattr(packing, "_fill", None)  # the second load decodes nothing
    same(load(source, cache=run), plain)


@pytest.mark.usefixtures("small_memory")
def test_a_change_of_source_or_options_is_seen(folder) -> None:
    root = folder({"cat": 40, "dog": 40})
    before = load(root)
    assert load(root, fit="pad").height == before.height
    assert len(list(cache_folder().iterdir())) == 2
    Image.new("RGB", (12, 10), "red").save(root / "cat" / "3.png")
    assert load(root).fingerprint != before.fingerprint


@pytest.mark.usefixtures("small_memory")
def test_writing_to_the_map_does_not_reach_the_cache(folder) -> None:
    root = folder({"cat": 40, "dog": 40})
    first = load(root)
    first.train.images[:] = 0
    assert load(root).train.images.any()


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize("damage", ["data.json", "train.u8", "labels.npz"])
def test_a_damaged_entry_is_made_again(folder, damage: str) -> None:
    root = folder({"cat": 40, "dog": 40})
    good = load(root)
    kept = {"train": good.train.images.copy(), "fingerprint": good.fingerprint}
    entry = next(cache_folder().iterdir())
    del good
    (entry / damage).write_bytes(b"{")
    again = load(root)
    assert again.fingerprint == kept["fingerprint"]
    assert (again.train.images == kept["train"]).all()


@pytest.mark.usefixtures("small_memory")
def test_an_error_leaves_nothing_behind(folder) -> None:
    root = folder({"cat": 40, "dog": 40})
    (root / "cat" / "3.png").write_bytes((root / "cat" / "3.png").read_bytes()[:200])
    refused(root, "3.png")
    assert not list(cache_folder().iterdir())


@pytest.mark.usefixtures("small_memory")
def test_two_at_once(folder) -> None:
    root = folder({"cat": 100, "dog": 100})
    results: list[DataSet] = []
    threads = [threading.Thread(target=lambda: results.append(load(root))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({data.fingerprint for data in results}) == 1
    assert len(results) == 4
    assert len(list(cache_folder().iterdir())) == 1


@pytest.mark.usefixtures("small_memory")
def test_a_full_disk(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    refused(folder({"cat": 40, "dog": 40}), "GiB are free", "CGANX_CACHE")


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str) -> None:
    monkeypatch.setenv("CGANX_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("CGANX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "x"))
    monkeypatch.setattr(cache.sys, "platform", platform)
    assert cache_folder().name == "cganx"
    assert platform == "darwin" or cache_folder().parent == tmp_path / "x"


# progress and interruption


def test_progress(folder) -> None:
    calls = []
    load(folder({"cat": 100, "dog": 100}), progress=lambda *call: calls.append(call))
    stages = list(dict.fromkeys(stage for stage, _, _ in calls))
    assert stages == ["reading headers", "decoding pictures"]
    assert all(done <= total for _, done, total in calls)


def test_an_interruption_stops_the_work(folder) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    root = folder({"cat": 300, "dog": 300})
    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        load(root, progress=stop)
    assert time.monotonic() - before < 5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cganx-data")]
