"""The wheel, not the tree: built, installed into empty environments, and used from another folder.

Each environment is made by pip, so these are for CI: CGANX_REQUIRE=all asks for them.
"""

from __future__ import annotations

import json
import zipfile

from environments import IN_CI

COMMANDS = ["train", "presets", "export", "generate", "grid", "check", "inspect", "models", "again", "doctor", "bench"]

pytestmark = IN_CI


def test_the_wheel_holds_the_three_packages_and_their_files(wheel):
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        size = sum(one.file_size for one in opened.infolist())
    assert {"cganx/py.typed", "cganx/runtime/testing/tiny.onnx", "cganx/zoo/fashion.onnx"} <= names
    assert {"cganx_cli/__main__.py", "cganx_export/__init__.py"} <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"cganx", "cganx_cli", "cganx_export"}
    assert size < 20e6


def test_pictures_without_torch(wheel, environment):
    env = environment(f"{wheel}[cpu,cli]")
    env.pip("check")
    place = env.python("import cganx, cganx_cli; print(cganx.__file__, cganx_cli.__file__)")
    assert place.count(str(env.folder)) == 2
    env.python("import importlib.util as u; assert not any(map(u.find_spec, ['torch', 'onnx', 'scipy']))")

    assert all(f"  {name} " in env.run("cganx", "--help").stdout for name in COMMANDS)
    assert "fashion" in [one["name"] for one in json.loads(env.run("cganx", "models", "--json").stdout)]
    made = env.run("cganx", "generate", "fashion", "--class", "sneaker", "--seeds", "0-3", "-o", "out", "--json")
    assert json.loads(made.stdout)["written"] == 4
    assert made.stderr == ""
    assert sorted(path.name for path in env.work.glob("out/Sneaker/*")) == ["0.png", "1.png", "2.png", "3.png"]
    env.run("cganx", "grid", "fashion", "-o", "grid.png")
    assert json.loads(env.run("cganx", "check", "fashion", "--json").stdout)["passed"]
    assert (env.work / "grid.png").stat().st_size > 10_000
    shape = env.python("from cganx import runtime; print(runtime.load('fashion').generate('bag', seeds=range(3)).shape)")
    assert shape == "(3, 28, 28, 1)"
    refused = env.run("cganx", "train", "--data", "fashion-small", "-o", "run", code=1)
    assert 'pip install "cganx[train]"' in refused.stderr


def test_from_pictures_to_pixels(wheel, environment):
    """Train, export, embed: the main job, from the wheel, in a folder of its own."""
    env = environment(f"{wheel}[cpu,cli,train,export]")
    env.run("cganx", "train", "--data", "fashion-small", "--steps", "20", "--set", "batch_size=16", "-o", "run")
    env.run("cganx", "export", "run", "-o", "mine.onnx", "--no-rewrite")
    assert len(json.loads(env.run("cganx", "inspect", "mine.onnx", "--json").stdout)["classes"]) == 10
    env.run("cganx", "generate", "mine.onnx", "--seeds", "0-1", "-o", "out")
    assert len(list(env.work.glob("out/*/*.png"))) == 20
    bare = (
        "import numpy as np, onnxruntime as ort\n"
        "session = ort.InferenceSession('mine.onnx', providers=['CPUExecutionProvider'])\n"
        "size = {one.name: one.shape[1] for one in session.get_inputs()}\n"
        "feed = {'latent': np.zeros((3, size['latent']), np.float32), 'label': np.eye(3, size['label'], dtype=np.float32)}\n"
        "pixels, = session.run(['pixels'], feed)\n"
        "print(pixels.dtype, pixels.shape)"
    )
    assert env.python(bare) == "uint8 (3, 28, 28, 1)"
