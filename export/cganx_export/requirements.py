"""What export needs installed, asked for in one place."""

from __future__ import annotations

import importlib.util

from cganx.errors import BackendMissing
from cganx.runtime.backend import import_onnxruntime

__all__ = ["require_packages"]

PACKAGES = ("torch", "onnx", "onnxscript")


def require_packages() -> None:
    """Raise BackendMissing, with the pip line, where a package that export needs is not installed."""
    lacking = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if lacking:
        raise BackendMissing(
            f"export needs {' and '.join(lacking)}, which is not installed. "
            'Install what it needs: pip install "cganx[export,cpu]"'
        )
    import_onnxruntime()
