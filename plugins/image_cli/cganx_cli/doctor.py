"""``cganx doctor``: what runs here. Nothing is believed that a built session does not show, and nothing is left behind."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import click

import cganx
from cganx.errors import CganxError, DeviceUnavailable
from cganx_cli.describe import sayable
from cganx_cli.options import device_option, json_option

__all__ = ["doctor"]

WHEELS = re.compile(r"(?i)onnxruntime(-\w+)?")
EXTRAS = ("cli", "train", "export", "evaluate", "video", "ray", "bulk")


@dataclass(frozen=True)
class _Finding:
    """One thing that was looked at: how it is, what was seen, and the line that mends it where there is one."""

    name: str
    verdict: Literal["ok", "note", "fault"]
    said: str
    fix: str = ""


@click.command()
@device_option
@json_option("Print the findings as JSON.")
@click.pass_context
def doctor(context: click.Context, device: str, as_json: bool) -> None:
    """Say what runs here: Python, numpy, onnxruntime, the devices, what the extras bring, and the folders that are written to.

    A device is tried by a session and a picture, for what is only listed proves nothing. The exit code is 1 where --device
    cannot work; with auto, where not even the processor can.
    """
    findings = [*_installed(), _wheel(device), *_devices(device), *_extras(), *_folders()]
    works = all(one.verdict != "fault" for one in findings)
    if as_json:
        found = {"device": device, "works": works, "findings": [asdict(one) for one in findings]}
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        width = max(len(one.name) for one in findings)
        for one in findings:
            click.echo(sayable(f"{one.verdict:<5}  {one.name:<{width}}  {one.said}"))
            if one.fix:
                click.echo(sayable(f"{'':<{width + 9}}mend it: {one.fix}"))
    if not works:
        context.exit(1)


def _installed() -> Iterator[_Finding]:
    implementation = f"{platform.python_implementation()} {platform.python_version()}"
    yield _Finding("python", "ok", f"{implementation} on {platform.system()} {platform.machine()}, {sys.executable}")
    yield _Finding("cganx", "ok", f"{cganx.__version__}, {os.path.dirname(cganx.__file__)}")  # noqa: PTH120
    try:
        import numpy
    except ImportError as error:
        yield _Finding("numpy", "fault", f"it cannot be imported: {error}", "pip install --force-reinstall numpy")
    else:
        yield _Finding("numpy", "ok", f"{numpy.__version__}, {os.path.dirname(numpy.__file__)}")  # noqa: PTH120


def _wheel(asked: str) -> _Finding:
    """The distributions of onnxruntime; where it is not one, the line that leaves one, for the device that is asked for."""
    found = {one.name.lower(): one.version for one in metadata.distributions() if WHEELS.fullmatch(one.name or "")}
    said = " and ".join(f"{name} {version}" for name, version in sorted(found.items()))
    install = f'pip install "cganx[{"gpu" if asked.startswith("cuda") else "cpu"}]"'
    if not found:
        return _Finding("onnxruntime wheel", "note", "there is none", install)
    if len(found) == 1:
        return _Finding("onnxruntime wheel", "ok", said)
    line = f"pip uninstall -y {' '.join(sorted(found))} && {install}"
    return _Finding("onnxruntime wheel", "note", f"{said} overwrite each other: what works is chance", line)


def _devices(asked: str) -> Iterator[_Finding]:
    from cganx.runtime.backend import import_onnxruntime

    try:
        onnxruntime = import_onnxruntime()
    except CganxError as error:
        yield _Finding("onnxruntime", "fault", str(error))
        return
    yield _Finding("onnxruntime", "ok", f"{onnxruntime.__version__}, {os.path.dirname(str(onnxruntime.__file__))}")  # noqa: PTH120
    yield _Finding("providers", "note", f"listed: {', '.join(onnxruntime.get_available_providers())}; this proves nothing")
    yield _tried("cpu", wanted=asked in ("cpu", "auto"))
    cuda = "cuda" if asked in ("cpu", "auto") else asked
    yield _tried(cuda, wanted=asked == cuda)


def _tried(device: str, *, wanted: bool) -> _Finding:
    """A session, and a picture of it."""
    from cganx.runtime.backend import threads_here
    from cganx.runtime.testing import tiny

    fault: Literal["fault", "note"] = "fault" if wanted else "note"
    try:
        generator = tiny(device)
        generator.generate(0, 0)
    except DeviceUnavailable as error:
        return _Finding(f"device {device}", fault, error.missing, error.fix)
    except (CganxError, ImportError) as error:
        return _Finding(f"device {device}", fault, str(error))
    threads = f", {threads_here()} threads" if device == "cpu" else ""
    return _Finding(f"device {device}", "ok", f"a session was built and made a picture on {generator.device}{threads}")


def _extras() -> Iterator[_Finding]:
    try:
        needs = metadata.requires("cganx") or []
    except metadata.PackageNotFoundError:
        yield _Finding("extras", "note", "cganx is not installed by pip here, so what its extras bring is not known")
        return
    for extra in EXTRAS:
        wanted = [re.split(r"[^\w.-]", one)[0] for one in needs if re.search(rf"extra == ['\"]{extra}['\"]", one)]
        missing = [name for name in wanted if not _is_there(name)]
        if missing:
            yield _Finding(f"extra {extra}", "note", f"without {', '.join(missing)}", f'pip install "cganx[{extra}]"')
        elif wanted:
            yield _Finding(f"extra {extra}", "ok", ", ".join(f"{name} {metadata.version(name)}" for name in wanted))


def _is_there(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def _folders() -> Iterator[_Finding]:
    from cganx.runtime import models_folder

    yield _folder("cache folder", "CGANX_CACHE", _cache_folder)
    yield _folder("models folder", "CGANX_MODELS", lambda: Path(models_folder()))
    yield _folder("this folder", None, Path.cwd)


def _cache_folder() -> Path:
    from cganx.data.cache import cache_folder

    return cache_folder()


def _folder(name: str, variable: str | None, find: Callable[[], Path]) -> _Finding:
    fix = f"set {variable} to a folder that you may write to" if variable else ""
    try:
        folder = find()
    except (CganxError, OSError) as error:
        return _Finding(name, "note", str(error))
    there = next((one for one in (folder, *folder.absolute().parents) if one.is_dir()), folder)
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"cganx")
            file.flush()
        free = f"{shutil.disk_usage(there).free / 1e9:,.1f} GB free"
    except OSError as error:
        return _Finding(name, "note", f"{folder}: nothing can be written in {there}: {error.strerror or error}", fix)
    if there == folder:
        return _Finding(name, "ok", f"{folder}, {free}")
    if folder.exists():
        return _Finding(name, "note", f"{folder} is not a folder", fix)
    return _Finding(name, "ok", f"{folder}, not there yet, {free}")
