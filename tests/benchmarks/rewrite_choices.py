"""Which form each preset's and each bundled generator takes on this machine, and what it brings at batch 1 and 64.

    python tests/benchmarks/rewrite_choices.py [--only NAME,NAME] [--json]

The plain file of each preset has fresh weights, 28 x 28 grey pictures (56 x 56 colour where the preset asks for that) and ten
classes. Of bundled files the weights are float32 here, and what was rewritten when they were made stays. A ratio is time / the
plain form's, as export measures it: each form alone in its process, by turns, the median of the pairs.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path

import onnx
from report import Figure, Target, main
from subjects import BUILD, ROOT, kept_file, say, single_file

from cganx import runtime
from cganx.card import GeneratorCard, Image, Latent
from cganx_export import timing
from cganx_export.rewrites import forms
from cganx_export.sealing import model_of

CLASSES = tuple("abcdefghij")
NO_SLOWER = Target("<=", 1.0)


def measure(arguments: Namespace) -> list[Figure]:
    wanted = [name for name in arguments.only.split(",") if name]
    files = {name: make for name, make in _files().items() if not wanted or name in wanted}
    return [figure for name, make in files.items() for figure in _figures(name, make)]


def _figures(name: str, path: Path) -> Iterator[Figure]:
    path = _preset(name, path) if not path.is_relative_to(ROOT / "cganx") and "plugins" not in path.parts else single_file(path)
    say(f"the forms of {name} ...")
    tried = forms(onnx.load(path).graph)
    models = [model_of(form.graph).SerializeToString(deterministic=True) for form in tried]
    trials = timing.compare([form.rewrites for form in tried], models, runtime.read(path).card) if len(tried) > 1 else ()
    place = timing.fastest(trials)
    others = "; ".join(f"{' + '.join(one.rewrites)} {one.ratio:.2f}" for one in trials)
    if place is None:
        yield Figure(f"{name}: plain", 1.0, target=NO_SLOWER, note=others)
        return
    for one in trials[place].times:
        taken = " + ".join(trials[place].rewrites)
        yield Figure(f"{name}: {taken}, batch {one.batch}", one.ratio, target=NO_SLOWER, note=others)


def _files() -> Mapping[str, Path]:
    from cganx.training import LATENT_PRESETS

    presets = {name: BUILD / "presets" / f"{name}.onnx" for name in LATENT_PRESETS}
    bundled = [*runtime.bundled().values(), ROOT / "plugins" / "blender" / "generators" / "materials.onnx"]
    return presets | {f"bundled {path.stem}": path for path in bundled}


def _preset(name: str, path: Path) -> Path:
    def make() -> None:
        import torch

        from cganx.networks import ImageShape, folded
        from cganx.training import LATENT_PRESETS
        from cganx_export import export

        preset = LATENT_PRESETS[name]
        height, width = preset.fixed_size or (28, 28)
        channels = 3 if (height, width) == (56, 56) else 1
        classes = tuple(preset.settings.classes(CLASSES))
        torch.manual_seed(0)
        module = preset.generator(ImageShape(channels, height, width), len(classes)).eval()
        for tensor in module.state_dict().values():  # what is zero would be left out
            if tensor.is_floating_point() and tensor.ndim == 1:
                tensor.add_(0.05 * torch.rand(tensor.shape))
        card = GeneratorCard(
            name=name,
            kind="class" if classes else "unconditional",
            classes=classes,
            latent=Latent(size=int(module.latent), distribution=preset.latent),  # type: ignore[arg-type]
            image=Image(height=height, width=width, channels=channels),
        )
        export(folded(module), card, path, rewrite=False)

    return kept_file(path, make)


if __name__ == "__main__":
    main(__doc__ or "", measure, ("--only", "", "names, with commas between"))
