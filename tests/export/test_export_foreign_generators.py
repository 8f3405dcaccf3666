"""Generators of packages that no one here wrote; foreign_generators/run_all.py tries more of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cganx import runtime
from cganx.checking import check

HERE = Path(__file__).resolve().parent / "foreign_generators"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "package"), [("biggan", "pytorch_pretrained_biggan"), ("projection", "torch_mimicry")], ids=["biggan", "mimicry"]
)
def test_a_packages_generator_leaves_as_a_sound_file(
    part: Callable[[str], None], tmp_path: Path, name: str, package: str
) -> None:
    for needed in ("torch", "onnx", "onnxscript", "onnxruntime", package):
        part(needed)
    path = tmp_path / f"{name}.onnx"
    # In a process of its own: it puts stand-ins in the place of packages.
    done = subprocess.run(
        [sys.executable, str(HERE / "export_one.py"), name, str(path)], check=True, stdout=subprocess.PIPE, text=True
    )
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["parity"] <= 1e-4
    assert measured.get("from_the_packages_own_call", 0) <= 1e-5
    found = check(path)
    assert found.passed, found.findings
    generator = runtime.load(path, device="cpu")
    classes = generator.card.classes
    pictures = generator.generate(list(classes), seeds=7)
    assert min(np.std(picture) for picture in pictures) > 4
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(generator.generate({classes[0]: 0.5, classes[1]: 0.5}, seeds=7)[0], pictures[0])
    if generator.card.truncates:
        assert not np.array_equal(generator.generate(classes[0], seeds=7, truncation=0.3)[0], pictures[0])
