"""Judging an image-to-image generator while it is trained, so that the best checkpoint can be kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cganx.data import TranslationSet
from cganx.errors import BackendMissing
from cganx.evaluation.backbones import Backbone, Stages, efflite0, efflite0_stages
from cganx.evaluation.kernel import kernel_distance
from cganx.evaluation.translation import feature_distance, psnr, ssim
from cganx.training.figures import TranslationFigures
from cganx.training.metric import Periodic
from cganx.training.run import Run
from cganx.training.sampling import to_pixels
from cganx.training.updates import TranslationBatch, in_eval_mode
from cganx.training.updates.translating import call

__all__ = ["SAMPLES", "TranslationMetric"]

_log = logging.getLogger("cganx")
SAMPLES, BATCH = 128, 16
Pixels = NDArray[np.uint8]


class TranslationMetric(Periodic):
    """Judges generators of one run by the first 128 held-out pictures.

    Of pairs by PSNR, SSIM and, where EfficientNet-Lite0 is installed, the distance in its maps, which then ranks; of two
    heaps by the kernel distance to held-out targets in its features, and by what is left after going there and back.
    """

    def __init__(self, data: TranslationSet, run: Run) -> None:
        super().__init__(run.preset.settings.metric_every)
        self._data, self._run = data, run
        self._network: tuple[Stages, Backbone] | None = None
        self._sought = False

    def ready(self, halted: Callable[[], bool]) -> bool:  # noqa: ARG002
        """Whether there is what judges: of pairs always, of two heaps a feature network, for which one sentence asks."""
        if not self._sought:
            self._sought = True
            try:
                self._network = (efflite0_stages(), efflite0())
            except BackendMissing as error:
                paired = self._run.config.paired
                self._every = self._every if paired else 0
                so = "by levels and structure alone" if paired else "not at all, and the best is not chosen"
                _log.warning("checkpoints are judged %s: %s", so, error)
        return self._every > 0

    @torch.no_grad()
    def __call__(self, generator: nn.Module) -> TranslationFigures:
        """The figures of a generator, which stays as it is. Call :meth:`ready` first."""
        run = self._run
        preset: Any = run.preset
        device = next(generator.parameters()).device
        held_out = preset.pictures(run.config, self._data.test, device).held_out(SAMPLES)
        made, back = self._made(generator, held_out)
        target = to_pixels(held_out.target)
        values: dict[str, float] = {}
        if run.config.paired:
            values = {"psnr": float(psnr(made, target).mean()), "ssim": float(ssim(made, target).mean())}
            if self._network is None:
                return TranslationFigures(values=values, best="ssim", rising=True, samples=len(made), judge="pixels")
            values["distance"] = float(feature_distance(made, target, self._network[0]).mean())
            best = "distance"
        else:
            if back is not None:
                values["round_trip"] = float(psnr(back, to_pixels(held_out.source)).mean())
            values["kernel"], best = self._kernel(made, target), "kernel"
        return TranslationFigures(values=values, best=best, rising=False, samples=len(made), judge="efflite0")

    def _made(self, generator: nn.Module, held_out: TranslationBatch) -> tuple[Pixels, Pixels | None]:
        """What is made of the sources, each style in turn where there are styles, and how it comes back where it does."""
        source, mask, styles = held_out.source, held_out.mask, len(self._run.config.classes)
        label = None if not styles else torch.eye(styles).to(source)[torch.arange(len(source)) % styles]
        back: Any = getattr(generator, "back", None)
        made, again = [], []
        with in_eval_mode(generator):
            for start in range(0, len(source), BATCH):
                part = slice(start, start + BATCH)
                image = call(generator, source[part], *(None if one is None else one[part] for one in (mask, label)))
                made.append(to_pixels(image))
                if back is not None:
                    again.append(to_pixels(call(back, image)))
        return np.concatenate(made), np.concatenate(again) if again else None

    def _kernel(self, made: Pixels, target: Pixels) -> float:
        """The kernel distance in EfficientNet-Lite0's features."""
        assert self._network is not None
        backbone = self._network[1]
        return kernel_distance(*(backbone.features(pixels, "", lambda *_: None) for pixels in (made, target)))
