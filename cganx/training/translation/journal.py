"""What is written of an image-to-image run while it trains: its figures, and grids of held-out pictures."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cganx.data import TranslationSet
from cganx.grid import sheet
from cganx.training.checkpoint import write_whole
from cganx.training.health.measures import duplicates, nearest, pairwise, ratio, separation
from cganx.training.journal import AnyJournal
from cganx.training.report import write_report
from cganx.training.run import Run
from cganx.training.sampling import to_pixels
from cganx.training.state import State
from cganx.training.translation.preset import TranslationPreset
from cganx.training.updates import TranslationBatch, in_eval_mode
from cganx.training.updates.translating import call, nothing

__all__ = ["TranslationCheckup", "TranslationJournal", "rows_of"]

SHOWN, LOOKED_AT = 10, 64
TAIL = 0.01


class TranslationJournal(AnyJournal):
    """Writes what a run has come to; of several processes only the main one has it."""

    def __init__(self, run: Run, state: State, data: TranslationSet) -> None:
        preset: Any = run.preset
        pictures = preset.pictures(run.config, data.test, state.processes.device)
        super().__init__(run, state, TranslationCheckup(preset, pictures.held_out(LOOKED_AT), run.config.paired))
        self._shown = pictures.held_out(SHOWN)

    def show(self) -> None:
        """Write a sample grid, and the report anew."""
        buffer = io.BytesIO()
        sheet(rows_of(self._state.shown, self._shown, self._run.config.classes, self._run.config.paired)).save(buffer, "PNG")
        write_whole(self._run.path / "samples" / f"step-{self._state.step:08d}.png", buffer.getvalue())
        write_report(self._run)


@torch.no_grad()
def rows_of(
    generator: nn.Module, held_out: TranslationBatch, styles: tuple[str, ...], paired: bool
) -> list[tuple[str, NDArray[np.uint8]]]:
    """Sources, what is made of them (in each style), what it should be or how it comes back; sources as large as targets."""
    given = held_out.source
    factor = held_out.target.shape[-1] // given.shape[-1]
    rows = [("source", to_pixels(given.repeat_interleave(factor, 2).repeat_interleave(factor, 3)))]
    with in_eval_mode(generator):
        if styles:
            labels = [_style(given, place, len(styles)) for place in range(len(styles))]
            made = [(name, call(generator, given, held_out.mask, label)) for name, label in zip(styles, labels, strict=True)]
        else:
            made = [("made", call(generator, given, held_out.mask))]
        rows += [(name, to_pixels(one)) for name, one in made]
        back = getattr(generator, "back", None)
        if back is not None:
            rows.append(("and back", to_pixels(call(back, made[0][1]))))
    return [*rows, ("target" if paired else "of the kind", to_pixels(held_out.target))]


def _style(source: Tensor, place: int, styles: int) -> Tensor:
    label = torch.zeros(len(source), styles, device=source.device, dtype=source.dtype)
    label[:, place] = 1
    return label


class TranslationCheckup:
    """Fixed held-out pictures, by which a run is looked at again and again."""

    def __init__(self, preset: TranslationPreset[Any], held_out: TranslationBatch, paired: bool) -> None:
        self._pictures, self._paired, self._sees = held_out, paired, getattr(preset.update, "sees", nothing)

    @torch.no_grad()
    def measure(self, generator: nn.Module, discriminator: nn.Module) -> Mapping[str, float]:
        """How the networks do in eval mode, by name; neither is changed.

        The names are those of `cganx.training.health.Checkup`, where there is such a thing here; ``reach_low`` and
        ``reach_high`` are of held-out pictures, of black and white ones and of noise. ``change`` is the mean distance of what
        is made from its source over that of targets from sources, where they have the same shape and are no pairs.
        """
        real, source, mask, label = (getattr(self._pictures, name) for name in ("target", "source", "mask", "label"))
        label = None if label is None else _even(label, len(source))
        with in_eval_mode(generator, discriminator):
            made = call(generator, source, mask, label)
            noise = torch.rand(source.shape, generator=torch.Generator().manual_seed(0)).to(source) * 2 - 1
            far = [call(generator, one, mask, label) for one in (torch.ones_like(source), -torch.ones_like(source), noise)]
            seen = self._sees(self._pictures)
            judge = getattr(discriminator, "there", discriminator)
            scores = [
                judge(image, seen, given).score.double().flatten(1).mean(1)
                for image, given in ((real, self._pictures.label), (made, label))
            ]
        flat_real, flat_made = real.flatten(1).double(), made.flatten(1).double()
        values = flat_real.flatten()[: 1 << 22]
        low, high = (values.kthvalue(max(1, round(share * len(values)))).values for share in (TAIL, 1 - TAIL))
        out = {
            "reach_low": torch.stack([one.min() for one in (made, *far)]).min(),
            "reach_high": torch.stack([one.max() for one in (made, *far)]).max(),
            "real_low": low,
            "real_high": high,
            "separation": separation(*scores),
            "score_spread": torch.cat(scores).std(),
        }
        if min(len(flat_real), len(flat_made)) >= 4:
            usual, nearest_made = nearest(flat_real).median(), nearest(flat_made)
            out |= {
                "variety": ratio(pairwise(flat_made), pairwise(flat_real)),
                "nearest": ratio(nearest_made.median(), usual),
                "duplicates": duplicates(nearest_made, usual),
            }
        if not self._paired and source.shape[1:] == real.shape[1:]:
            count = min(len(source), len(real))
            out["change"] = ratio((made - source)[:count].abs().mean(), (real[:count] - source[:count]).abs().mean())
        return {name: round(float(value), 6) for name, value in out.items()}


def _even(label: Tensor, n: int) -> Tensor:
    """Label weights [n, styles], each style in turn."""
    return torch.eye(label.shape[1], device=label.device, dtype=label.dtype)[torch.arange(n) % label.shape[1]]
