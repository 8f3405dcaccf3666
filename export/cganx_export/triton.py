"""A generator's file as a model of a Triton Inference Server: its folder in a model repository.

https://github.com/triton-inference-server/server/blob/main/docs/user_guide/model_configuration.md
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from cganx.card import CARD_KEY, GeneratorCard
from cganx.errors import ExportError
from cganx.runtime import ModelFile, find, read
from cganx.runtime.model import Dimension
from cganx.whole_file import whole_folder

__all__ = ["LABELS_FILE", "MOST_PICTURES", "refuse_bad_repository", "triton_config", "triton_name", "write_triton"]

MOST_PICTURES = 64
"""What the server puts into one batch at most, unless something else is asked for."""
LABELS_FILE = "labels.txt"
LONGEST_NAME = 128
TYPES = MappingProxyType({"float32": "TYPE_FP32", "int64": "TYPE_INT64", "uint8": "TYPE_UINT8"})
# Pictures that are asked for within this time of each other are made in one batch.
QUEUE_MICROSECONDS = 500


def write_triton(
    model: str | os.PathLike[str],
    repository: str | os.PathLike[str],
    *,
    name: str | None = None,
    max_batch_size: int = MOST_PICTURES,
) -> Path:
    """Write ``repository/NAME/``: ``config.pbtxt``, ``1/model.onnx`` and, where there are classes, their names one a line.

    Args:
        model: a generator's file, or a bundled or added name. The reader holds it to what the runtime would load.
        repository: the model repository, a folder that is made where there is none.
        name: what the server calls the model; by default the card's name, with _ for what a URL would escape.
        max_batch_size: how many pictures the server makes in one run at most, of one or many requests.

    Returns the model's folder, which appears whole, by rename. Raises ExportError where it is there already or cannot be
    written, ModelError where the file is no generator.
    """
    if isinstance(max_batch_size, bool) or not isinstance(max_batch_size, int) or max_batch_size < 1:
        raise ExportError(f"max_batch_size is {max_batch_size!r}; say a whole number of at least 1")
    file = read(find(model))
    folder = refuse_bad_repository(Path(repository), name or file.card.name)
    config = triton_config(file, folder.name, max_batch_size)
    try:
        with whole_folder(folder) as scratch:
            (scratch / "1").mkdir()
            (scratch / "1" / "model.onnx").write_bytes(file.data)
            (scratch / "config.pbtxt").write_bytes(config.encode())
            if file.card.classes:
                (scratch / LABELS_FILE).write_bytes(_lines(file.card.classes).encode())
    except OSError as error:
        raise ExportError(f"{folder} cannot be written: {error.strerror or error}; choose another place") from error
    return folder


def refuse_bad_repository(repository: Path, name: str) -> Path:
    """The folder that a model of that name gets. Raises ExportError where it cannot be made there."""
    folder = repository / triton_name(name)
    if folder.exists() or folder.is_symlink():
        raise ExportError(f"{folder} is there already; remove it, or give the model another name with --name")
    parent = next(one for one in folder.absolute().parents if one.exists())
    if not parent.is_dir():
        raise ExportError(f"{folder} cannot be written: {parent} is a file, not a folder; name another folder")
    return folder


def triton_name(name: str) -> str:
    """A card's name as a folder's and a URL's: letters, digits, ``-``, ``_`` and points within."""
    return re.sub(r"^[.-]|[^A-Za-z0-9._-]", "_", name)[:LONGEST_NAME]


def triton_config(file: ModelFile, name: str, max_batch_size: int = MOST_PICTURES) -> str:
    """``config.pbtxt``: the file's tensors without the batch, dynamic batching, and the card as a parameter."""
    inputs = [_input(one, shape, str(file.types[one])) for one, shape in file.inputs.items()]
    outputs = [_tensor(one, shape, "uint8" if one == "pixels" else "float32") for one, shape in _outputs(file).items()]
    lines = [
        f"name: {_quoted(name)}",
        'backend: "onnxruntime"',
        f"max_batch_size: {max_batch_size}",
        *_blocks("input", inputs),
        *_blocks("output", outputs),
        f"dynamic_batching {{ max_queue_delay_microseconds: {QUEUE_MICROSECONDS} }}",
        *_blocks("parameters", [_parameter(key, value) for key, value in _parameters(file.card).items()]),
    ]
    return "\n".join([*lines, ""])


def _outputs(file: ModelFile) -> Mapping[str, tuple[Dimension, ...]]:
    """The outputs; height and width are open where the source's are."""
    image = file.card.image
    if file.card.source is None or file.card.source.height is not None:
        return file.outputs
    open_ones: dict[str, tuple[Dimension, ...]] = {
        "image": (image.channels, "height", "width"),
        "pixels": ("height", "width", image.channels),
    }
    return {name: open_ones[name] for name in file.outputs}


def _parameters(card: GeneratorCard) -> Mapping[str, str]:
    """What a client reads from the server's `v2/models/NAME/config`."""
    return {CARD_KEY: card.to_json()} | ({"labels": LABELS_FILE} if card.classes else {})


def _input(name: str, shape: tuple[Dimension, ...], dtype: str) -> str:
    if shape:
        return _tensor(name, shape, dtype)
    # The server knows no tensor without axes beside the batch: it takes [batch, 1] and hands on [batch].
    return f"{_tensor(name, (1,), dtype)} reshape {{ shape: [] }}"


def _tensor(name: str, shape: tuple[Dimension, ...], dtype: str) -> str:
    sizes = ", ".join(str(size) if isinstance(size, int) else "-1" for size in shape)
    return f"name: {_quoted(name)} data_type: {TYPES[dtype]} dims: [{sizes}]"


def _parameter(key: str, value: str) -> str:
    return f"key: {_quoted(key)} value {{ string_value: {_quoted(value)} }}"


def _blocks(name: str, bodies: Iterable[str]) -> list[str]:
    return [f"{name} {{ {body} }}" for body in bodies]


def _quoted(text: str) -> str:
    """A string of protobuf's text format, its bytes in UTF-8 where they can stand as they are."""
    escaped = {'"': '\\"', "\\": "\\\\"}
    letters = (escaped.get(one, one) if one >= " " and one != "\x7f" else f"\\{ord(one):03o}" for one in text)
    return f'"{"".join(letters)}"'


def _lines(names: Iterable[str]) -> str:
    """One name a line; a card's names have no line ends."""
    return "".join(f"{name}\n" for name in names)
