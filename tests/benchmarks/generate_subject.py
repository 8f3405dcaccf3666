"""A worker that makes pictures of one file: by ``Generator.generate``, or by the bare session; or that loads it.

    generate_subject.py runtime|raw|raw-quiet|load FILE BATCH

``raw`` is onnxruntime's default session with the same number of threads, ``raw-quiet`` has the options that the
runtime sets. Both are fed the same ready arrays each time; ``runtime`` starts from a label and seeds.
``load`` is ``runtime.load`` alone, whatever the batch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
from side_by_side import serve, timed


def through_runtime(path: str, batch: int) -> Callable[[], object]:
    from cganx import runtime

    generator = runtime.load(path, device="cpu")
    seeds = range(batch)
    return lambda: generator.generate(1, seeds, batch_size=batch)


def raw(path: str, batch: int, *, quiet: bool) -> Callable[[], object]:
    import onnxruntime

    from cganx.runtime.backend import threads_here

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads_here()
    if quiet:
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    sizes = {value.name: value.shape[1] for value in session.get_inputs()}
    latent = np.random.default_rng(0).standard_normal((batch, sizes["latent"]), np.float32)
    label = np.zeros((batch, sizes["label"]), np.float32)
    label[:, 1] = 1.0
    feed = {"latent": latent, "label": label}
    return lambda: session.run(["pixels"], feed)


def loading(path: str, batch: int) -> Callable[[], object]:
    from cganx import runtime

    assert batch
    return lambda: runtime.load(path, device="cpu")


SUBJECTS: dict[str, Callable[[str, int], Callable[[], object]]] = {
    "runtime": through_runtime,
    "raw": partial(raw, quiet=False),
    "raw-quiet": partial(raw, quiet=True),
    "load": loading,
}

if __name__ == "__main__":
    how, path, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
    serve(timed(SUBJECTS[how](path, batch)), {"subject": how, "batch": batch})
