"""The group: what it imports, how it answers wrong calls, and its exit codes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

import cganx
from cganx.errors import BackendMissing
from cganx.runtime.testing import TINY

HEAVY = {"PIL", "cganx.runtime", "importlib.metadata", "numpy", "onnx", "onnxruntime", "torch", "tqdm"}


@pytest.fixture(autouse=True)
def _click(part):
    part("click")


@pytest.fixture
def run():
    from click.testing import CliRunner

    def invoke(*args, group=None):
        from cganx_cli.group import cganx as whole

        return CliRunner().invoke(group or whole, args, prog_name="cganx")

    return invoke


def group_of(body, extra="cli"):
    """A group with one command ``work`` that is imported from ``work_module``."""
    from cganx_cli.group import Entry, LazyGroup

    module = type(sys)("work_module")
    module.work = click.command("work")(body)
    sys.modules["work_module"] = module
    return LazyGroup("cganx", entries={"work": Entry("work_module:work", "Work.", extra)})


@pytest.fixture(autouse=True)
def _no_work_module(monkeypatch):
    monkeypatch.setitem(sys.modules, "work_module", None)


@pytest.mark.parametrize("call", [["--help"], ["--version"], []])
def test_help_and_version_import_nothing_heavy(call):
    code = (
        "import sys\nfrom cganx_cli.__main__ import main\n"
        f"sys.argv = ['cganx', *{call!r}]\n"
        "try:\n    main()\nfinally:\n    print(sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    loaded = set(done.stderr.rpartition("[")[2].replace("'", "").rstrip("]\n").split(", "))
    assert "click" in loaded
    assert not loaded & HEAVY


def test_version_is_the_package_s(run):
    assert run("--version").output == f"cganx {cganx.__version__}\n"


def test_the_module_is_the_same_program():
    done = subprocess.run([sys.executable, "-m", "cganx_cli", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"cganx {cganx.__version__}\n"


def test_help_lists_every_command_with_its_line(run):
    from cganx_cli.group import COMMANDS

    text = run("--help").output
    for name, entry in COMMANDS.items():
        assert f"  {name} " in text
        assert entry.help in text


def test_every_command_of_the_table_is_a_click_command_and_its_extra_is_real(part):
    from cganx_cli.group import COMMANDS, cganx

    for name in ("torch", "onnx", "PIL"):
        part(name)
    extras = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    with click.Context(cganx) as context:
        for name, entry in COMMANDS.items():
            command = cganx.get_command(context, name)
            assert isinstance(command, click.Command)
            assert command.name == name
            assert command.help
            assert entry.extra in extras


def test_an_unknown_command_is_a_usage_error_that_names_a_near_one(run):
    done = run("genrate")
    assert done.exit_code == 2
    assert "Did you mean 'generate'?" in done.stderr
    assert done.stdout == ""
    assert "Commands: train, " in run("zzz").stderr
    assert run("--nonsense").exit_code == 2


def test_errors_are_one_sentence_on_stderr(run):
    def work():
        raise BackendMissing("there is no backend: pip install it")

    done = run("work", group=group_of(work))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: there is no backend: pip install it\n"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "Error: No space left on device\n"),
        (PermissionError(errno.EACCES, "Permission denied", "/a/b"), "Error: /a/b: Permission denied\n"),
    ],
)
def test_what_the_system_refuses_is_one_sentence_too(run, error, text):
    def work():
        raise error

    done = run("work", group=group_of(work))
    assert (done.exit_code, done.stderr) == (1, text)


def test_a_bug_keeps_its_traceback(run):
    def work():
        raise ZeroDivisionError

    assert isinstance(run("work", group=group_of(work)).exception, ZeroDivisionError)


def test_interrupted_is_130_and_ctx_exit_is_kept(run):
    def work():
        raise KeyboardInterrupt

    assert run("work", group=group_of(work)).exit_code == 130

    def leave():
        click.get_current_context().exit(7)

    assert run("work", group=group_of(leave)).exit_code == 7


def test_a_missing_package_is_named_with_the_extra_that_brings_it(run):
    def work():
        import torch_that_is_not_there  # noqa: F401

    done = run("work", group=group_of(work, extra="train"))
    assert done.exit_code == 1
    assert done.stderr == (
        'Error: cganx work needs torch_that_is_not_there, which is not installed: pip install "cganx[train]"\n'
    )


def test_a_command_whose_module_lacks_a_package_is_refused_the_same_way(run, tmp_path, monkeypatch):
    from cganx_cli.group import Entry, LazyGroup

    (tmp_path / "lacking_module.py").write_text("import torch_that_is_not_there.nn\n")
    monkeypatch.syspath_prepend(tmp_path)
    done = run("x", group=LazyGroup("cganx", entries={"x": Entry("lacking_module:x", "X.", "export")}))
    assert done.exit_code == 1
    assert 'cganx x needs torch_that_is_not_there, which is not installed: pip install "cganx[export]"' in done.stderr


def test_a_broken_import_inside_cganx_is_a_bug_and_stays_one(run):
    def work():
        import cganx.not_there  # noqa: F401

    assert isinstance(run("work", group=group_of(work)).exception, ModuleNotFoundError)


def test_without_click_there_is_one_sentence():
    code = "import sys; sys.modules['click'] = None\nfrom cganx_cli.__main__ import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == 'Error: the cganx command needs click, which is not installed: pip install "cganx[cli]"\n'


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell's pipe")
def test_a_reader_that_goes_away_is_no_trouble():
    done = subprocess.run(
        f"{sys.executable} -m cganx_cli --help | true", shell=True, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_completion_lists_commands_without_importing_them():
    from cganx_cli.group import cganx

    with click.Context(cganx) as context:
        found = cganx.shell_complete(context, "g")
    assert [one.value for one in found] == ["generate", "grid"]


@pytest.mark.skipif(os.name != "posix", reason="streams are closed the POSIX way")
@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_closed_stream_is_no_error(tmp_path: Path, closed: str) -> None:
    words = [sys.executable, "-m", "cganx_cli", "generate", str(TINY), "--seeds", "0", "-o", str(tmp_path / "out")]
    done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "out").rglob("*.png"))
