import gzip
import lzma
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cganx.data import load
from cganx.data.idx import read_idx, write_idx
from cganx.errors import DataError

PACKERS = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}


def pictures(count: int, height: int = 9, width: int = 11) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, height, width), dtype=np.uint8)


def write_set(folder: Path, *, prefix="", test="t10k", dot="-", suffix="", labels=None, count=20) -> np.ndarray:
    folder.mkdir(exist_ok=True)
    images = pictures(count)
    labels = np.arange(count, dtype=np.uint8) % 10 if labels is None else np.asarray(labels, dtype=np.uint8)
    for part in ("train", test) if test else ("train",):
        for what, values in (("images-idx3", images), ("labels-idx1", labels)):
            name = f"{prefix}{part}-{what}-ubyte{suffix}".replace("-idx", f"{dot}idx")
            (folder / name).write_bytes(PACKERS[suffix](write_idx(values)))
    return images


@settings(deadline=None)  # the machine may be busy
@given(values=arrays(np.uint8, st.tuples(*[st.integers(0, 6)] * 3)), suffix=st.sampled_from(list(PACKERS)))
def test_round_trip(tmp_path_factory, values, suffix) -> None:
    path = tmp_path_factory.mktemp("idx") / f"x{suffix}"
    path.write_bytes(PACKERS[suffix](write_idx(values)))
    back = read_idx(path, 3, path.parent)
    assert back.shape == values.shape
    assert (back == values).all()


@pytest.mark.parametrize("test", ["t10k", "test"])
@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_layouts_of_mnist(tmp_path: Path, test: str, dot: str, suffix: str) -> None:
    images = write_set(tmp_path / "digits", test=test, dot=dot, suffix=suffix)
    data = load(tmp_path / "digits")
    assert data.name == "digits"
    assert data.classes == tuple("0123456789")
    assert (data.train.images[..., 0] == images).all()
    assert (data.test.labels == np.arange(20) % 10).all()


def test_emnist_is_transposed_and_named_by_its_mapping(tmp_path: Path) -> None:
    images = write_set(tmp_path, prefix="emnist-letters-", test="test", suffix=".gz", labels=[1, 2, 3, 3] * 5)
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n3 67 99\n")
    data = load(tmp_path)
    assert data.name == "emnist-letters"
    assert data.classes == ("A", "B", "C")
    assert data.train.labels[:4].tolist() == [0, 1, 2, 2]
    assert (data.height, data.width) == (11, 9)
    assert (data.train.images[..., 0] == images.transpose(0, 2, 1)).all()


def test_of_several_sets_one_is_named_by_a_file(tmp_path: Path) -> None:
    write_set(tmp_path, prefix="emnist-letters-")
    write_set(tmp_path, prefix="emnist-digits-")
    with pytest.raises(DataError, match="several IDX sets"):
        load(tmp_path)
    assert load(tmp_path / "emnist-digits-train-images-idx3-ubyte").name == "emnist-digits"


def test_names_from_classes_txt(tmp_path: Path) -> None:
    write_set(tmp_path, labels=[0, 1] * 10)
    (tmp_path / "classes.txt").write_text("zero\neins\n", encoding="utf-8")
    assert load(tmp_path).classes == ("zero", "eins")


def test_without_test_files_a_part_is_held_out(tmp_path: Path) -> None:
    write_set(tmp_path, test="", count=200)
    data = load(tmp_path)
    assert len(data.train) + len(data.test) == 200
    assert 5 <= len(data.test) <= 40


def refused(folder: Path, *parts: str) -> None:
    with pytest.raises(DataError) as caught:
        load(folder)
    for part in parts:
        assert part in str(caught.value)


def test_wrong_magic(tmp_path: Path) -> None:
    write_set(tmp_path)
    bad = tmp_path / "train-images-idx3-ubyte"
    bad.write_bytes(struct.pack(">I", 0x0D03) + bad.read_bytes()[4:])
    refused(tmp_path, str(bad), "magic 00000803", "00000d03")


@pytest.mark.parametrize(("keep", "cause"), [(0, "nothing"), (6, "within its header"), (100, "cut short")])
def test_truncated(tmp_path: Path, keep: int, cause: str) -> None:
    write_set(tmp_path)
    bad = tmp_path / "train-images-idx3-ubyte"
    bad.write_bytes(bad.read_bytes()[:keep])
    refused(tmp_path, str(bad), cause)


def test_truncated_inside_gzip(tmp_path: Path) -> None:
    write_set(tmp_path, suffix=".gz")
    bad = tmp_path / "train-images-idx3-ubyte.gz"
    bad.write_bytes(gzip.compress(write_idx(pictures(20))[:-7]))
    refused(tmp_path, str(bad), "cut short")


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"no gzip at all" + b, lambda b: b[:-8] + bytes(8)])
def test_damaged_gzip(tmp_path: Path, damage) -> None:
    write_set(tmp_path, suffix=".gz")
    bad = tmp_path / "train-images-idx3-ubyte.gz"
    bad.write_bytes(damage(bad.read_bytes()))
    refused(tmp_path, str(bad), "damaged")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_lying_header_allocates_nothing(tmp_path: Path, suffix: str) -> None:
    write_set(tmp_path, suffix=suffix)
    bad = tmp_path / f"train-images-idx3-ubyte{suffix}"
    bad.write_bytes(PACKERS[suffix](struct.pack(">IIII", 0x803, 2**32 - 1, 2**31, 2**31)))
    refused(tmp_path, str(bad), "declares")


def test_more_than_declared(tmp_path: Path) -> None:
    write_set(tmp_path, suffix=".gz")
    bad = tmp_path / "train-images-idx3-ubyte.gz"
    bad.write_bytes(gzip.compress(write_idx(pictures(20)) + bytes(10_000_000)))
    refused(tmp_path, str(bad), "more bytes follow")


def test_labels_and_images_of_different_length(tmp_path: Path) -> None:
    write_set(tmp_path)
    bad = tmp_path / "train-labels-idx1-ubyte"
    bad.write_bytes(write_idx(np.zeros(19, dtype=np.uint8)))
    refused(tmp_path, str(bad), "19 labels", "20 pictures")


def test_label_without_a_name(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / "classes.txt").write_text("a\nb\n")
    refused(tmp_path, "train-labels", "label 2", "no class name")


@pytest.mark.parametrize("missing", ["train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_file_is_missing(tmp_path: Path, missing: str) -> None:
    write_set(tmp_path)
    (tmp_path / missing).unlink()
    refused(tmp_path, "labels")


def test_bad_mapping(tmp_path: Path) -> None:
    write_set(tmp_path, prefix="emnist-x-")
    (tmp_path / "emnist-x-mapping.txt").write_text("one 65\n")
    refused(tmp_path, "mapping.txt", "character code")


def test_empty_and_too_small(tmp_path: Path) -> None:
    write_set(tmp_path, count=0)
    refused(tmp_path, "no picture")
    small = tmp_path / "train-images-idx3-ubyte"
    small.write_bytes(write_idx(np.zeros((3, 7, 20), dtype=np.uint8)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(write_idx(np.zeros(3, dtype=np.uint8)))
    refused(tmp_path, str(small), "20 x 7", "too small")
