import hashlib
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cganx.data
from cganx.data import load, named
from cganx.data.idx import write_idx
from cganx.errors import DataError

ROOT = Path(__file__).parents[2]
EMBEDDED = Path(cganx.data.__file__).with_name("fashion_small")
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def test_fashion_small_is_balanced_grey_and_disjoint() -> None:
    data = load("fashion-small")
    assert data.name == "fashion-small"
    assert data.classes == CLASSES
    assert (data.height, data.width, data.channels) == (28, 28, 1)
    assert data.train.images.shape == (10_000, 28, 28, 1)
    assert data.train.images.dtype == np.uint8
    assert data.train.labels.dtype == np.int64
    assert np.bincount(data.train.labels).tolist() == [1000] * 10
    assert np.bincount(data.test.labels).tolist() == [200] * 10
    assert "MIT" in data.licence
    assert "Zalando" in data.licence
    seen = {hashlib.sha256(image).digest() for image in data.train.images}
    assert not any(hashlib.sha256(image).digest() in seen for image in data.test.images)


def test_fashion_small_is_small_and_quick() -> None:
    assert sum(path.stat().st_size for path in EMBEDDED.iterdir()) <= 9e6
    assert "MIT" in (EMBEDDED / "LICENSE").read_text()
    before = time.process_time()
    load("fashion-small")
    assert time.process_time() - before < 2  # 0.4 s on an idle core; room for a busy machine


def test_the_script_makes_the_same_bytes(tmp_path: Path, lacking) -> None:
    if not DEBIAN.is_dir():
        lacking("Debian's dataset-fashion-mnist is not installed")
    spec = importlib.util.spec_from_file_location("make_fashion_small", ROOT / "scripts" / "make_fashion_small.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.make(DEBIAN, tmp_path)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert len(made) == 4
    for name in made:
        assert (tmp_path / name).read_bytes() == (EMBEDDED / name).read_bytes(), name


def test_fashion_mnist_from_debian(lacking) -> None:
    if not DEBIAN.is_dir():
        lacking("Debian's dataset-fashion-mnist is not installed")
    data = load("fashion-mnist")
    assert data.classes == CLASSES
    assert data.train.images.shape == (60_000, 28, 28, 1)
    assert data.train.images.mean() == pytest.approx(72.940, abs=1e-3)
    assert data.test.images.mean() == pytest.approx(73.147, abs=1e-3)


def test_fashion_mnist_from_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled = tmp_path / "fashion-mnist"
    filled.mkdir()
    labels = np.arange(10, dtype=np.uint8)
    for part in ("train", "t10k"):
        (filled / f"{part}-images-idx3-ubyte").write_bytes(write_idx(np.zeros((10, 28, 28), dtype=np.uint8)))
        (filled / f"{part}-labels-idx1-ubyte").write_bytes(write_idx(labels))
    monkeypatch.setenv("CGANX_DATA", str(tmp_path))
    data = load("fashion-mnist")
    assert data.classes == CLASSES
    assert len(data.train) == 10


@pytest.mark.parametrize("given", [True, False])
def test_absent_fashion_mnist_names_the_package_and_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: bool
) -> None:
    monkeypatch.setattr(named, "DEBIAN", tmp_path / "nowhere")
    if given:
        monkeypatch.setenv("CGANX_DATA", str(tmp_path))
    with pytest.raises(DataError, match="dataset-fashion-mnist") as caught:
        load("fashion-mnist")
    assert str(tmp_path / "fashion-mnist") in str(caught.value) if given else "CGANX_DATA" in str(caught.value)


def test_import_needs_numpy_alone() -> None:
    heavy = "{'PIL', 'torch', 'onnxruntime', 'click', 'onnx'}"
    code = f"import sys, cganx.data; sys.exit(str({heavy} & set(sys.modules)) if {heavy} & set(sys.modules) else 0)"
    subprocess.run([sys.executable, "-c", code], check=True)
