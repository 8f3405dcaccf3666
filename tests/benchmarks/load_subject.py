"""A generator that many threads share; says its private memory again and again (Linux).

    load_subject.py FILE THREADS SECONDS

Each line is JSON: ``at`` seconds, ``private`` bytes, ``runs`` so far, and how many of them ``differ`` from a single thread's.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time

from private_memory import private_bytes

from cganx import runtime

BATCHES = (1, 2, 3, 7, 16, 33, 64, 100)
REQUESTS = 40
EVERY = 0.5  # seconds


def say(at: float, runs: int, differ: int) -> None:
    print(json.dumps({"at": at, "private": private_bytes(os.getpid()), "runs": runs, "differ": differ}), flush=True)


def requests(classes: int) -> list[tuple[int, range]]:
    """(class, seeds) in many sizes."""
    dice = random.Random(0)
    return [(dice.randrange(classes), range(first := dice.randrange(2**40), first + BATCHES[n % 8])) for n in range(REQUESTS)]


def under_use(path: str, threads: int, seconds: float) -> None:
    """Each thread asks for one of the requests after the other, by chance, and holds the answer to that of a single thread."""
    generator = runtime.load(path, device="cpu")
    asked = requests(len(generator.card.classes))
    known = [generator.generate(label, seeds).tobytes() for label, seeds in asked]
    counts, over = [[0, 0] for _ in range(threads)], threading.Event()

    def work(number: int) -> None:
        dice, count = random.Random(number), counts[number]
        while not over.is_set():
            one = dice.randrange(len(asked))
            count[1] += generator.generate(*asked[one]).tobytes() != known[one]
            count[0] += 1

    crowd = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in crowd:
        thread.start()
    begun = time.monotonic()
    while (gone := time.monotonic() - begun) < seconds:
        say(gone, sum(runs for runs, _ in counts), sum(differ for _, differ in counts))
        time.sleep(EVERY)
    over.set()
    for thread in crowd:
        thread.join()


if __name__ == "__main__":
    path, threads, seconds = sys.argv[1:]
    under_use(path, int(threads), float(seconds))
