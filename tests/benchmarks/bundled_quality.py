"""Label agreement and Frechet distance of the bundled generator, on the test pictures of Fashion-MNIST."""

from __future__ import annotations

from argparse import Namespace

from judging import judged
from report import Figure, main
from subjects import bundled_file


def measure(_: Namespace) -> list[Figure]:
    path = bundled_file()
    if path is None:
        raise SystemExit("There is no bundled generator: cganx/zoo/fashion.onnx is missing.")
    return judged(path, "bundled generator", targets=True)


if __name__ == "__main__":
    main(__doc__ or "", measure)
