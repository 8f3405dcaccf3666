"""What is measured: environments, and generator files of the cdcgan network, kept under build/ until their sources change."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "benchmarks"
PACKAGES = ("cganx", "export/cganx_export", "plugins/image_cli/cganx_cli")
KERAS = ("keras==3.15.*", "tensorflow-cpu" if sys.platform == "linux" and os.uname().machine == "x86_64" else "tensorflow")
OPENVINO = ("openvino==2026.*", "numpy")


def say(text: str) -> None:
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


def users_environment() -> Mapping[str, str]:
    """The variables of a process as a user would start it: bytecode is kept, and nothing is imported from elsewhere."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONOPTIMIZE", "PYTHONPROFILEIMPORTTIME")
    return {name: value for name, value in os.environ.items() if name not in dropped} | {"ORT_DISABLE_TELEMETRY": "1"}


def installed() -> Path:
    """The Python of an environment with the built wheel and its extras ``cpu`` and ``cli``: what a user has."""
    wanted = _stamp([ROOT / "pyproject.toml", *_sources(*PACKAGES)], sys.version)

    def make() -> None:
        wheels = BUILD / "wheel"
        for old in wheels.glob("*.whl"):
            old.unlink()
        _pip(Path(sys.executable), "wheel", "--no-deps", "-w", os.fspath(wheels), os.fspath(ROOT))
        (wheel,) = wheels.glob("*.whl")
        _environment(BUILD / "installed", f"{wheel}[cpu,cli]", *_same_versions("numpy", "onnxruntime"))

    _kept(BUILD / "installed.stamp", wanted, make, "building the wheel and installing it into an environment of its own")
    return _python(BUILD / "installed")


def keras() -> Path:
    """The Python of an environment with Keras on TensorFlow."""

    def make() -> None:
        _environment(BUILD / "keras", *KERAS)

    _kept(BUILD / "keras.stamp", _stamp([], *KERAS, sys.version), make, "installing Keras and TensorFlow (about a minute)")
    return _python(BUILD / "keras")


def openvino() -> Path:
    """The Python of an environment with OpenVINO."""

    def make() -> None:
        _environment(BUILD / "openvino", *OPENVINO)

    _kept(BUILD / "openvino.stamp", _stamp([], *OPENVINO, sys.version), make, "installing OpenVINO")
    return _python(BUILD / "openvino")


def kept_file(path: Path, make: Callable[[], None]) -> Path:
    """A generator file that ``make`` writes, kept until what it is made by changes."""
    wanted = _stamp(_sources("cganx/networks", "export/cganx_export"), version("torch"), version("onnxruntime"))
    _kept(path.with_suffix(".stamp"), wanted, make, f"exporting {path.name}")
    return path


def peer(requirement: str) -> Path:
    """The Python of an environment with another package, and the numpy and onnxruntime of this one."""
    name = requirement.partition("[")[0].partition("=")[0]
    same = _same_versions("numpy", "onnxruntime")

    def make() -> None:
        _environment(BUILD / name, requirement, *same)

    _kept(BUILD / f"{name}.stamp", _stamp([], requirement, *same, sys.version), make, f"installing {requirement}")
    return _python(BUILD / name)


def cdcgan_file(*, rewrite: bool = True) -> Path:
    """A file of the cdcgan generator with fresh weights: speed does not depend on what it has learned."""
    path = BUILD / ("cdcgan.onnx" if rewrite else "cdcgan-plain.onnx")
    sources = _sources("cganx/runtime", "cganx/networks", "export/cganx_export")
    wanted = _stamp([ROOT / "cganx/card.py", *sources], version("torch"), version("onnxruntime"))

    def make() -> None:
        import torch

        from cganx.card import GeneratorCard, Image, Latent
        from cganx.networks import CDCGANGenerator, ImageShape
        from cganx_export import export

        torch.manual_seed(0)
        card = GeneratorCard(
            name=path.stem,
            image=Image(height=28, width=28, channels=1),
            classes=tuple(f"class {index}" for index in range(10)),
            latent=Latent(size=100),
        )
        say(str(export(CDCGANGenerator(ImageShape(1, 28, 28), 10), card, path, rewrite=rewrite)))

    _kept(path.with_suffix(".stamp"), wanted, make, f"exporting {path.name}")
    return path


def bundled_file() -> Path | None:
    """The bundled generator, where there is one."""
    path = ROOT / "cganx" / "zoo" / "fashion.onnx"
    return path if path.exists() else None


def single_file(half: Path) -> Path:
    """The same file with its float16 weights as float32, and without the casts behind them."""
    path = BUILD / f"{half.stem}-float32.onnx"

    def make() -> None:
        import numpy as np
        import onnx
        from onnx import numpy_helper

        from cganx import runtime
        from cganx_export.cleaning import replace_nodes
        from cganx_export.sealing import seal

        graph = onnx.load(half).graph
        halves = {one.name: one for one in graph.initializer if one.data_type == onnx.TensorProto.FLOAT16}
        casts = {node.input[0]: node.output[0] for node in graph.node if node.op_type == "Cast" and node.input[0] in halves}
        for name, cast in casts.items():
            halves[name].CopyFrom(numpy_helper.from_array(numpy_helper.to_array(halves[name]).astype(np.float32), cast))
        replace_nodes(graph, [node for node in graph.node if node.output[0] not in casts.values()])
        data, _ = seal(graph, runtime.read(half).card)
        path.write_bytes(data)

    _kept(path.with_suffix(".stamp"), _stamp([half, *_sources("export/cganx_export")]), make, f"writing {path.name}")
    return path


def script(name: str) -> str:
    """A script of this folder, as an argument for Python."""
    return os.fspath(HERE / name)


def _kept(stamp: Path, wanted: str, make: Callable[[], None], what: str) -> None:
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    say(f"{what} ...")
    make()
    stamp.write_text(wanted)


def _sources(*folders: str) -> list[Path]:
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )


def _stamp(files: Iterable[Path], *texts: str) -> str:
    digest = hashlib.sha256("\0".join(texts).encode())
    for path in files:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _same_versions(*names: str) -> list[str]:
    return [f"{name}=={version(name)}" for name in names]


def _environment(path: Path, *requirements: str) -> None:
    venv.EnvBuilder(clear=True, with_pip=True).create(path)
    _pip(_python(path), "install", "-c", os.fspath(ROOT / "constraints.txt"), *requirements)


def _pip(python: Path, *arguments: str) -> None:
    # Not the caller's PYTHONDONTWRITEBYTECODE: what pip installs for a user is compiled.
    command = [os.fspath(python), "-m", "pip", "-qq", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, env=users_environment(), stdout=sys.stderr)


def _python(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
