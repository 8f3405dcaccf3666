"""The group of all commands. It knows them by name and imports one when it is called, so that ``--help`` stays quick."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import Any, NoReturn

import click

from cganx import __version__
from cganx.errors import CganxError
from cganx_cli.interrupt import Terminated

__all__ = ["COMMANDS", "Entry", "LazyGroup", "cganx"]


@dataclass(frozen=True)
class Entry:
    """A command that is not imported yet: where it is, its line in the help, and the extra that brings what it needs."""

    target: str
    help: str
    extra: str = "cli"


COMMANDS: Mapping[str, Entry] = MappingProxyType(
    {
        "train": Entry("cganx.training.command:train", "Train a generator on labelled pictures.", "train"),
        "presets": Entry("cganx.training.command:presets", "List the training recipes.", "train"),
        "data": Entry("cganx.data.command:data", "Build data sets from packages on this machine."),
        "export": Entry("cganx_export.command:export", "Write a trained generator as one .onnx file.", "export"),
        "generate": Entry("cganx_cli.generate:generate", "Make pictures by class and seed: files, data sets, shards."),
        "translate": Entry("cganx_cli.translate:translate", "Turn pictures into pictures: files, folders, stdin."),
        "grid": Entry("cganx_cli.sheet:grid", "Make one labelled sheet: a row a class, a column a seed."),
        "explore": Entry("cganx_cli.explore:explore", "Sheets of the latent space: blends, directions ..."),
        "walk": Entry("cganx_cli.walk:walk", "An animation through seeds or classes: GIF, MP4 ..."),
        "evaluate": Entry("cganx.evaluation.command:evaluate", "Judge a generator's file by real pictures.", "evaluate"),
        "compare": Entry(
            "cganx.evaluation.command:compare", "Generators side by side: pictures, size, speed, figures.", "evaluate"
        ),
        "check": Entry("cganx_cli.check:check", "Check a generator's file, from the file alone."),
        "inspect": Entry("cganx_cli.describe:inspect", "Show what a generator file holds."),
        "models": Entry("cganx_cli.models:models", "List, add and verify the generators that have a name."),
        "again": Entry("cganx_cli.again:again", "Make a picture again from what it says of itself."),
        "doctor": Entry("cganx_cli.doctor:doctor", "Say what runs here, and what mends what does not."),
        "bench": Entry("cganx_cli.bench:bench", "Measure a generator: speed, start and memory."),
    }
)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and whose errors are one sentence and an exit code."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names of all commands, in the table's order."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command. None where there is none of that name."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.target.partition(":")
        try:
            command = getattr(import_module(module), name)
        except ImportError as error:
            _refuse_for_missing(error, cmd_name, entry)
        assert isinstance(command, click.Command)
        _give_examples(cmd_name, command)
        _name_near_choices(command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called; an unknown one is a usage error that names near ones."""
        name = args[0]
        if name not in self.entries and not name.startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(name, self.entries, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Commands: {', '.join(self.entries)}."
            ctx.fail(f"There is no command {name!r}. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete a command's name from the table, without importing any."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=entry.help) for name, entry in self.entries.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a package that it misses on the way is named with the pip line."""
        try:
            return super().invoke(ctx)
        except ImportError as error:
            name = ctx.invoked_subcommand
            if name not in self.entries:
                raise
            _refuse_for_missing(error, str(name), self.entries[str(name)])

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run and exit: 0 done, 1 failed with a sentence on stderr, 2 called wrongly, 130 interrupted, 143 terminated."""
        run = partial(super().main, *args, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        sys.exit(_exit_code(run))


def _exit_code(run: Callable[[], object]) -> int:
    try:
        code = run()
        if sys.stdout is not None:  # closed by whoever started this
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        return 143 if isinstance(error, Terminated) else 130
    except CganxError as error:
        click.echo(f"Error: {error}", err=True)
        return 1
    except BrokenPipeError:
        return _leave_quietly()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {where}{error.strerror or error}", err=True)
        return 1
    return code if isinstance(code, int) else 0  # an int is what ctx.exit() was given


def _refuse_for_missing(error: ImportError, command: str, entry: Entry) -> NoReturn:
    """Turn a missing package into a sentence; a part of cganx itself that cannot be imported is a bug and stays one."""
    package = (error.name or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or package in ("", "cganx", "cganx_cli", "cganx_export"):
        raise error
    raise click.ClickException(
        f'cganx {command} needs {package}, which is not installed: pip install "cganx[{entry.extra}]"'
    ) from None


def _give_examples(name: str, command: click.Command) -> None:
    """End the help of a command, and of those in its group, with calls that work."""
    from cganx_cli.examples import EXAMPLES

    if name in EXAMPLES and not command.epilog:
        lines = "\n".join(f"  {call}" for call in EXAMPLES[name])
        command.epilog = f"\b\nExamples:\n{lines}"
    for below, one in command.commands.items() if isinstance(command, click.Group) else ():
        _give_examples(f"{name} {below}", one)


class _NearChoice(click.Choice[Any]):
    """One of a few words; another is refused with the nearest."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        from difflib import get_close_matches

        folded = {str(one).casefold(): str(one) for one in self.choices}
        near = get_close_matches(str(value).casefold(), folded, n=1)
        hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
        return super().get_invalid_choice_message(value, ctx) + hint


def _name_near_choices(command: click.Command) -> None:
    for one in command.params:
        if type(one.type) is click.Choice:
            one.type = _NearChoice(one.type.choices, one.type.case_sensitive)
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        _name_near_choices(below)


def _leave_quietly() -> int:
    """The reader of stdout has gone: nobody is left to tell, and the interpreter's last flush must not complain."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="cganx", message="%(prog)s %(version)s")
def cganx() -> None:
    """Train conditional image generators, export each as one .onnx file, and make pictures with them."""
