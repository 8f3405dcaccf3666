"""Options that several commands share."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from cganx.errors import CganxError, SeedError
from cganx_cli.seeds import Seeds, drawn_seeds, parse_seeds

__all__ = [
    "class_option",
    "code_option",
    "complete_model",
    "count_option",
    "device_option",
    "json_option",
    "model_argument",
    "seeds_of",
    "seeds_option",
    "truncation_option",
]

F = TypeVar("F", bound=Callable[..., Any])
COMPLETION = "_CGANX_COMPLETE"
MOST_DRAWN = 20_000  # what a sheet holds


def model_argument(command: F) -> F:
    """MODEL: a path, or the name of a bundled or added generator."""
    return click.argument("model", metavar="MODEL", shell_complete=complete_model)(command)


def complete_model(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Files, and the names of generators that begin so."""
    from cganx import runtime

    names = [name for name in (*runtime.bundled(), *runtime.added()) if name.startswith(incomplete)]
    return [CompletionItem(incomplete, type="file"), *map(CompletionItem, names)]


def complete_class(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """The classes of the MODEL that stands before: quoted for bash, which takes words as they come; others quote them."""
    from cganx import runtime

    # Where an option still lacks its value, click has not come to naming the arguments.
    model = context.params.get("model") or next(iter(context.args), "")
    try:
        card = runtime.read(runtime.find(model)).card
    except CganxError:
        return []
    names = [name for name in card.classes if name.startswith(incomplete) and "\n" not in name]
    if os.environ.get(COMPLETION, "").startswith("bash"):
        names = [name for name in names if "\\" not in name]  # click's script loses it
        names = names if _in_quotes() else list(map(shlex.quote, names))
    return list(map(CompletionItem, names))


def _in_quotes() -> bool:
    """Whether the word that bash completes begins with a quote, which bash itself will close."""
    words, number = os.environ.get("COMP_WORDS", "").split("\n"), os.environ.get("COMP_CWORD", "")
    return number.isdecimal() and int(number) < len(words) and words[int(number)].startswith(("'", '"'))


def class_option(command: F) -> F:
    """--class, repeatable."""
    return click.option(
        "--class",
        "classes",
        multiple=True,
        metavar="NAME",
        shell_complete=complete_class,
        help="A class by name or id, or a blend as sneaker=0.7,bag=0.3; repeat it for more. All classes by default.",
    )(command)


def seeds_option(default: str | None, help_text: str) -> Callable[[F], F]:
    """--seeds, inclusive ranges."""
    return click.option("--seeds", callback=_seeds, default=default, metavar="0-99,200", help=help_text)


def count_option(command: F) -> F:
    """--count, beside --seeds without a default: `seeds_of` puts the two together."""
    text = "Draw N seeds in a row, and name them, instead of --seeds."
    return click.option("--count", type=click.IntRange(1, MOST_DRAWN), metavar="N", help=text)(command)


def seeds_of(seeds: Seeds | None, count: int | None, default: str) -> Seeds:
    """What --seeds and --count say; drawn ones are named on stderr. click.UsageError where both say something."""
    if count is None:
        return parse_seeds(default) if seeds is None else seeds
    if seeds is not None:
        raise click.UsageError("--seeds and --count both say which seeds: give one of them")
    drawn = drawn_seeds(count)
    click.echo(f"Seeds {drawn}, drawn; --seeds {drawn} makes the same again.", err=True)
    return drawn


def device_option(command: F) -> F:
    """--device."""
    return click.option(
        "--device",
        callback=_device,
        default="auto",
        show_default=True,
        metavar="auto|cpu|cuda|cuda:N",
        help="What the generator runs on; cuda is a promise, auto takes the CPU where CUDA does not run.",
    )(command)


def code_option(command: F) -> F:
    """--code, repeatable."""
    return click.option(
        "--code",
        "codes",
        multiple=True,
        metavar="NAME=VALUE",
        help="Set one of the generator's codes, such as continuous-0=1.5; repeat it for more. Codes are 0 by default.",
    )(command)


def truncation_option(command: F) -> F:
    """--truncation."""
    return click.option(
        "--truncation",
        type=click.FloatRange(min=0, min_open=True),
        callback=_truncation,
        metavar="T",
        help="Redraw latents beyond T: smaller is more typical and less varied. Off by default.",
    )(command)


def json_option(help_text: str) -> Callable[[F], F]:
    """--json, a flag."""
    return click.option("--json", "as_json", is_flag=True, help=help_text)


def _seeds(context: click.Context, parameter: click.Parameter, text: str | None) -> Seeds | None:
    try:
        return None if text is None else parse_seeds(text)
    except SeedError as error:
        raise click.BadParameter(str(error), context, parameter) from None


def _truncation(context: click.Context, parameter: click.Parameter, number: float | None) -> float | None:
    if number is not None and math.isnan(number):
        raise click.BadParameter("nan is no number", context, parameter)
    return number


def _device(context: click.Context, parameter: click.Parameter, text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", text):
        raise click.BadParameter(f"{text!r} is none of auto, cpu, cuda and cuda:N", context, parameter)
    return text
