"""What augmentation does where pictures are few: one preset on a few pictures a class, plain, with DiffAugment and with ADA.

python tests/benchmarks/few_pictures.py -o DIR [--pictures 5] [--steps 3000] [--every 250] [--arms plain,diffaugment,ada]

Each arm is a run in DIR that is resumed where it stands, so a call with more steps goes on. Every checkpoint is exported and
judged by the oracle of the full data set: label agreement, and the Frechet distance to the set's test pictures. Beside it
stands what the discriminator takes for real: its own pictures, and test pictures, which it has never seen. The two are the
same while it learns what pictures are, and part as it learns the few by heart (Karras et al. 2020, figure 1).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from cganx import data
from cganx.data import DataSet, LabelledImages
from cganx.evaluation import Oracle, Recipe, oracle, quality
from cganx.objectives import AdversarialLoss
from cganx.training import open_run, train
from cganx.training.checkpoint import load_checkpoint
from cganx.training.sampling import Reals
from cganx_export import export_run

ARMS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "diffaugment": {"augment_translation": 0.125, "augment_colour": 1.0, "augment_cutout": 0.5},
    "ada": {"ada_target": 0.6, "ada_pictures": 50_000},
}
QUICK = Recipe(passes=2)


def arguments(texts: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--out", type=Path, required=True, help="where the runs go, or lie")
    parser.add_argument("--data", default="fashion-small", help="what is learnt from (default: %(default)s)")
    parser.add_argument("--pictures", type=int, default=5, help="labelled pictures a class (default: %(default)s)")
    parser.add_argument("--judge", default="fashion-mnist", help="the full set, which judges (default: %(default)s)")
    parser.add_argument("--image-size", type=int, default=16, help="small is quick (default: %(default)s)")
    parser.add_argument("--preset", default="sngan-small")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--every", type=int, default=250, help="steps between judgements (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--samples", type=int, default=5000, help="pictures for each judgement (default: %(default)s)")
    parser.add_argument("--arms", default=",".join(ARMS), help="which, in order (default: %(default)s)")
    return parser.parse_args(texts)


def judged(run: Path, step: int, full: DataSet, judge: Oracle, samples: int) -> dict[str, Any]:
    """The figures of one checkpoint; kept beside it, for judging is not quick either."""
    kept = run / f"judged-{step}-{samples}.json"
    if not kept.exists():
        file = run / f"step-{step}.onnx"
        export_run(run, file, checkpoint=step, rewrite=False)
        kept.write_text(json.dumps(quality(file, full, samples=samples, judge=judge).to_dict()))
    figures: dict[str, Any] = json.loads(kept.read_text())
    return figures


@torch.inference_mode()
def taken_for_real(run: Path, step: int, part: LabelledImages, at_most: int = 1000) -> float:
    """The share of labelled pictures that the discriminator of that checkpoint takes for real, as they are."""
    opened = open_run(run)
    tensors, _ = load_checkpoint(run, step, prefix="discriminator/")
    discriminator = opened.preset.discriminator(opened.config.shape, len(opened.config.classes)).eval()
    discriminator.load_state_dict({name.removeprefix("discriminator/"): value for name, value in tensors.items()})
    reals = Reals(part.images, part.labels, len(opened.config.classes), torch.device("cpu"))
    batch = reals.batch(torch.arange(min(len(reals), at_most)))
    loss = opened.preset.game
    assert isinstance(loss, AdversarialLoss)
    return float((discriminator(batch.image, batch.label).score > loss.boundary).float().mean())


def probability(run: Path, step: int) -> str:
    """The adaptive probability at that checkpoint."""
    tensors, _ = load_checkpoint(run, step, prefix="augmentation/")
    found = tensors.get("augmentation/probability")
    return "-" if found is None else f"{float(found):.2f}"


def main(texts: Sequence[str] | None = None) -> None:
    chosen = arguments(texts)
    full = data.load(chosen.judge, image_size=chosen.image_size)
    judge = oracle(full, recipe=QUICK)
    few = data.load(chosen.data, image_size=chosen.image_size, channels=full.channels, labels_per_class=chosen.pictures)
    size = f"{chosen.image_size} x {chosen.image_size}"
    print(f"{chosen.preset}, {chosen.pictures} pictures a class of {few.name}, {size}, batch {chosen.batch_size}; ", end="")
    print(f"oracle {judge.accuracy:.4f} on the {judge.pictures} test pictures of {full.name}, floor {judge.floor:.3f}")
    print("| steps | arm | label agreement | Frechet distance | own / unseen pictures taken for real | augmentation |")
    print("|---|---|---|---|---|---|")
    shared = {"batch_size": chosen.batch_size, "metric_every": 0} | {
        f"{what}_every": chosen.every for what in ("checkpoint", "keep", "grid")
    }
    for step in range(chosen.every, chosen.steps + 1, chosen.every):
        for arm in chosen.arms.split(","):
            run = chosen.out / arm
            train(few, chosen.preset, run, steps=step, settings=shared | ARMS[arm])
            figures = judged(run, step, full, judge, chosen.samples)
            p = probability(run, step)
            taken = " / ".join(f"{taken_for_real(run, step, part):.2f}" for part in (few.train, few.test))
            print(f"| {step:,} | {arm} | {figures['agreement']:.3f} | {figures['frechet']:.2f} | {taken} | {p} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
