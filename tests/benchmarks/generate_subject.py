"""A worker that makes pictures of one file: by ``Generator.generate``, or by the bare session; or that loads it.

    generate_subject.py runtime|raw|raw-quiet|load|openvino|torch|products FILE BATCH

``raw`` is onnxruntime's default session with the same number of threads, ``raw-quiet`` has the options that the
runtime sets. Both are fed the same ready arrays each time; ``runtime`` starts from a label and seeds.
``load`` is ``runtime.load`` alone, whatever the batch. ``openvino`` runs the file in OpenVINO in float32, ``torch`` the cdcgan
module instead of a file; ``products`` are the matrix products of the cdcgan network's layers alone, four pictures a run.
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


def through_openvino(path: str, batch: int) -> Callable[[], object]:
    import openvino

    core = openvino.Core()
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    options = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": str(threads)}
    compiled = core.compile_model(core.read_model(path), "CPU", options)
    latent = np.random.default_rng(0).standard_normal((batch, 100), np.float32)
    label = np.eye(10, dtype=np.float32)[np.ones(batch, np.int64)]
    request, pixels = compiled.create_infer_request(), compiled.output("pixels")
    return lambda: request.infer({"latent": latent, "label": label})[pixels]


def eager(path: str, batch: int) -> Callable[[], object]:
    import torch

    from cganx.networks import CDCGANGenerator, ImageShape

    assert path
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    module = CDCGANGenerator(ImageShape(1, 28, 28), 10).eval()
    latent, label = torch.randn(batch, 100), torch.eye(10)[torch.ones(batch, dtype=torch.int64)]

    def make() -> object:
        with torch.inference_mode():
            return ((module(latent, label) + 1) * 127.5).round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()

    return make


def products(path: str, batch: int) -> Callable[[], object]:
    """As many runs of four pictures as ``batch`` asks for: larger ones are slower, for what they make leaves the cache."""
    from onnx import TensorProto, helper, numpy_helper

    from cganx.runtime.backend import open_session

    assert path
    assert batch % 4 == 0
    shapes = ((1, 100, 6272), (49, 129, 2048), (196, 128, 2048), (784, 128, 49))  # rows a picture, inner, columns
    nodes, ends, stored, given = [], [], [], {}
    for number, (rows, inner, columns) in enumerate(shapes):
        nodes.append(helper.make_node("MatMul", [f"x{number}", f"w{number}"], [f"y{number}"]))
        ends.append([helper.make_tensor_value_info(f"{end}{number}", TensorProto.FLOAT, None) for end in "xy"])
        stored.append(numpy_helper.from_array(np.ones((inner, columns), np.float32), f"w{number}"))
        given[f"x{number}"] = np.ones((4 * rows, inner), np.float32)
    graph = helper.make_graph(nodes, "products", [one[0] for one in ends], [one[1] for one in ends], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    session, _ = open_session(model.SerializeToString(), "cpu", None)

    def make() -> object:
        for _ in range(batch // 4):
            session.run(None, given)
        return None

    return make


SUBJECTS: dict[str, Callable[[str, int], Callable[[], object]]] = {
    "runtime": through_runtime,
    "raw": partial(raw, quiet=False),
    "raw-quiet": partial(raw, quiet=True),
    "load": loading,
    "openvino": through_openvino,
    "torch": eager,
    "products": products,
}

if __name__ == "__main__":
    how, path, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
    serve(timed(SUBJECTS[how](path, batch)), {"subject": how, "batch": batch})
