# SPDX-License-Identifier: GPL-3.0-or-later
"""Which onnxruntime is in use, and the user's own one for CUDA, tried in a child process before it is let in here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cganx.runtime import BackendConflict, BackendMissing, DeviceUnavailable

from .refusal import Refusal

TRIAL_SECONDS = 120
ANSWER = "cganx-trial:"
WHEELS = Path(__file__).parent / "wheels"  # what the extension brought, for several Pythons


@dataclass(frozen=True)
class Found:
    """An onnxruntime: its version, where it lies, and the device that a session of it really ran on, with why."""

    version: str
    path: str
    device: str = ""
    reason: str = ""


def in_use() -> Found | None:
    """The onnxruntime that is imported in this process, whoever imported it; None where none is."""
    module = sys.modules.get("onnxruntime")
    if module is None:
        return None
    return Found(str(getattr(module, "__version__", "unknown")), str(getattr(module, "__file__", "unknown")))


def explained(error: BackendMissing | BackendConflict | DeviceUnavailable) -> str:
    """The runtime's sentence with what mends it in Blender, where its own names lines for pip."""
    if isinstance(error, DeviceUnavailable):
        return f"{error.missing}: name the folder of an onnxruntime-gpu in the preferences, or choose another device there"
    cause, _, _ = str(error).partition(". ")
    used = in_use()
    python = f"{sys.version_info.major}{sys.version_info.minor}"
    if used is None and not list(WHEELS.glob(f"onnxruntime-*-cp{python}-*.whl")):
        return f"{cause}: this extension brings none for Blender's Python; build one with build.py --python cp{python}"
    if used is None:
        return f"{cause}: turn the extension off and on in the preferences, and Blender installs its own again"
    return f"{cause}: it is the one in {used.path}; where another add-on brought it, turn that off and start Blender again"


def trial_code(folder: Path, library: Path, model: Path) -> str:
    """What the child runs: the user's folder first, a session on CUDA, and one line that says what came of it."""
    return (
        "import json, sys\n"
        f"sys.path[:0] = [{str(folder)!r}, {str(library)!r}]\n"
        "from cganx import runtime\n"
        f"with runtime.load({str(model)!r}, 'auto') as generator:\n"
        "    generator.generate(0 if generator.card.classes else None, 0)\n"
        "    import onnxruntime\n"
        "    found = dict(version=onnxruntime.__version__, path=onnxruntime.__file__,\n"
        "                 device=str(generator.device), reason=generator.device.reason)\n"
        f"print({ANSWER!r} + json.dumps(found), flush=True)\n"
    )


def try_folder(command: Sequence[str], folder: Path, library: Path, model: Path) -> Found:
    """What an onnxruntime in ``folder`` does, run in a child so that a crash in it stays there.

    ``command`` runs Python code that is added to it as its last argument. Raises Refusal.
    """
    if not (folder / "onnxruntime").is_dir():
        raise Refusal(f"There is no onnxruntime in {folder}: name the folder that pip install --target filled")
    try:
        done = subprocess.run(
            [*command, trial_code(folder, library, model)],
            capture_output=True,
            text=True,
            timeout=TRIAL_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise Refusal(f"The onnxruntime in {folder} did not answer within {TRIAL_SECONDS} seconds") from None
    except OSError as error:
        raise Refusal(f"The onnxruntime in {folder} could not be tried: {error}") from None
    answers = [line for line in done.stdout.splitlines() if line.startswith(ANSWER)]
    if not answers:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise Refusal(f"The onnxruntime in {folder} does not run: {said[-1][:300] if said else f'exit {done.returncode}'}")
    found = Found(**json.loads(answers[-1].removeprefix(ANSWER)))
    if not Path(found.path).is_relative_to(folder):
        raise Refusal(f"Another onnxruntime came before the one in {folder}: {found.path}")
    return found
