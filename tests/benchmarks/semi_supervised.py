"""What a classifier gains from pictures without labels: test accuracy with `sgan` and from the labels alone.

python tests/benchmarks/semi_supervised.py [--data fashion-mnist] [--labels 5 10 50] [--steps 1000] [--set KEY=VALUE] [-o DIR]

Both are the same network, with averaged weights and labelled pictures that are moved a little. Alone, it learns from batches
of the same labelled pictures for at most --alone-steps steps, and the best length counts, as the test pictures say, which
favours it. With the GAN the last step counts. Runs in DIR are resumed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from cganx import data
from cganx.data import DataSet
from cganx.errors import CganxError
from cganx.networks import ImageShape
from cganx.objectives import class_cross_entropy
from cganx.training import find_preset, train
from cganx.training.accuracy import class_accuracy
from cganx.training.averaging import AveragedNetwork
from cganx.training.optimizers import adam
from cganx.training.sampling import Reals, Shuffled, seeded
from cganx.training.settings import changed, parse
from cganx.training.updates.semi_supervised import moved

EVERY = 100
CPU = torch.device("cpu")


def alone(pictures: DataSet, settings: Any, steps: int, seed: int) -> tuple[float, int]:
    """The best test accuracy of the network that learns from the labelled pictures alone, and after how many steps."""
    classes, random = len(pictures.classes), seeded(seed, "alone")
    torch.manual_seed(seed)
    shape = ImageShape(pictures.channels, pictures.height, pictures.width)
    network = find_preset("sgan").discriminator(shape, classes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = AveragedNetwork(network, settings.classifier_decay)
    optimizer = adam(network, settings.discriminator_rate, settings)
    reals = Reals(pictures.train.images, pictures.train.labels, classes, CPU)
    order, size = Shuffled(len(reals), seed), settings.batch_size // 2
    found = []
    for step in range(1, steps + 1):
        batch = reals.batch(order.next(size))
        image = moved(batch.image, *(torch.rand(size, generator=random) for _ in range(2)))
        loss = class_cross_entropy(network(image).class_logits, batch.label)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        average.update(step)
        if step % EVERY == 0 or step == steps:
            found.append((class_accuracy(average.module, pictures.test, classes, CPU), step))
            say(f"{pictures.name}, labels alone, step {step}: {found[-1][0]:.4f}")
    return max(found, key=lambda one: one[0])


def together(pictures: DataSet, asked: dict[str, Any], steps: int, seed: int, out: Path) -> float:
    """The test accuracy of `sgan`'s classifier after ``steps`` steps."""
    run = train(pictures, "sgan", out, steps=steps, seed=seed, settings=asked, progress=lambda status: say(f"{out}: {status}"))
    accuracy = run.test_accuracy()
    assert accuracy is not None  # the named sets have test pictures
    return accuracy


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--labels", type=int, nargs="+", default=[5, 10, 50], metavar="N", help="labels a class")
    parser.add_argument("--steps", type=int, default=1000, help="of the GAN (default: %(default)s)")
    parser.add_argument("--alone-steps", type=int, default=1000, help="of the network alone, at most (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of sgan")
    parser.add_argument("--only", choices=("alone", "together"), help="one of the two")
    parser.add_argument("-o", "--out", type=Path, help="where the runs go; default: a folder that is removed")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    try:
        asked = parse(chosen.set)
        settings = changed(find_preset("sgan").settings, asked)
        with tempfile.TemporaryDirectory() as scratch:
            rows = []
            for count in chosen.labels:
                pictures = data.load(chosen.data, labels_per_class=count, image_size=find_preset("sgan").fixed_size)
                row: dict[str, Any] = {"data": chosen.data, "labels_per_class": count}
                if chosen.only != "together":
                    row["alone"], row["alone_steps"] = alone(pictures, settings, chosen.alone_steps, chosen.seed)
                if chosen.only != "alone":
                    run = (chosen.out or Path(scratch)) / f"{count}-labels"
                    row["sgan"], row["steps"] = together(pictures, asked, chosen.steps, chosen.seed, run), chosen.steps
                rows.append(row)
    except CganxError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(rows, indent=2) if chosen.json else "\n".join(table(rows)))
    return 0


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Markdown."""
    lines = ["| labels a class | labels alone (best length) | with the GAN (steps) |", "|---|---|---|"]
    for row in rows:
        alone_, sgan = (f"{row[name]:.4f} ({row[steps]})" if name in row else "" for name, steps in COLUMNS)
        lines.append(f"| {row['labels_per_class']} | {alone_} | {sgan} |")
    return lines


COLUMNS = (("alone", "alone_steps"), ("sgan", "steps"))

if __name__ == "__main__":
    raise SystemExit(main())
