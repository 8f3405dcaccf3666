"""Completion, in a real bash at a real terminal where there is one, and by click's protocol for zsh and fish."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE = 60.0  # seconds; each completion starts a Python


@pytest.fixture(autouse=True)
def _parts(part):
    part("click")


class Terminal:
    """A bash that believes a person is there."""

    def __init__(self, folder: Path) -> None:
        import pty

        self.ours, theirs = pty.openpty()
        env = {name: value for name, value in os.environ.items() if not name.startswith(("_CGANX", "COMP_", "PROMPT", "BASH"))}
        env |= {
            "PATH": f"{folder}{os.pathsep}{env['PATH']}",
            "TERM": "dumb",
            "INPUTRC": os.devnull,
            "PS1": "$ ",
            "HISTFILE": "",
            "COLUMNS": "200",
        }
        self.shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=env,
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""

    def type(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """What matches its group, once it has come."""
        end = time.monotonic() + PATIENCE
        while (match := re.search(pattern, self.seen)) is None:
            ready, _, _ = select.select([self.ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{pattern!r} did not come: {self.seen!r}"
            self.seen += os.read(self.ours, 4096).decode(errors="replace")
        self.seen = self.seen[match.end() :]
        return match[1]

    def completed(self, typed: str) -> str:
        """What a line is after the Tab key, by letting the shell echo it."""
        self.type(f'{typed}\t\x01echo "li""ne=<\x05>"\r')
        return self.wait_for(r"line=<(.*?)>")

    def close(self) -> None:
        self.shell.kill()
        self.shell.wait()
        os.close(self.ours)


@pytest.fixture
def terminal(tmp_path, lacking) -> Iterator[Terminal]:
    if os.name != "posix":
        pytest.skip("bash at a pseudo-terminal is POSIX")
    if shutil.which("bash") is None:
        lacking("bash is not installed")
    program = tmp_path / "cganx"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cganx_cli "$@"\n')
    program.chmod(0o755)
    opened = Terminal(tmp_path)
    try:
        opened.type('eval "$(_CGANX_COMPLETE=bash_source cganx)"; echo "rea""dy"\r')
        opened.wait_for("(ready)")
        opened.type('words() { printf "wo""rd=<%s>\\n" "$@"; }; echo "se""t"\r')
        opened.wait_for("(set)")
        yield opened
    finally:
        opened.close()


def test_bash_completes_commands_options_models_classes_and_files(terminal, tmp_path, part):
    part("PIL")  # the command that has the options is imported for them
    (tmp_path / "my-own-file.onnx").touch()
    assert terminal.completed("cganx doc") == "cganx doctor "
    assert terminal.completed("cganx models ve") == "cganx models verify "
    assert terminal.completed("cganx inspect fash") == "cganx inspect fashion "
    assert terminal.completed("cganx inspect my-o") == "cganx inspect my-own-file.onnx "
    assert terminal.completed("cganx grid fashion --cl") == "cganx grid fashion --class "
    assert terminal.completed("cganx grid fashion --class Sne") == "cganx grid fashion --class Sneaker "


@pytest.mark.parametrize("typed", ["Ank", "Ankle\\ b", "'Ank", "'Ankle b"])
def test_bash_completes_a_class_of_two_words_quoted(terminal, part, typed):
    part("PIL")
    terminal.type(f"cganx grid fashion --class {typed}\t\x01words \r")
    assert terminal.wait_for(r"word=<(An.*?)>") == "Ankle boot"


def test_zsh_and_fish_get_classes_as_they_are_and_quote_them(part):
    part("PIL")
    assert "\nAnkle boot\n" in complete("zsh", "grid", "fashion", "--class", "Ank")
    assert complete("fish", "grid", "fashion", "--class", "Ank") == "plain,Ankle boot\n"


def complete(shell, *words):
    line = " ".join(("cganx", *words))
    env = os.environ | {"_CGANX_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": words[-1]}
    if shell == "zsh":
        env["COMP_CWORD"] = str(len(words))
    done = subprocess.run([sys.executable, "-m", "cganx_cli"], env=env, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout


def test_zsh_and_fish_are_answered_with_descriptions():
    assert complete("zsh", "doc") == "plain\ndoctor\nSay what runs here, and what mends what does not.\n"
    assert "doctor" in complete("fish", "doc")
    assert "generate" not in complete("fish", "doc")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell):
    env = os.environ | {"_CGANX_COMPLETE": f"{shell}_source"}
    done = subprocess.run([sys.executable, "-m", "cganx_cli"], env=env, capture_output=True, text=True, check=True)
    assert f"_CGANX_COMPLETE={shell}_complete" in done.stdout


def test_a_word_that_is_no_command_is_no_trouble():
    assert "Error" not in complete("zsh", "nonsense", "gr")


def test_classes_are_those_of_the_model_that_stands_before():
    import click

    from cganx_cli.group import cganx

    with click.Context(cganx) as context:
        command = cganx.get_command(context, "inspect")
    from cganx_cli.options import complete_class, complete_model

    with click.Context(command) as context:
        context.params["model"] = "fashion"
        names = [one.value for one in complete_class(context, command.params[0], "S")]
        assert names == ["Sandal", "Shirt", "Sneaker"]
        context.params["model"] = "no-such-model"
        assert complete_class(context, command.params[0], "") == []
        assert [one.type for one in complete_model(context, command.params[0], "emo")] == ["file", "plain"]
