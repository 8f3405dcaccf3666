"""Make cganx/data/fashion_small: 10,000 training and 2,000 test pictures of Fashion-MNIST, the same bytes each time.

    python scripts/make_fashion_small.py [--source FOLDER] [--out FOLDER]

Of each class the first 1,000 training and the first 200 test pictures are taken, in the order of the originals. The
source is a folder with the four IDX files of Fashion-MNIST, by default where Debian's dataset-fashion-mnist puts them.
"""

from __future__ import annotations

import argparse
import lzma
import tempfile
from pathlib import Path

import numpy as np

from cganx.data.idx import idx_files, read_idx, write_idx

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
PER_CLASS = {"train": 1000, "test": 200}
CLASSES = 10


def make(source: Path, out: Path) -> None:
    """Write the four files, ``{train,test}-{images-idx3,labels-idx1}-ubyte.xz``, to ``out``."""
    files = idx_files(source)[""]
    out.mkdir(parents=True, exist_ok=True)
    for part, count in PER_CLASS.items():
        with tempfile.TemporaryDirectory() as scratch:
            images = read_idx(files[part, "images"], 3, Path(scratch))
            labels = read_idx(files[part, "labels"], 1, Path(scratch))
        chosen = np.sort(np.concatenate([np.flatnonzero(labels == label)[:count] for label in range(CLASSES)]))
        for what, values in (("images-idx3", images[chosen]), ("labels-idx1", labels[chosen])):
            packed = lzma.compress(write_idx(values), preset=9 | lzma.PRESET_EXTREME)
            (out / f"{part}-{what}-ubyte.xz").write_bytes(packed)
            print(f"{part}-{what}-ubyte.xz: {len(values):,} values, {len(packed):,} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=DEBIAN)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "cganx" / "data" / "fashion_small")
    arguments = parser.parse_args()
    make(arguments.source, arguments.out)
