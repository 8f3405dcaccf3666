"""Requests from a file or stdin: rows that are read, and rows that are refused with their line."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from cganx import runtime
from cganx.card import GeneratorCard, Image, Latent
from cganx.errors import RequestError
from cganx.runtime.testing import TINY
from cganx_cli.requests import MARKED, Naming, Rows, Table, Unread
from cganx_cli.templates import Template

CARD = GeneratorCard(
    name="made",
    classes=("cat", "dog, small"),
    codes=("tilt",),
    latent=Latent(size=4),
    image=Image(height=8, width=8, channels=1),
)
NAMES = Naming(Template.parse("{class}/{seed}.png"), "made")


@pytest.fixture
def table(tmp_path):
    def read(text, names=NAMES):
        path = tmp_path / "requests"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return Table.read(Rows(CARD), path, names)

    return read


def told(table):
    return [(one.choice.text, one.seed, None if one.codes is None else one.codes.text, one.truncation) for one in table]


def test_csv_and_json_lines_say_the_same(table):
    rows = [("cat", 1, None, None), ("dog, small", 2, "tilt=0.5", 0.7), ("cat=0.25,dog, small=0.75", 3, None, None)]
    as_csv = '\ufeffseed,Label,codes,truncation\n1,cat,,\n\n2,"dog, small",tilt=0.5,.7\n3,"cat=.25,dog, small=0.75",,\n'
    as_json = [
        {"label": "CAT", "seed": 1},
        {"label": 1, "seed": 2, "codes": {"tilt": 0.5}, "truncation": 0.7},
        {"label": {"cat": 0.25, "dog, small": 0.75}, "seed": 3, "codes": None},
    ]
    assert told(table(as_csv)) == rows
    assert told(table("\n".join(map(json.dumps, as_json)))) == rows


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "holds no request"),
        ("label,seed\n", "holds no request"),
        ("label,sed\ncat,1\n", "line 1: 'sed' is nothing that a request has; did you mean 'seed'?"),
        ("label\ncat\n", "line 1: a request needs a seed"),
        ("label,seed,seed\n", "line 1: a column is there twice"),
        ("label,seed\ncat,1\ncta,2\n", "line 3: there is no class 'cta'. Did you mean 'cat'?"),
        ("label,seed\ncat,1\ndog, small,2\n", "line 3: 3 cells where the header has 2"),
        ('label,seed\n"cat,1\n', "this is no CSV"),
        ("label,seed\ncat,-1\n", "line 2: '-1' is no seed"),
        ("label,seed\ncat,1.5\n", "line 2: '1.5' is no seed"),
        ("label,seed\ncat,18446744073709551616\n", "line 2: 18446744073709551616 is no seed"),
        ("label,seed,truncation\ncat,1,nan\n", "line 2: the truncation 'nan' is no number of at least 0.01"),
        ("label,seed,codes\ncat,1,tlit=1\n", "line 2: made has no code 'tlit'; did you mean 'tilt'?"),
        ("label,seed\ncat,7\nCAT,8\nCat,7\n", "lines 2 and 4: both would be written as cat/7.png; put {index} in --name"),
        ('{"label": "cat", "seed": 1}\n\n{"label": "cat"\n', "line 3: this is no JSON"),
        ('{"label": "cat", "seed": 1}\n[1]\n', "line 2: a row is an object"),
        ('{"label": "cat", "seed": true}\n', "line 1: True is no seed"),
        ('{"label": [1], "seed": 1}\n', "line 1: the label [1] is neither"),
        ('{"label": {"cat": 0.5}, "seed": 1}\n', "line 1: the weights of a blend must sum to 1"),
        ('{"label": {"cat": 0.5, "0": 0.5}, "seed": 1}\n', "line 1: a blend names a class twice"),
        ('{"seed": 1}\n', "line 1: a label is missing"),
        (b"label,seed\ncat,1\n\xff,2\n", "this is no UTF-8 text"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(table, text, cause):
    with pytest.raises(RequestError) as refused:
        table(text)
    assert cause in str(refused.value)


def test_rows_with_the_same_label_and_seed_are_told_apart_by_their_index(table):
    names = Naming(Template.parse("{index:04d}.png"), "made")
    made = table("label,seed,codes\ncat,1,tilt=0\ncat,1,tilt=1\n", names)
    assert [names.name(one) for one in made] == ["0000.png", "0001.png"]
    assert made.holds("0001.PNG", names)
    assert not made.holds("0002.png", names)


def test_parts_are_ranges_of_rows(table):
    made = table("label,seed\n" + "".join(f"cat,{seed}\n" for seed in range(10)))
    assert [one.seed for number in range(3) for one in made.part(number, 3)] == list(range(10))
    assert made.part(1, 3).describe() != made.part(2, 3).describe()


ENDS = ("\n", "\r\n", "\r")


@pytest.mark.parametrize("end", ENDS, ids=map(repr, ENDS))
@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_part_is_read_from_its_own_place(table, monkeypatch, form, end):
    """Whatever is before it: lines that are blank, cells of several lines, letters of several bytes, a mark of the order."""
    monkeypatch.setitem(vars(CARD), "classes", ("cat", "größer", f"two{end}lines", "dog"))
    labels = [CARD.classes[number % 3 if form == "csv" else number % 2] for number in range(3 * MARKED + 7)]
    if form == "csv":
        lines = [f'{seed},"{label}"' + end * (seed % 5 == 0) for seed, label in enumerate(labels)]
        text = end.join(["\ufeffseed,label", *lines, ""])
    else:
        lines = [json.dumps({"seed": seed, "label": label}, ensure_ascii=False) for seed, label in enumerate(labels)]
        text = "\ufeff" + end + (end + end).join(lines)
    made = table(text, None)
    whole = list(made)
    assert [(one.index, one.seed, one.choice.text) for one in whole] == [(n, n, label) for n, label in enumerate(labels)]
    read = []
    monkeypatch.setattr(Rows, "_request", lambda *args, was=Rows._request: read.append(args[1]) or was(*args))
    for number, of in ((0, 1), (0, 7), (5, 7), (6, 7), (2, 3), (3006, len(labels)), (2000, len(labels)), (999, len(labels))):
        read.clear()
        part = made.part(number, of)
        assert list(part) == whole[part.start : part.stop]
        assert len(read) < part.count + MARKED
    assert len(made.marks) == 4


def test_a_wrong_row_behind_a_mark_is_named_by_its_line(table):
    made = table("label,seed\n" + "cat,1\n" * (MARKED + 5), None)
    text = made.path.read_bytes()
    made.path.write_bytes(text[:-6] + b"cta,1\n")
    with pytest.raises(RequestError, match=f"line {MARKED + 6}: there is no class 'cta'"):
        list(made.part(1, 2))
    made.path.write_bytes(text + b"cat,1\n")
    with pytest.raises(RequestError, match="has changed since it was read"):
        list(made)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes in the file system are POSIX's")
def test_a_pipe_is_refused_for_it_can_be_read_only_once(tmp_path):
    import os
    import threading

    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text(""))
    writer.start()
    with pytest.raises(RequestError, match="can be read only once: give its rows to --requests -"):
        Table.read(Rows(CARD), tmp_path / "pipe", NAMES)
    writer.join()


@pytest.mark.parametrize(
    ("name", "existing", "rows", "cause"),
    [
        ("{class}/{seed}.png", "error", ["cat,1", "cat,2", "CAT,1"], "line 4: an earlier line was written as cat/1.png too"),
        ("{class}/{seed}.png", "skip", ["cat,1", "cat,2", "CAT,1"], None),
        ("{class}.png", "skip", ["cat,1", "cat,2"], "line 3: an earlier line was written as cat.png too; put {index} in"),
        ("{class}.png", "overwrite", ["cat,1", "cat,2"], None),
        (
            "{seed}{index}.png",
            "skip",
            ["cat,5", "cat,11", *["cat,5"] * 9, "cat,1"],
            "line 13: an earlier line was written as 111.png",
        ),
        ("{class}-{index}.png", "error", ["cat,1", "cat,1"], None),
        ("com{seed}.png", "error", ["cat,0", "cat,10", "cat,1"], "line 2: the name 'com{seed}.png' makes 'com0.png', which"),
        ("com{seed}.png", "overwrite", ["cat,10", "cat,1"], "line 3: the name 'com{seed}.png' makes 'com1.png', which"),
        ("x" * 230 + "{seed}.png", "skip", ["cat,10", f"cat,{2**64 - 1}", f"cat,{2**64 - 2}"], None),
        ("x" * 240 + "{seed}.png", "skip", ["cat,10", f"cat,{2**64 - 1}"], "line 3: the name 'xxx"),
    ],
)
def test_names_of_stdin_are_checked_as_they_come(name, existing, rows, cause):
    text = io.StringIO("\n".join(["label,seed", *rows]))
    naming = Naming(Template.parse(name), "made")
    coming = iter(Unread(Rows(CARD), text, naming, existing))
    if cause is None:
        assert len(list(coming)) == len(rows)
        return
    with pytest.raises(RequestError, match=r"^stdin, line") as refused:
        list(coming)
    assert cause in str(refused.value)


def test_nothing_is_made_before_the_whole_file_is_right(part, tmp_path):
    part("onnxruntime")
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    path = tmp_path / "requests.csv"
    path.write_text("label,seed\n" + "disc,1\n" * 1 + "disk,2\n")
    arguments = ["generate", str(TINY), "--requests", str(path), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(cganx, arguments)
    assert done.exit_code == 1
    assert "line 3: there is no class 'disk'. Did you mean 'disc'?" in done.stderr
    assert not (tmp_path / "out").exists()
    path.write_text("label,seed,truncation\ndisc,1,\ncross,2,0.5\n")
    assert CliRunner().invoke(cganx, arguments).exit_code == 0
    texts = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
    assert [(one["file"], one.get("cganx.truncation")) for one in texts] == [("disc/1.png", None), ("cross/2.png", "0.5")]
    from PIL import Image as Pillow

    with Pillow.open(tmp_path / "out/cross/2.png") as image:
        pixels = runtime.load(TINY, "cpu").generate("cross", 2, truncation=0.5)[0, :, :, 0]
        assert image.tobytes() == pixels.tobytes()
    with Pillow.open(tmp_path / "out/disc/1.png") as image:
        assert image.tobytes() == runtime.load(TINY, "cpu").generate("disc", 1)[0, :, :, 0].tobytes()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is POSIX's")
@pytest.mark.parametrize("existing", ["error", "skip"])
def test_stdin_is_answered_line_by_line(part, tmp_path, existing):
    import time

    part("onnxruntime")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "cganx_cli", "generate", TINY, "--requests", "-", "-o", out, "--batch-size", "1"]
    command += ["--existing", existing]
    with subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:

        def ask(line, name):
            process.stdin.write(line)
            process.stdin.flush()
            deadline = time.monotonic() + 60
            while not (out / name).exists() and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.02)
            assert (out / name).exists()

        ask("label,seed\ndisc,5\n", "disc/5.png")
        ask("cross,6\n", "cross/6.png")
        process.stdin.write("disc,5\n")
        process.stdin.close()
        said = process.stderr.read()
    if existing == "skip":
        assert (process.returncode, said) == (0, "")
        return
    assert process.returncode == 1
    assert "stdin, line 4: an earlier line was written as disc/5.png too; put {index} in --name" in said
    assert said.count("\n") == 1
    assert len((out / "manifest.jsonl").read_text().splitlines()) == 2
