"""The first picture of a cold process, with numpy and onnxruntime alone: what cold_start.py measures cganx.runtime against.

first_picture.py FILE
"""

import os
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
sizes = {value.name: value.shape[1] for value in session.get_inputs()}
latent = np.random.default_rng(0).standard_normal((1, sizes["latent"]), np.float32)
label = np.zeros((1, sizes["label"]), np.float32)
label[0, 1] = 1.0
(pixels,) = session.run(["pixels"], {"latent": latent, "label": label})
os.write(1, pixels.tobytes())
