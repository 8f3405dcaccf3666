"""Write docs/presets.md from the table of presets, so that the page says what the code does.

    python scripts/make_presets_page.py [--check]

With --check nothing is written; the exit code is 1 where the page is not what this script would write.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cganx.networks import ImageShape
from cganx.networks.translation import TranslationShape
from cganx.training import DEFAULT, LATENT_PRESETS, PRESETS, Preset
from cganx.training.settings import TileableSettings
from cganx.training.translation.preset import TranslationPreset
from cganx.training.translation.presets import TRANSLATION_PRESETS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "presets.md"
HEAD = """# Presets

A preset is one full recipe. `cganx presets` prints each with its settings, `cganx train --preset NAME` takes one, and
`--set key=value` changes a setting; [small-data.md](small-data.md) has the options that most presets share, and
[presets/gpu.md](presets/gpu.md) shows what each makes at equal time on a shared GPU, with figures. This page is written by
`scripts/make_presets_page.py`.

Sizes are free from 8 to 256 pixels a side, in grey and colour, unless one is named. Parameters are those at 28 x 28 grey
pictures of ten classes (`dcgan-anime` and `dcgan-face`: at 56 x 56 in colour), without batch norm's running statistics.

"""
TILEABLE = """## Textures that repeat

With `--set tileable=true` ({names}) every convolution of the generator reads on at the opposite edge, so that a picture
beside its own copy shows no seam, and the file's card says `tileable`. The pictures to learn from need not repeat: made
ones are moved by a random offset on the torus, each time, before the discriminator sees them, so that the place of the seam
is judged as any other. The discriminator itself pads with zeros: with a wrapping one every real picture would have a seam
and no made one.

A size that the generator's doublings do not reach exactly would be cut, and a cut picture does not repeat: sides are multiples
of 2 over 10 pixels (square root of height times width), of 4 over 20, of 8 over 40, of 16 over 80, of 32 over 160. Without
`--image-size` the nearest such size is taken.

    cganx data build materials -o materials.npz
    cganx train --data materials.npz --set tileable=true --set even_classes=true --set mode_seeking=0.5 -o run
    cganx export run -o materials.onnx
"""
TRANSLATION = """## Pictures from pictures

These take a picture instead of a latent ([image-to-image.md](image-to-image.md)). Parameters are those at the named size in
colour, of both generators and discriminators where there are two."""
TRANSLATION_COLUMNS = ("preset", "what", "from", "loss", "size", "multiple of", "parameters G / D", "batch", "steps")
TEN = tuple("abcdefghij")
COLUMNS = ("preset", "what", "label in G / in D", "loss", "latents", "size", "parameters G / D", "batch", "steps")


def row(name: str, preset: Preset[Any]) -> tuple[str, ...]:
    """The cells of one preset."""
    size = preset.fixed_size or (28, 28)
    shape = ImageShape(3 if size == (56, 56) else 1, *size)
    classes = len(preset.settings.classes(TEN))
    taught = len(preset.settings.taught(TEN))
    counts = [parameters(preset.generator(shape, classes)), parameters(preset.discriminator(shape, taught or classes))]
    return (
        f"`{name}`{' (default)' if name == DEFAULT else ''}",
        preset.summary,
        f"{preset.generator_label} / {preset.discriminator_label}" if classes or taught else "none",
        preset.game.name,
        preset.latent,
        "free" if preset.fixed_size is None else f"{size[0]} x {size[1]}",
        " / ".join(f"{count:,}" for count in counts),
        str(preset.settings.batch_size),
        f"{preset.steps:,}",
    )


def translation_table() -> list[str]:
    """The lines of the table of image-to-image."""
    lines = [f"| {' | '.join(TRANSLATION_COLUMNS)} |", "|---" * len(TRANSLATION_COLUMNS) + "|"]
    return lines + [f"| {' | '.join(translation_row(name, preset))} |" for name, preset in TRANSLATION_PRESETS.items()]


def translation_row(name: str, preset: TranslationPreset[Any]) -> tuple[str, ...]:
    """The cells of one preset for image-to-image."""
    source, target = (ImageShape(3, side, side) for side in (preset.size // preset.scale, preset.size))
    shape, styles = TranslationShape(source, target, preset.scale), 4 if name.startswith("cartoongan") else 0
    with torch.device("meta"):
        counts = [parameters(build(shape, styles)) for build in (preset.generator, preset.discriminator)]
    learns = f"--task {preset.tasks[0]}" if preset.tasks else "--pairs" if preset.paired else "--unpaired"
    return (
        f"`{name}`",
        preset.summary,
        f"`{learns}`",
        preset.game.name,
        f"{preset.size} x {preset.size}",
        str(preset.multiple),
        " / ".join(f"{count:,}" for count in counts),
        str(preset.settings.batch_size),
        f"{preset.steps:,}",
    )


def parameters(module: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(one.numel() for one in module.parameters())


def tileable() -> list[str]:
    """The presets whose pictures may repeat without a seam."""
    return [name for name, preset in LATENT_PRESETS.items() if isinstance(preset.settings, TileableSettings)]


def page() -> str:
    """The page's text."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(row(name, preset))} |" for name, preset in LATENT_PRESETS.items()]
    lines += ["", *TRANSLATION.splitlines(), "", *translation_table()]
    lines += ["", *TILEABLE.format(names=", ".join(f"`{name}`" for name in tileable())).splitlines()]
    lines += ["", "## Where they come from, and where they are not as the original", ""]
    for name, preset in PRESETS.items():
        lines.append(f"- `{name}`: {preset.source}.{f' {preset.departs}' if preset.departs else ''}")
    return HEAD + "\n".join(lines) + "\n"


def main() -> int:
    """Write or check the page."""
    text = page()
    if "--check" in sys.argv[1:]:
        return int(not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
