"""``cganx models``: the generators that have a name, bundled or added. No session is built, so onnxruntime is not needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from cganx import runtime
from cganx.errors import ModelError, ModelNotFound
from cganx_cli import user_models
from cganx_cli.describe import described, sayable, table
from cganx_cli.options import json_option
from cganx_cli.progress import progress_bar

__all__ = ["models"]


def _complete_name(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    return [CompletionItem(name) for name in _named() if name.startswith(incomplete)]


def _digest(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    if text is not None and (len(text) != 64 or set(text.lower()) - set("0123456789abcdef")):
        raise click.BadParameter(f"{text!r} is no sha256: 64 hexadecimal digits", context, parameter)
    return None if text is None else text.lower()


@click.group(invoke_without_command=True)
@json_option("Print the list as JSON.")
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the generators that MODEL may name: those that are bundled, and those that you added.

    Added ones lie in $CGANX_MODELS, by default in your data folder; cganx.runtime.load finds them by name too.
    """
    if context.invoked_subcommand is None:
        _list(as_json)
    elif as_json:
        raise click.UsageError(f"--json stands behind the word: cganx models {context.invoked_subcommand} --json")


@models.command("list")
@json_option("Print a list of objects.")
def list_(as_json: bool) -> None:
    """List all generators that have a name."""
    _list(as_json)


@models.command()
@click.argument("name", metavar="NAME", shell_complete=_complete_name)
@json_option("Print one object, with the whole card.")
def show(name: str, as_json: bool) -> None:
    """Show what the generator NAME holds, and where it came from."""
    path = _path(name)
    file = runtime.read(path)
    origin = _origin(path)
    if as_json:
        one = _listed(name, path) | {"card": json.loads(file.card.to_json()), "source": origin}
        click.echo(json.dumps(one, ensure_ascii=False))
    else:
        click.echo(table(described(file) | {"file": str(path), "came from": origin}))


@models.command()
@click.argument("name", metavar="[NAME]", required=False, shell_complete=_complete_name)
def path(name: str | None) -> None:
    """Print a generator's path, or that of your model folder."""
    click.echo(runtime.models_folder() if name is None else _path(name))


@models.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=_complete_name)
@json_option("Print a list of objects.")
@click.pass_context
def verify(context: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Hold generators to their hashes: each NAME, else all.

    The exit code is 1 where one fails. The hash in a file tells damage. Of an added one all bytes are held to what was added,
    which tells a change too. What a file makes is tried by cganx check.
    """
    found = [_verified(name, _path(name)) for name in names or _named()]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        for one in found:
            click.echo(sayable(f"{one['name']}: {one['fault'] or 'whole'}"))
    if any(one["fault"] for one in found):
        context.exit(1)


@models.command()
@click.argument("source", metavar="FILE|URL", type=click.Path())
@click.option("--name", metavar="NAME", help="The name to give it; by default that of the file.")
@click.option("--sha256", "expected", metavar="HEX", callback=_digest, help="The hash that the file must have.")
@click.option("--offline", is_flag=True, envvar="CGANX_OFFLINE", help="Fetch nothing; CGANX_OFFLINE=1 says the same.")
@click.option("--replace", is_flag=True, help="Take the place of another file that was added under this name.")
@json_option("Print the new entry as JSON.")
def add(source: str, name: str | None, expected: str | None, offline: bool, replace: bool, as_json: bool) -> None:
    """Add a FILE, or what lies at a URL, to your model folder.

    It can be loaded by its name then, everywhere. It is put in place whole, after its size, its hash, its card and its graph
    have passed what loading checks.
    """
    chosen = user_models.name_for(source, name)
    with _shown_progress() as shown:
        path, _, new = user_models.add(source, chosen, expected=expected, offline=offline, replace=replace, shown=shown)
    if as_json:
        click.echo(json.dumps(_listed(path.stem, path) | {"new": new}, ensure_ascii=False))
    else:
        origin = user_models.came_from(path)
        digest = "" if origin is None else f", sha256 {origin.file_sha256}"
        click.echo(f"{path.stem}: {'added as' if new else 'there already, the same file:'} {path}{digest}", err=True)


@models.command()
@click.argument("name", metavar="NAME", shell_complete=_complete_name)
def remove(name: str) -> None:
    """Remove the generator NAME from your model folder."""
    click.echo(f"{name}: removed {user_models.remove(name)}", err=True)


@contextmanager
def _shown_progress() -> Iterator[Callable[[int, int], object]]:
    with progress_bar(0, "B") as bar:

        def shown(done: int, total: int) -> None:
            if bar is not None:
                bar.total = total or None
                bar.update(done - bar.n)

        yield shown


def _named() -> dict[str, Path]:
    """All generators that have a name; a bundled one keeps its own."""
    return runtime.bundled() | {name: path for name, path in runtime.added().items() if name not in runtime.bundled()}


def _path(name: str) -> Path:
    found = _named().get(name)
    if found is None:
        from difflib import get_close_matches

        near = get_close_matches(name, _named(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_named())}"
        raise ModelNotFound(f"no generator of that name is bundled or was added; {hint}", model=name)
    return found


def _list(as_json: bool) -> None:
    found = [_listed_anyhow(name, path) for name, path in _named().items()]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        click.echo(sayable(_line(one)))


def _line(one: dict[str, Any]) -> str:
    if "fault" in one:
        return f"{one['name']}: cannot be used: {one['fault']}, {one['path']}"
    image = one["image"]
    return (
        f"{one['name']}: {len(one['classes'])} classes, {image['width']} x {image['height']} x {image['channels']}, "
        f"{one['bytes'] / 1e6:.1f} MB, {one['path']}"
    )


def _listed_anyhow(name: str, path: Path) -> dict[str, Any]:
    """A list is not stopped by one file of it."""
    try:
        return _listed(name, path)
    except ModelError as error:
        return {"name": name, "bundled": name in runtime.bundled(), "path": str(path), "fault": error.message}


def _listed(name: str, path: Path) -> dict[str, Any]:
    file = runtime.read(path)
    card = json.loads(file.card.to_json())
    return {
        "name": name,
        "bundled": name in runtime.bundled(),
        "kind": card["kind"],
        "classes": card["classes"],
        "image": card["image"],
        "bytes": len(file.data),
        "sha256": file.sha256,
        "path": str(path),
    }


def _verified(name: str, path: Path) -> dict[str, Any]:
    fault = None
    try:
        data = runtime.read(path).data
    except ModelError as error:
        fault = error.message
    else:
        origin = user_models.came_from(path)
        if origin is not None and sha256(data).hexdigest() != origin.file_sha256:
            fault = "it is a sound generator, but not the file that was added"
    return {"name": name, "path": str(path), "fault": fault}


def _origin(path: Path) -> str:
    if path.stem in runtime.bundled():
        return "cganx, bundled"
    origin = user_models.came_from(path)
    return "a file that was put there by hand" if origin is None else origin.source
