"""A worker that trains a preset with ``cganx.training.train``: the real loop with all that it writes down.

    cganx_steps.py DATA PRESET STEPS [PRECISION]

A turn is one stretch of STEPS steps between two lines of stats.jsonl; a checkpoint falls into it where one is due.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from queue import SimpleQueue

from side_by_side import serve

from cganx import networks, training
from cganx.training import Status
from cganx.training.presets import find_preset

FOREVER = 10**9


class Stretches:
    """The loop, held after every line of its statistics until it is asked for the next.

    It trains in the main thread, as the command does: OpenMP keeps threads for every thread that has worked with it, and
    lets them all wait otherwise where they are more than the cores.
    """

    def __init__(self, data: str, preset: str, steps: int, precision: str = "no") -> None:
        self.data, self.preset, self.steps, self.precision = data, preset, steps, precision
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._taken: SimpleQueue[float] = SimpleQueue()
        self._resumed = time.perf_counter()

    def turn(self, count: int) -> float:
        """Seconds of ``count`` steps, which must be a whole number of stretches."""
        stretches, rest = divmod(count, self.steps)
        if rest:
            raise ValueError(f"{count} steps are not a whole number of stretches of {self.steps}")
        total = 0.0
        for _ in range(stretches):
            self._asked.put(True)
            total += self._taken.get()
        return total

    def serve(self, about: dict[str, dict[str, int]]) -> None:
        """Answer for turns; the first stretch loads and warms up. With standard input, or an error, the process ends."""
        self._taken.get()
        try:
            serve(self.turn, about)
        finally:
            self._asked.put(False)

    def train(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            training.train(
                self.data,
                self.preset,
                folder,
                steps=FOREVER,
                settings={"log_every": self.steps},
                device="cpu",
                mixed_precision=self.precision,
                progress=self._hold,
            )

    def _hold(self, _: Status) -> None:
        self._taken.put(time.perf_counter() - self._resumed)
        if not self._asked.get():
            raise SystemExit
        self._resumed = time.perf_counter()


def parameters(preset: str) -> dict[str, int]:
    """How many numbers each of the preset's networks learns, on 28 x 28 grey pictures of ten classes."""
    recipe = find_preset(preset)
    shape = networks.ImageShape(1, *(recipe.fixed_size or (28, 28)))
    labels = tuple(str(number) for number in range(10))
    classes = len(recipe.settings.classes(labels))
    known = len(recipe.settings.taught(labels)) or classes
    players = {"generator": recipe.generator(shape, classes), "discriminator": recipe.discriminator(shape, known)}
    return {name: sum(one.numel() for one in module.parameters()) for name, module in players.items()}


if __name__ == "__main__":
    stretches = Stretches(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
    about = {"parameters": parameters(sys.argv[2])}
    threading.Thread(target=stretches.serve, args=(about,), daemon=True).start()
    stretches.train()
