import io
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cganx.data import load
from cganx.errors import DataError


def arrays(**changes):
    rng = np.random.default_rng(0)
    good = {
        "images": rng.integers(0, 256, (40, 9, 11, 3), dtype=np.uint8),
        "labels": np.arange(40) % 2,
        "classes": np.array(["b", "a"]),
        "test_images": rng.integers(0, 256, (6, 9, 11, 3), dtype=np.uint8),
        "test_labels": np.arange(6) % 2,
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not None}


def save(path: Path, compress: bool = False, **changes) -> Path:
    (np.savez_compressed if compress else np.savez)(path, **arrays(**changes))
    return path


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("order", ["C", "F"])
def test_everything_comes_back(tmp_path: Path, compress: bool, order: str) -> None:
    images = np.asarray(arrays()["images"], order=order)
    data = load(save(tmp_path / "x.npz", compress, images=images))
    assert data.name == "x"
    assert data.classes == ("b", "a")
    assert (data.train.images == images).all()
    assert (data.train.labels == np.arange(40) % 2).all()
    assert (data.test.images == arrays()["test_images"]).all()


def test_grey_pictures_without_a_channel_axis_and_byte_names(tmp_path: Path) -> None:
    grey = np.zeros((30, 8, 8), dtype=np.uint8)
    path = save(
        tmp_path / "x.npz", images=grey, labels=np.zeros(30, dtype=">i2"), classes=np.array([b"one"]),
        test_images=None, test_labels=None,
    )  # fmt: skip
    data = load(path)
    assert data.classes == ("one",)
    assert data.train.images.shape[1:] == (8, 8, 1)
    assert len(data.train) + len(data.test) == 30


def test_minus_one_is_unlabelled(tmp_path: Path) -> None:
    data = load(save(tmp_path / "x.npz", labels=np.full(40, -1)))
    assert (data.train.labels == -1).all()


@pytest.mark.parametrize(
    ("changes", "causes"),
    [
        ({"classes": None}, ["'classes'", "numpy.savez"]),
        ({"images": None}, ["'images'"]),
        ({"test_labels": None}, ["in pairs"]),
        ({"images": np.zeros((40, 9, 11, 3))}, ["images", "float64", "uint8"]),
        ({"images": np.zeros((40, 9, 11, 3), dtype=np.uint16)}, ["images", "uint16", "uint8"]),
        ({"images": np.zeros((40, 99), dtype=np.uint8)}, ["images", "(40, 99)"]),
        ({"images": np.zeros((40, 9, 9, 4), dtype=np.uint8)}, ["1 or 3 channels"]),
        ({"images": np.zeros((40, 7, 9), dtype=np.uint8)}, ["9 x 7", "too small"]),
        ({"images": np.zeros((0, 8, 8), dtype=np.uint8), "labels": np.zeros(0, dtype=int)}, ["no picture"]),
        ({"labels": np.zeros(39, dtype=int)}, ["labels", "(39,)", "40 images"]),
        ({"labels": np.zeros(40)}, ["labels", "float64", "integers"]),
        ({"labels": np.full(40, 2)}, ["labels[0] is 2", "0 to 1"]),
        ({"labels": np.full(40, 2**63, dtype=np.uint64)}, ["labels[0]"]),
        ({"test_labels": np.full(6, -2)}, ["test_labels[0] is -2"]),
        ({"classes": np.array(["a", 1], dtype=object)}, ["classes", "object", "strings"]),
        ({"classes": np.array([["a"], ["b"]])}, ["(2, 1)"]),
        ({"classes": np.array([], dtype=str)}, ["list of names"]),
        ({"classes": np.array(["a", "a"])}, ["same name 'a'"]),
        ({"classes": np.array(["a", " "])}, ["empty name"]),
        ({"images": np.zeros((40, 9, 9), dtype=object)}, ["object"]),
    ],
)
def test_bad_arrays(tmp_path: Path, changes, causes) -> None:
    path = save(tmp_path / "x.npz", **changes)
    with pytest.raises(DataError) as caught:
        load(path)
    for cause in [str(path), *causes]:
        assert cause in str(caught.value)


@settings(deadline=None)  # the machine may be busy
@given(st.data())
def test_damage_is_a_data_error_or_nothing(tmp_path_factory, data) -> None:
    path = save(tmp_path_factory.mktemp("npz") / "x.npz", compress=True)
    damaged = bytearray(path.read_bytes())
    for _ in range(3):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    with suppress(DataError):
        load(path)


def test_a_header_that_lies(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": (10**6, 10**6), "fortran_order": False, "descr": "|u1"})
    path = save(tmp_path / "x.npz", images=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("images.npy", header.getvalue())
    with pytest.raises(DataError, match="declares"):
        load(path)


def rewritten(tmp_path: Path, **members: bytes | None) -> Path:
    """An .npz whose members of these names hold these bytes instead, or are called so without ``.npy`` where None."""
    whole = save(tmp_path / "whole.npz")
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            key = name.removesuffix(".npy")
            if key in members and members[key] is None:
                target.writestr(key, source.read(name))
            else:
                target.writestr(name, members.get(key) or source.read(name))
    return path


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1")


@pytest.mark.parametrize(
    "members",
    [
        {"classes": None},
        {"images": header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 9, 9)}\n")},
        {"images": header("{'descr': '|u1', 'fortran_order': False, 'shape': (10 ** 30, 0, 9)}\n")},
        {"images": header("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1)}\n")},
        {"images": header("{'descr': '|u1' \xff\xfe ((((\n")},
        {"classes": header("{'descr': '<U0', 'fortran_order': False, 'shape': (2,)}\n")},
    ],
)
def test_members_that_are_no_arrays(tmp_path: Path, members: dict[str, bytes | None]) -> None:
    path = rewritten(tmp_path, **members)
    with pytest.raises(DataError, match=r"x\.npz"):
        load(path)


def test_an_encrypted_archive(tmp_path: Path) -> None:
    path = save(tmp_path / "x.npz")
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(signature, at + 1)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"x\.npz"):
        load(path)


def test_a_table_with_a_nul_byte(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"file,label\na\0b.png,cat\n")
    with pytest.raises(DataError, match=r"NUL|not a CSV"):
        load(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("licences", "known"),
    [
        (np.array(["Cats: MIT", "Dogs: CC0-1.0"]), "Cats: MIT; Dogs: CC0-1.0"),
        (np.array("MIT"), "MIT"),
        (np.arange(3), ""),
        (np.array(["x" * 70_000]), ""),
    ],
)
def test_licences_are_known(tmp_path: Path, licences: np.ndarray, known: str) -> None:
    path = tmp_path / "set.npz"
    images = np.zeros((20, 8, 8), dtype=np.uint8)
    np.savez(path, images=images, labels=np.arange(20) % 2, classes=np.array(["a", "b"]), licences=licences)
    assert load(path).licence == known
