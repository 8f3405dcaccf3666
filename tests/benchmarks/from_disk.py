"""A classifier that learns from 60,000 generated pictures as they lie on the disk, asked about real ones.

    python tests/benchmarks/from_disk.py --source folder|shards|real [--passes 3]

``folder`` is what ``cganx generate fashion --layout imagefolder`` writes, ``shards`` what ``--shards`` writes, read by Pillow
and the ``webdataset`` package, batch by batch in each pass, as a training program of somebody else would; ``real`` are the
60,000 training pictures of Fashion-MNIST as PNGs in a folder of the same form. Network and recipe are the oracle's, but for
the number of passes. The set is written first, below build/, and kept, and so is what each pass has learnt: the command goes
on where it was left.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from report import Figure, main
from subjects import BUILD, say
from torch import Tensor
from torch.nn import functional as F

from cganx import data
from cganx.data import DataSet
from cganx.evaluation.classifier import ORACLE, FeatureNetwork, Recipe, to_input
from cganx_cli.group import cganx
from cganx_cli.names import file_names

PICTURES = 60_000
SHARDS = 60
BATCH = 128
Batches = Callable[[int], Iterator[tuple[Tensor, Tensor]]]


def generated(out: Path, *args: str) -> Path:
    """The set, written by the command or found as it wrote it."""
    words = ["generate", "fashion", "--seeds", f"0-{PICTURES // 10 - 1}", "--existing", "skip", "-o", str(out), *args]
    cganx.main(words, standalone_mode=False)
    return out


def real(out: Path, dataset: DataSet) -> Path:
    """The real training pictures as a class folder."""
    for place, (image, label) in enumerate(zip(dataset.train.images, dataset.train.labels, strict=True)):
        path = out / file_names(dataset.classes)[dataset.classes[label]] / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            Image.fromarray(image[:, :, 0]).save(path)
    return out


def of_folder(root: Path, folders: Mapping[str, int]) -> Batches:
    """Pictures in another order each pass; a label is the name of the folder."""
    files = [(path, folders[path.parent.name]) for path in sorted(root.glob("*/*.png"))]
    assert len(files) == PICTURES

    def batches(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = np.random.default_rng(seed).permutation(len(files))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = [files[place] for place in order[start : start + BATCH]]
            yield _tensors([(np.asarray(Image.open(path)), label) for path, label in chosen])

    return batches


def of_shards(root: Path) -> Batches:
    """Tars in another order each pass, and pictures drawn from a buffer; a label is the .cls member."""
    import webdataset

    names = [str(path) for path in sorted(root.glob("*.tar"))]
    assert len(names) == SHARDS

    def batches(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = [names[place] for place in np.random.default_rng(seed).permutation(len(names))]
        rows = webdataset.WebDataset(order, shardshuffle=False, seed=seed).shuffle(5000).decode("l8").to_tuple("png", "cls")
        waiting = []
        for row in rows:
            waiting.append(row)
            if len(waiting) == BATCH:
                yield _tensors(waiting)
                waiting = []

    return batches


def _tensors(rows: list[tuple[np.ndarray, int]]) -> tuple[Tensor, Tensor]:
    pixels = torch.from_numpy(np.stack([image for image, _ in rows])[..., None])
    return pixels, torch.tensor([label for _, label in rows])


def learnt(batches: Batches, classes: int, passes: int, kept: Path) -> FeatureNetwork:
    recipe = Recipe(passes=passes, batch_size=BATCH)
    torch.manual_seed(recipe.seed)
    random = torch.Generator().manual_seed(recipe.seed)
    network = ORACLE.build(1, 28, classes).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = passes * (PICTURES // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps, pct_start=0.2, cycle_momentum=False
    )
    parts, first = {"network": network, "optimizer": optimizer, "schedule": schedule}, 0
    if kept.exists():
        found = torch.load(kept, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(found[name])
        first = found["passes"]
    for number in range(first, passes):
        begun = time.monotonic()
        for pixels, labels in batches(number):
            loss = F.cross_entropy(network(ORACLE.vary(pixels, random)), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
        torch.save({name: part.state_dict() for name, part in parts.items()} | {"passes": number + 1}, kept)
        say(f"pass {number + 1} of {passes}: loss {loss.item():.3f}, {time.monotonic() - begun:.0f} s")
    return network.eval()


@torch.inference_mode()
def accuracy(network: FeatureNetwork, dataset: DataSet) -> float:
    images, labels = torch.from_numpy(np.array(dataset.test.images)), torch.from_numpy(np.array(dataset.test.labels))
    right = sum(
        int((network(to_input(images[at : at + 500])).argmax(1) == labels[at : at + 500]).sum())
        for at in range(0, len(labels), 500)
    )
    return right / len(labels)


def measure(arguments: Namespace) -> list[Figure]:
    dataset, begun = data.load("fashion-mnist"), time.monotonic()
    folders = {name: dataset.classes.index(label) for label, name in file_names(dataset.classes).items()}
    sources: Mapping[str, Callable[[], Batches]] = {
        "folder": lambda: of_folder(generated(BUILD / "disk-folder", "--layout", "imagefolder"), folders),
        "shards": lambda: of_shards(generated(BUILD / "disk-shards", "--shards", str(SHARDS))),
        "real": lambda: of_folder(real(BUILD / "disk-real", dataset), folders),
    }
    batches = sources[arguments.source]()
    say(f"the set is there after {time.monotonic() - begun:.0f} s")
    network = learnt(batches, len(dataset.classes), arguments.passes, BUILD / f"disk-{arguments.source}-{arguments.passes}.pt")
    note = f"{arguments.passes} passes over {PICTURES:,} pictures"
    return [Figure(f"right on real test pictures, learnt from: {arguments.source}", accuracy(network, dataset), note=note)]


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--source", "folder", "folder, shards or real"),
        ("--passes", 3, "passes over the pictures"),
    )
