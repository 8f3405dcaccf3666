"""How good a generator is: label agreement and Frechet distance of a file's pictures, judged by the data set's oracle.

python tests/benchmarks/quality.py MODEL.onnx [--data fashion-mnist] [--samples 10000] [--seed 0] [--json]

The first call on a data set trains the oracle (some minutes on two cores) and keeps it in $CGANX_CACHE, else in the
user's cache folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from cganx import data, runtime
from cganx.errors import CganxError
from cganx.evaluation import Quality, quality


class Progress:
    """Whole tenths of each stage, on stderr."""

    def __init__(self) -> None:
        self._shown: tuple[str, int] | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = (stage, 10 * done // total)
        if now != self._shown:
            self._shown = now
            print(f"{stage}: {done} of {total}", file=sys.stderr, flush=True)


def weakest(judged: Quality) -> tuple[str, float]:
    """The class with the least agreement, and that."""
    return min(judged.per_class.items(), key=lambda item: item[1])


def lines(judged: Quality) -> list[str]:
    name, least = weakest(judged)
    return [
        f"model             {judged.model} ({judged.sha256[:16]}), {judged.samples} pictures, seed {judged.seed}",
        f"label agreement   {judged.agreement:.4f} (weakest: {name} {least:.4f})",
        f"Frechet distance  {judged.frechet:.4f} to the {judged.reference_samples} {judged.reference} ones of {judged.data}",
        f"floor             {judged.floor:.4f} (training pictures to the same)",
        f"ratio to floor    {judged.ratio:.1f}",
        f"oracle accuracy   {judged.oracle_accuracy:.4f} on the {judged.reference} pictures ({judged.oracle})",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", help="an .onnx file or the name of a bundled generator")
    parser.add_argument("--data", default="fashion-mnist", help="what the generator was trained on (default: %(default)s)")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="all figures as one JSON object")
    chosen = parser.parse_args(arguments)
    try:
        generator = runtime.load(chosen.model)
        height, width, channels = generator.picture_shape
        pictures = data.load(chosen.data, image_size=(height, width), channels=channels)
        judged = quality(generator, pictures, samples=chosen.samples, seed=chosen.seed, progress=Progress())
    except CganxError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(judged.to_dict(), indent=2) if chosen.json else "\n".join(lines(judged)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
