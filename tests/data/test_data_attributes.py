"""Attributes: several labels at once, from a table or an .npz file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cganx.data import DataSet, LabelledImages, load, packing, require_classes
from cganx.data.sources import held_out
from cganx.errors import DataError

NAMES = ("red", "big", "round thing")


def on(number: int) -> tuple[int, int, int]:
    """The attributes of picture ``number``: every combination comes."""
    return number % 2, number // 2 % 2, number // 4 % 2


def table(folder: Path, count: int = 40, spell: tuple[str, str] = ("0", "1"), header: str = "file,red,big,round thing") -> Path:
    """A table beside pictures whose grey level is their number; their columns are ``on``."""
    (folder / "pictures").mkdir(exist_ok=True)
    lines = [header]
    for number in range(count):
        Image.new("L", (9, 8), number).save(folder / "pictures" / f"{number}.png")
        lines.append(",".join([f"pictures/{number}.png", *(spell[value] for value in on(number))]))
    path = folder / "things.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def rows(data: DataSet) -> dict[int, tuple[int, ...]]:
    """Grey level of each picture -> its attributes."""
    parts = (data.train, data.test)
    return {
        int(image[0, 0, 0]): tuple(label.tolist())
        for part in parts
        for image, label in zip(part.images, part.labels, strict=True)
    }


@pytest.mark.parametrize("spell", [("0", "1"), ("-1", "1"), (" 0", "1 ")])
def test_every_picture_of_a_table_keeps_its_attributes(tmp_path: Path, spell: tuple[str, str]) -> None:
    data = load(table(tmp_path, spell=spell))
    assert (data.kind, data.classes, data.name) == ("attributes", NAMES, "things")
    assert data.train.labels.dtype == np.uint8
    assert rows(data) == {number: on(number) for number in range(40)}
    test = {int(image[0, 0, 0]) for image in data.test.images}
    assert test == {number for number in range(40) if held_out([f"{number}.png"])[0]}


def test_a_packed_copy_on_the_disk_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path)
    whole = load(path)
    monkeypatch.setattr(packing, "MEMORY_LIMIT", 1000)
    for data in (load(path), load(path)):  # packed, then found again
        assert data.fingerprint == whole.fingerprint
        assert rows(data) == rows(whole)
        assert data.kind == "attributes"


def test_pictures_that_cannot_be_read_take_their_attributes_with_them(tmp_path: Path) -> None:
    path = table(tmp_path)
    (tmp_path / "pictures" / "7.png").write_bytes(b"bad")
    with pytest.raises(DataError, match=r"7\.png"):
        load(path)
    assert rows(load(path, skip_unreadable=True)) == {number: on(number) for number in range(40) if number != 7}


def test_the_fingerprint_tells_attributes_apart(tmp_path: Path) -> None:
    path = table(tmp_path)
    one = load(path).fingerprint
    path.write_text(path.read_text().replace("pictures/3.png,1,1,0", "pictures/3.png,1,1,1"))
    other = load(path).fingerprint
    path.write_text(path.read_text().replace("red", "blue"))
    assert len({one, other, load(path).fingerprint}) == 3


@pytest.mark.parametrize(
    ("lines", "causes"),
    [
        (["file"], ["no column 'label'", "a column for each attribute"]),
        (["file,hat", "a.png,2"], ["line 2", "column 'hat'", "'2' is neither 0 nor 1"]),
        (["file,hat", "a.png,1", "b.png,yes"], ["line 3", "column 'hat'", "'yes'"]),
        (["file,hat,beard", "a.png,1"], ["line 2", "column 'beard'", "''"]),
        (["file,hat", "a.png,1,0"], ["line 2", "more values"]),
        (["file,hat", ",1"], ["line 2 has no file"]),
        (["file,hat,hat", "a.png,1,0"], ["same name 'hat'"]),
        (["file,hat,", "a.png,1,0"], ["empty name"]),
        (["file,hat", "a.png,0", "b.png,-1"], ["'hat'", "both -1 and 0"]),
        (["file,hat", "a.png,0", "a.png,1"], ["line 3", "a.png again"]),
        (["file,hat"], ["lists no picture"]),
    ],
)
def test_bad_tables(tmp_path: Path, lines: list[str], causes: list[str]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError) as caught:
        load(path)
    for cause in [str(path), *causes]:
        assert cause in str(caught.value)


def test_a_picture_listed_twice_counts_once(tmp_path: Path) -> None:
    path = table(tmp_path)
    path.write_text(path.read_text() + "pictures/3.png,1,1,0\n")
    data = load(path)
    assert len(data.train) + len(data.test) == 40


def arrays(path: Path, **changes: object) -> Path:
    count = 40
    good = {
        "images": np.arange(count, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(9, 2),
        "attributes": np.array([on(number) for number in range(count)]),
        "classes": np.array(NAMES),
    }
    np.savez(path, **{key: value for key, value in (good | changes).items() if value is not None})  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64])
def test_an_npz_file_with_attributes(tmp_path: Path, kind: type) -> None:
    whole = np.array([on(number) for number in range(40)])
    data = load(arrays(tmp_path / "x.npz", attributes=whole.astype(kind)))
    assert (data.kind, data.classes) == ("attributes", NAMES)
    assert rows(data) == {number: on(number) for number in range(40)}
    images = np.zeros((5, 8, 9), np.uint8)
    data = load(arrays(tmp_path / "y.npz", test_images=images, test_attributes=2 * whole[:5] - 1))
    assert (len(data.train), data.test.labels.tolist()) == (40, whole[:5].tolist())


@pytest.mark.parametrize(
    ("changes", "causes"),
    [
        ({"labels": np.zeros(40, int)}, ["both labels and attributes"]),
        ({"attributes": np.zeros((40, 2), int)}, ["attributes", "(40, 2)", "[n, 3]"]),
        ({"attributes": np.zeros(40, int)}, ["attributes", "(40,)"]),
        ({"attributes": np.zeros((39, 3), int)}, ["attributes", "(39, 3)", "40 images"]),
        ({"attributes": np.full((40, 3), 2)}, ["attributes[0, 0] is 2"]),
        ({"attributes": np.zeros((40, 3))}, ["float64", "integers"]),
        ({"attributes": np.arange(120).reshape(40, 3) // 3 % 3 - 1}, ["'red'", "both -1 and 0"]),
        ({"test_images": np.zeros((5, 8, 9), np.uint8)}, ["test_attributes", "pairs"]),
    ],
)
def test_bad_arrays(tmp_path: Path, changes: dict[str, object], causes: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        load(arrays(tmp_path / "x.npz", **changes))
    for cause in [str(tmp_path / "x.npz"), *causes]:
        assert cause in str(caught.value)


def test_labels_per_class_is_for_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="labels_per_class is for classes, and this set has attributes"):
        load(table(tmp_path), labels_per_class=3)


@pytest.mark.parametrize(("value", "who"), [(0, "no"), (1, "every")])
def test_an_attribute_that_says_nothing_is_refused(value: int, who: str) -> None:
    labels = np.array([[value, number % 2] for number in range(6)], np.uint8)
    part = LabelledImages(np.zeros((6, 8, 8, 1), np.uint8), labels)
    data = DataSet("things", ("red", "big"), part, part, "0")
    with pytest.raises(DataError, match=f"{who} training picture has the attribute 'red'"):
        require_classes(data)
    require_classes(DataSet("things", ("big",), *(2 * [LabelledImages(part.images, labels[:, 1:])]), "0"))
