"""Every error that cganx raises on purpose.

    CganxError
    ├── ModelError                 a model file that cannot be used; .model says which
    │   ├── ModelNotFound          no such file and no such bundled name (also FileNotFoundError)
    │   ├── NotAGenerator          a file, but not a generator that follows the contract
    │   ├── UnsafeModel            refused before a session was built: it asks for more than a generator may
    │   ├── CardMismatch           the card and the graph disagree, or the file is damaged
    │   └── NewerFormat            written by a newer cganx
    ├── BackendMissing             a package that this work needs is not installed
    ├── BackendConflict            two onnxruntime distributions overwrite each other
    ├── DeviceUnavailable          the asked device cannot run; .requested .active .missing .fix
    ├── LabelError                 not a label of this generator (also ValueError)
    ├── SeedError                  not a seed (also ValueError)
    ├── RequestError               latents, codes, truncation or counts that do not fit (also ValueError)
    ├── DataError                  labelled pictures that cannot be read
    ├── TrainingError              a run that cannot start, go on or be resumed
    └── ExportError                a generator that cannot be written as a file that the runtime would accept

Messages are one sentence that names the cause, and say what to do next. Every name here is public as
``cganx.runtime.NAME`` too.
"""

from __future__ import annotations

__all__ = [
    "BackendConflict",
    "BackendMissing",
    "CardMismatch",
    "CganxError",
    "DataError",
    "DeviceUnavailable",
    "ExportError",
    "LabelError",
    "ModelError",
    "ModelNotFound",
    "NewerFormat",
    "NotAGenerator",
    "RequestError",
    "SeedError",
    "TrainingError",
    "UnsafeModel",
]


class CganxError(Exception):
    """Base of every error that cganx raises on purpose.

    >>> from cganx import runtime
    >>> try:
    ...     runtime.load("fasion")
    ... except runtime.CganxError as error:
    ...     print(error)
    fasion: there is no such file, and no bundled generator of that name; did you mean 'fashion'?
    """


_LONGEST = 600


def _sayable(text: str) -> str:
    """A text that may hold what a file says, as one line that a terminal or a log can be given."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


class ModelError(CganxError):
    """A model file that cannot be used. ``model`` is the path or name that was asked for, where there is one.

    >>> from cganx import runtime
    >>> try:
    ...     runtime.read("nowhere.onnx")
    ... except runtime.ModelError as error:
    ...     type(error).__name__, error.model, isinstance(error, FileNotFoundError)
    ('ModelNotFound', 'nowhere.onnx', True)
    """

    def __init__(self, message: str, *, model: str | None = None) -> None:
        message = _sayable(message)
        super().__init__(f"{_sayable(model)}: {message}" if model else message)
        self.message = message
        self.model = model

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_model_error, (type(self), self.message, self.model)


def _rebuild_model_error(cls: type[ModelError], message: str, model: str | None) -> ModelError:
    return cls(message, model=model)


class ModelNotFound(ModelError, FileNotFoundError):
    """No such file, and no such bundled generator."""

    def __str__(self) -> str:
        return str(self.args[0])


class NotAGenerator(ModelError):
    """The file is not a generator that follows the contract: no ONNX, no card, no ``image`` output."""


class UnsafeModel(ModelError):
    """The file asks for more than a generator may, and was refused before any session was built from it.

    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> try:
    ...     runtime.load(testing.TINY, limits=runtime.Limits(nodes=4))
    ... except runtime.UnsafeModel as error:
    ...     print(error.message)
    it has more than 4 nodes
    """


class CardMismatch(ModelError):
    """The card and the graph disagree, or the bytes are not the ones that the card was written for.

    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> damaged = testing.TINY.read_bytes().replace(b'"disc"', b'"disk"')
    >>> try:
    ...     runtime.load(damaged)
    ... except runtime.CardMismatch as error:
    ...     print(error.message)
    its cganx.sha256 does not fit its content: the file is damaged; fetch or export it again
    """


class NewerFormat(ModelError):
    """The card has a format number that only a newer cganx reads."""


class BackendMissing(CganxError):
    """A package that this work needs is not installed; the message holds the pip line that mends it."""


class BackendConflict(CganxError):
    """Two distributions of onnxruntime are installed over each other, and no usable session came of it."""


class DeviceUnavailable(CganxError):
    """The asked device cannot run.

    ``requested`` is what was asked for, ``active`` what would run instead, ``missing`` the library, provider or
    hardware that is not there, and ``fix`` the line that mends it.

    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> try:
    ...     runtime.load("fashion", "cuda", backend=testing.FakeBackend())
    ... except runtime.DeviceUnavailable as error:
    ...     error.requested, error.active, error.missing, error.fix
    ('cuda', 'cpu', 'this backend is a fake that has 0 GPUs', 'Give it more: FakeBackend(cuda=1)')
    """

    def __init__(self, *, requested: str, active: str, missing: str, fix: str) -> None:
        super().__init__(f"device {requested!r} cannot run here: {missing}. Active instead would be {active!r}. {fix}")
        self.requested = requested
        self.active = active
        self.missing = missing
        self.fix = fix

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_device_unavailable, (self.requested, self.active, self.missing, self.fix)


def _rebuild_device_unavailable(requested: str, active: str, missing: str, fix: str) -> DeviceUnavailable:
    return DeviceUnavailable(requested=requested, active=active, missing=missing, fix=fix)


class LabelError(CganxError, ValueError):
    """Not a label of this generator; the message names near ones.

    >>> from cganx.runtime import testing
    >>> testing.tiny().generate("disk")
    Traceback (most recent call last):
    cganx.errors.LabelError: there is no class 'disk'. Did you mean 'disc'?
    """


class SeedError(CganxError, ValueError):
    """A seed is an integer with 0 <= seed < 2**64.

    >>> from cganx.runtime import testing
    >>> testing.tiny().generate("disc", seeds=-1)
    Traceback (most recent call last):
    cganx.errors.SeedError: a seed is an integer with 0 <= seed < 2**64, not -1
    """


class RequestError(CganxError, ValueError):
    """Latents, codes, truncation or counts that do not fit the generator or each other, or a generator that is closed.

    >>> from cganx.runtime import testing
    >>> testing.tiny().generate("disc", latents=[[0.0] * 9])
    Traceback (most recent call last):
    cganx.errors.RequestError: latents must be numbers [n, 8], not float64 (1, 9)
    """


class DataError(CganxError):
    """Labelled pictures that cannot be read; the message names the file and the cause."""


class TrainingError(CganxError):
    """A run that cannot start, go on or be resumed; what was written before it stays."""


class ExportError(CganxError):
    """A generator that cannot be written as a file that the runtime would accept; nothing was written."""
