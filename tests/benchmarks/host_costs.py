"""What a generator costs its host beside its pictures: warm-up, streams made ahead, spinning threads, loading and closing.

All in one process, in alternation, with the bundled ``fashion`` on the CPU. The cycles come last.
"""

from __future__ import annotations

import os
import time
import zlib
from argparse import Namespace
from collections.abc import Callable

from private_memory import private_bytes
from report import Figure, Target, main
from side_by_side import HAND_OVER, Spread, alternate
from subjects import say

from cganx import runtime

BATCHES = (1, 64, 256)
STREAMED, AWAITED = 640, 0.0005
USES: dict[str, Callable[[runtime.GeneratedPicture], object]] = {
    "does nothing": lambda _: None,
    "compresses them by zlib": lambda picture: zlib.compress(picture.pixels.tobytes(), 9),
    "waits half a millisecond for each": lambda _: time.sleep(AWAITED),
}


def measure(arguments: Namespace) -> list[Figure]:
    return [*warm_up(arguments.pairs), *spinning(arguments.pairs), *prefetching(arguments.pairs), *cycles(arguments.cycles)]


def warm_up(pairs: int) -> list[Figure]:
    figures = []
    for batch in BATCHES:
        say(f"the first generate of {batch}, {pairs} pairs ...")

        def first(warm: bool, batch: int = batch) -> float:
            with runtime.load("fashion", "cpu") as generator:
                if warm:
                    generator.warm_up(batch)
                return seconds(lambda: generator.generate("bag", range(batch), batch_size=batch))

        taken = alternate(lambda: first(False), lambda: first(True), pairs)
        spread = Spread.of([cold / warmed for cold, warmed in taken])
        figures.append(Figure(f"first generate of {batch}: without / with warm_up", spread.median, spread=spread))
    return figures


def spinning(pairs: int) -> list[Figure]:
    figures = []
    with runtime.load("fashion", "cpu") as asleep, runtime.load("fashion", "cpu", spin=True) as awake:
        for batch in (1, 16, 64):
            say(f"threads that spin, batch {batch}, {pairs} pairs ...")

            def turn(generator: runtime.Generator, batch: int = batch) -> float:
                time.sleep(HAND_OVER)
                return seconds(lambda: [generator.generate("bag", range(batch)) for _ in range(128 // batch)])

            taken = alternate(lambda: turn(asleep), lambda: turn(awake), pairs)
            spread = Spread.of([plain / spun for plain, spun in taken])
            figures.append(Figure(f"generate of {batch}: time without / with spin=True", spread.median, spread=spread))
        for generator, name in ((asleep, "without spin"), (awake, "with spin=True")):
            figures.append(Figure(f"a core's share, one picture 20 times a second, {name}", share(generator), "of a core"))
    return figures


def share(generator: runtime.Generator) -> float:
    begun, used = time.perf_counter(), time.process_time()
    for seed in range(100):
        generator.generate("bag", seed)
        time.sleep(0.05)
    return (time.process_time() - used) / (time.perf_counter() - begun)


def prefetching(pairs: int) -> list[Figure]:
    figures = []
    requests = [("bag", seed) for seed in range(STREAMED)]
    with runtime.load("fashion", "cpu") as generator:
        for name, use in USES.items():
            say(f"streams of a host that {name}, {pairs} pairs ...")

            def turn(prefetch: bool, use: Callable[[runtime.GeneratedPicture], object] = use) -> float:
                return seconds(lambda: [use(picture) for picture in generator.stream(requests, prefetch=prefetch)])

            taken = alternate(lambda: turn(False), lambda: turn(True), pairs)
            spread = Spread.of([plain / ahead for plain, ahead in taken])
            figures.append(Figure(f"a stream without / with prefetch, host {name}", spread.median, spread=spread))
    return figures


def cycles(number: int) -> list[Figure]:
    say(f"{number} cycles of load, generate and close ...")
    held = []
    for _ in range(number):
        with runtime.load("fashion", "cpu") as generator:
            generator.generate("bag", range(8))
        held.append(private_bytes(os.getpid()))
    tenth = max(1, number // 10)
    grown = (min(held[-tenth:]) - min(held[tenth : 2 * tenth])) / 2**20
    what = f"private memory, last tenth of {number:,} cycles of load and close against the second"
    return [Figure(what, grown, "MiB", target=Target("<=", 5))]


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(__doc__ or "", measure, ("--pairs", 15, "paired turns"), ("--cycles", 1000, "of load and close"))
