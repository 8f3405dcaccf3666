"""The options with which a file of another maker is evaluated, and what they say."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from cganx.runtime import Generator, GeneratorCard, Tensors, card_of, find, load, read

__all__ = ["Subject", "foreign_options"]

F = TypeVar("F", bound=Callable[..., Any])
LEVELS = {"-1..1": (-1.0, 1.0), "0..1": (0.0, 1.0), "0..255": (0.0, 255.0)}
LAYOUTS = {"NCHW": False, "NHWC": True}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """MODEL and what was said of its tensors; all None for a file of ours."""

    model: str
    latent_input: str | None = None
    label_input_name: str | None = None
    output: str | None = None
    values: str | None = None
    layout: str | None = None
    latents: str | None = None

    @property
    def path(self) -> str:
        """The file: that of a bundled or added name, else what was given."""
        return find(self.model)

    @property
    def foreign(self) -> bool:
        """Whether it is adopted from another maker."""
        given = (self.latent_input, self.label_input_name, self.output, self.values, self.layout, self.latents)
        return any(one is not None for one in given)

    @property
    def tensors(self) -> Tensors:
        """What its tensors are called, and how its image lies."""
        low, high = LEVELS[self.values or "-1..1"]
        return Tensors(
            latent=self.latent_input or "latent",
            label=self.label_input_name or "label",
            image=self.output or "image",
            low=low,
            high=high,
            channels_last=LAYOUTS[self.layout or "NCHW"],
        )

    def card(self, classes: Sequence[str] = ()) -> GeneratorCard:
        """Its own card; of a foreign file one made from its graph, with the classes' names where its label has a name."""
        if not self.foreign:
            return read(self.path).card
        name = os.path.splitext(os.path.basename(self.model))[0]  # noqa: PTH119, PTH122
        names = classes if self.label_input_name is not None else ()
        return card_of(self.path, self.tensors, name=name, classes=names, distribution=self.latents or "normal")

    def load(self, device: str, classes: Sequence[str]) -> Generator:
        """Load it. Raises ModelError, DeviceUnavailable and others as :func:`cganx.runtime.load` does."""
        if not self.foreign:
            return load(self.path, device, spin=True)  # it makes many, and nothing else runs meanwhile
        return load(self.path, device, card=self.card(classes), tensors=self.tensors, spin=True)


def foreign_options(command: F) -> F:
    """The options of :class:`Subject`."""
    for option in reversed(
        (
            click.option("--latent-input", metavar="NAME", help="Of a file without card: its input for the random point."),
            click.option(
                "--label-input-name",
                metavar="NAME",
                help="Its input for the class, weights or a number by its type; the classes are the data's, in that order. "
                "[default: it takes no class]",
            ),
            click.option("--output", metavar="NAME", help="Its output with the pictures."),
            click.option("--values", type=click.Choice(list(LEVELS)), help="Its pictures' black and white. [default: -1..1]"),
            click.option("--layout", type=click.Choice(list(LAYOUTS)), help="How its pictures lie. [default: NCHW]"),
            click.option(
                "--latents", type=click.Choice(["normal", "uniform"]), help="What its random points are. [default: normal]"
            ),
        )
    ):
        command = option(command)
    return command
