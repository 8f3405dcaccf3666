"""A host of a generator's file, by one of four guests: what guest_table.py measures. Needs numpy and the guest alone.

    guest_subject.py import|picture|stay GUEST FILE

All make a picture of the same file. ``picture`` writes its bytes at once; ``stay`` makes it, rests, then makes others
at a host's pace, and writes what that cost as JSON into the file $TOLD. A peer is started as its documentation says, with the
file in the place of one of its models, and the session that it made runs.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

MODULES = {"cganx": "cganx.runtime", "bare": "onnxruntime", "fastembed": "fastembed", "rembg": "rembg"}
REST, PACE = 3.0, 0.05  # seconds
SOON = 40  # pictures

Picture = Callable[[], bytes]


def cganx(path: str) -> Picture:
    from cganx import runtime

    generator = runtime.load(path, device="cpu")
    return lambda: generator.generate(1, seeds=0).tobytes()


def bare(path: str) -> Picture:
    import onnxruntime

    return _picture_of(onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]))


def fastembed(path: str) -> Picture:
    from fastembed import ImageEmbedding

    folder = _folder_with(path, "model.onnx")
    (folder / "preprocessor_config.json").write_text('{"image_processor_type": "CLIPImageProcessor", "do_resize": false}')
    embedding = ImageEmbedding(
        "Qdrant/clip-ViT-B-32-vision", specific_model_path=os.fspath(folder), cache_dir=os.fspath(folder)
    )
    return _picture_of(embedding.model.model)


def rembg(path: str) -> Picture:
    folder = _folder_with(path, "mine.onnx")
    os.environ["REMBG_HOME"] = os.fspath(folder)  # it opens no model from elsewhere
    from rembg import new_session

    return _picture_of(new_session("u2net_custom", model_path=os.fspath(folder / "mine.onnx")).inner_session)


def _folder_with(path: str, name: str) -> Path:
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp())
    shutil.copyfile(path, folder / name)
    return folder


def _picture_of(session) -> Picture:  # type: ignore[no-untyped-def]
    """By hand: a latent, a class, and a run. Not of a seed, which cganx.runtime's picture is."""
    import numpy as np

    sizes = {value.name: value.shape[1] for value in session.get_inputs()}
    latent = np.random.default_rng(0).standard_normal((1, sizes["latent"]), np.float32)
    label = np.zeros((1, sizes["label"]), np.float32)
    label[0, 1] = 1.0
    return lambda: session.run(["pixels"], {"latent": latent, "label": label})[0].tobytes()


def private_bytes() -> int:
    """As private_memory.py, which is not importable everywhere."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "VmSwap:")))


def stay(picture: Picture) -> dict[str, float]:
    picture()
    private, threads = private_bytes(), len(list(Path("/proc/self/task").iterdir()))
    time.sleep(0.2)
    cpu, wall = time.process_time(), time.perf_counter()
    time.sleep(REST)
    idle = (time.process_time() - cpu) / (time.perf_counter() - wall)
    cpu = time.process_time()
    for _ in range(SOON):
        picture()
        time.sleep(PACE)
    return {"private": private, "threads": threads, "idle": idle, "paced": (time.process_time() - cpu) / SOON}


GUESTS: dict[str, Callable[[str], Picture]] = {"cganx": cganx, "bare": bare, "fastembed": fastembed, "rembg": rembg}

if __name__ == "__main__":
    how, guest, path = sys.argv[1:]
    if how == "import":
        importlib.import_module(MODULES[guest])
    elif how == "picture":
        os.write(1, GUESTS[guest](path)())
    else:
        told = stay(GUESTS[guest](path))
        Path(os.environ["TOLD"]).write_text(json.dumps(told))
