"""Help, README and the pages of docs say what is so: every example parses, and every option that they name is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "torch", "onnx"):  # every command is imported
        part(name)


def commands() -> Iterator[tuple[str, click.Command]]:
    """All commands and those in groups, by the words that call them."""
    from cganx_cli.group import cganx

    with click.Context(cganx) as context:
        for name in cganx.list_commands(context):
            command = cganx.get_command(context, name)
            assert command is not None
            yield name, command
            if isinstance(command, click.Group):
                yield from ((f"{name} {below}", one) for below, one in command.commands.items())


def options(command: click.Command) -> set[str]:
    return {word for one in command.params if isinstance(one, click.Option) for word in (*one.opts, *one.secondary_opts)}


def parse(words: list[str]) -> None:
    """Read a call as click would, without doing it. Raises click.UsageError."""
    from cganx_cli.group import cganx

    with click.Context(cganx, info_name="cganx") as context:
        command: click.Command = cganx
        while isinstance(command, click.Group) and words:
            found = command.get_command(context, words[0])
            if found is None:
                break
            command, words = found, words[1:]
        command.make_context(command.name, words, parent=context)


def calls(text: str) -> Iterator[list[str]]:
    """Every `cganx ...` in a page: lines of blocks, and spans of code. Comments and what stands for more are left out."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    for one in (*lines, *spans):
        match = re.match(r"(?:\$ )?cganx ([a-z].*)", one.strip())
        if match is not None:
            yield shlex.split(match[1].partition(" #")[0].partition(" > ")[0])


def test_every_command_ends_its_help_with_examples():
    from cganx_cli.examples import EXAMPLES

    names = {name for name, _ in commands()}
    assert names == set(EXAMPLES)
    for name, command in commands():
        assert command.epilog is not None
        for call in EXAMPLES[name]:
            assert call in command.epilog


def test_every_example_of_the_help_parses(tmp_path, monkeypatch):
    from cganx_cli.examples import EXAMPLES

    monkeypatch.chdir(tmp_path)
    for folder in ("my-pictures", "run"):
        (tmp_path / folder).mkdir()
    for file in ("mine.onnx", "plain.onnx", "found.jpg"):
        (tmp_path / file).touch()
    for call in (call for each in EXAMPLES.values() for call in each):
        program, *words = shlex.split(call)
        assert program == "cganx"
        parse(words)


def test_an_example_that_is_wrong_would_be_noticed():
    for words in (["grid", "fashion"], ["generate", "fashion", "-o", "x", "--sedes", "1"], ["models", "add"]):
        with pytest.raises(click.UsageError):
            parse(words)


def test_calls_are_found_in_blocks_and_in_spans():
    page = (
        "Say `cganx models`, or\n\n```\ncganx grid x \\\n  --out y  # a sheet\npip install cganx\n```\n\nand `cganx` alone.\n"
    )
    assert list(calls(page)) == [["grid", "x", "--out", "y"], ["models"]]
    assert len(list(calls((ROOT / "README.md").read_text(encoding="utf-8")))) > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_a_page_names_is_there(page):
    known = dict(commands())
    everywhere = set().union(*map(options, known.values())) | {"--help", "--version"}
    text = page.read_text(encoding="utf-8")
    for words in calls(text):
        name = next((one for one in (" ".join(words[:2]), words[0]) if one in known), None)
        assert name is not None, f"{page.name}: cganx {' '.join(words)}"
        named = {word.partition("=")[0] for word in words if re.match("--?[a-z]", word)}
        assert named <= options(known[name]) | {"--help"}, f"{page.name}: cganx {' '.join(words)}"
    spans = re.findall(r"`(--[a-z][a-z-]*)[^`]*`", text)
    if page.name == "README.md":
        assert set(spans) <= everywhere, page.name


def test_every_option_is_on_a_page():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name, command in commands():
        for option in options(command):
            if option.startswith("--"):
                assert re.search(rf"{option}(?![a-z0-9-])", pages), f"cganx {name} {option}"


def test_the_command_line_page_names_every_command():
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    for name, _ in commands():
        assert f"cganx {name}" in text, name
