"""``cganx generate``: which files, what is in them, and what happens when it cannot go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import cganx
from cganx import runtime
from cganx.runtime.testing import TINY


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime"):
        part(name)


@pytest.fixture
def make(run, tmp_path):
    """``cganx generate`` with the tiny generator into tmp_path/out."""
    return lambda *args: run("generate", TINY, "-o", tmp_path / "out", *args)


def files(folder):
    """All but the manifest."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.jsonl")
    return sorted(str(path.relative_to(folder)).replace(os.sep, "/") for path in found)


def opened(path):
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image), dict(image.text)


def test_every_class_goes_with_every_seed(make, tmp_path):
    done = make("--seeds", "0-2,200")
    assert (done.exit_code, done.output) == (0, "")
    names = [f"{label}/{seed}.png" for label in ("cross", "disc") for seed in (0, 1, 2, 200)]
    assert files(tmp_path / "out") == sorted(names)


def test_pictures_are_the_runtime_s_and_say_what_made_them(make, tmp_path):
    assert make("--class", "DISC", "--seeds", "7").exit_code == 0
    pixels, texts = opened(tmp_path / "out/disc/7.png")
    generator = runtime.load(TINY, "cpu")
    assert (pixels == generator.generate("disc", 7)[0, :, :, 0]).all()
    said = {"cganx.model": "tiny", "cganx.sha256": generator.sha256, "cganx.label": "disc", "cganx.seed": "7"}
    assert texts == said | {"cganx.version": cganx.__version__}
    (line,) = (tmp_path / "out/manifest.jsonl").read_text().splitlines()
    assert json.loads(line) == {"file": "disc/7.png"} | texts


def test_blends_and_truncation_are_named(make, tmp_path):
    assert make("--class", "disc=0.75,cross=0.25", "--seeds", "1", "--truncation", "0.5").exit_code == 0
    pixels, texts = opened(tmp_path / "out/cross=0.25,disc=0.75/1.png")
    assert texts["cganx.label"] == "cross=0.25,disc=0.75"
    assert texts["cganx.truncation"] == "0.5"
    made = runtime.load(TINY, "cpu").generate({"disc": 0.75, "cross": 0.25}, 1, truncation=0.5)
    assert (pixels == made[0, :, :, 0]).all()


def test_the_batch_size_changes_no_byte(run, tmp_path):
    for size in (1, 3, 64):
        assert run("generate", TINY, "-o", tmp_path / str(size), "--seeds", "0-6", "--batch-size", size).exit_code == 0
    for name in files(tmp_path / "1"):
        assert len({(tmp_path / str(size) / name).read_bytes() for size in (1, 3, 64)}) == 1


def test_without_seeds_one_is_drawn_and_named_on_stderr(make, tmp_path):
    done = make("--class", "disc")
    assert done.stdout == ""
    (name,) = files(tmp_path / "out")
    assert f"--seeds {Path(name).stem} makes the same again" in done.stderr


def test_existing_files_are_an_error_before_anything_is_written(make, tmp_path):
    assert make("--class", "cross", "--seeds", "5").exit_code == 0
    before = (tmp_path / "out/cross/5.png").stat().st_mtime_ns
    done = make("--seeds", "0-9")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert str(Path("cross") / "5.png") in done.stderr
    assert "--existing skip" in done.stderr
    assert files(tmp_path / "out") == ["cross/5.png"]
    assert (tmp_path / "out/cross/5.png").stat().st_mtime_ns == before
    assert make("--seeds", "0-4").exit_code == 0, "other files in the folder are in nobody's way"


def test_existing_files_of_a_huge_range_are_found_at_once(make):
    assert make("--class", "cross", "--seeds", "123456789012").exit_code == 0
    assert make("--seeds", "0-400000000000").exit_code == 1
    done = make("--seeds", "0-18446744073709551615")
    assert done.exit_code == 2
    assert "more than any disk holds" in done.stderr


def test_existing_skip_goes_on_and_overwrite_replaces(make, tmp_path):
    assert make("--class", "disc", "--seeds", "0").exit_code == 0
    path = tmp_path / "out/disc/0.png"
    whole = path.read_bytes()
    done = make("--seeds", "0-1", "--existing", "skip", "--json")
    assert path.read_bytes() == whole
    assert (json.loads(done.stdout)["written"], json.loads(done.stdout)["skipped"]) == (3, 1)
    path.write_bytes(b"mine")
    done = make("--seeds", "0-1", "--existing", "skip")
    assert (done.exit_code, path.read_bytes()) == (1, b"mine")
    assert "disc/0.png is there and is no whole PNG" in done.stderr.replace(os.sep, "/")
    assert make("--seeds", "0-1", "--existing", "overwrite").exit_code == 0
    assert path.read_bytes() == whole


def test_json_is_all_that_stands_on_stdout(make):
    done = make("--seeds", "0-3", "--device", "cpu", "--json")
    summary = json.loads(done.stdout)
    assert summary.pop("seconds") >= 0
    assert summary.pop("out").endswith("out")
    assert summary == {
        "model": "tiny",
        "sha256": runtime.read(TINY).sha256,
        "device": {"name": "cpu", "reason": ""},
        "seeds": "0-3",
        "written": 8,
        "skipped": 0,
        "mended": 0,
    }
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("args", "code", "cause"),
    [
        (["--seeds", "9-0"], 2, "write 0-9"),
        (["--seeds", "x"], 2, "0-99,200"),
        (["--seeds", "18446744073709551616"], 2, "seeds are 0 to"),
        (["--device", "gpu"], 2, "cuda:N"),
        (["--existing", "ask"], 2, "overwrite"),
        (["--truncation", "0"], 2, "range"),
        (["--truncation", "nan"], 2, "nan is no number"),
        (["--name", "manifest.jsonl/{class}-{seed}.png"], 2, "where the list of the files goes"),
        (["--batch-size", "0"], 2, "range"),
        (["--sed", "1"], 2, "--seeds"),
        (["--seeds", "-4"], 2, "seeds are 0 to"),
        (["--seeds", "1", "--count", "2"], 2, "give one of them"),
        (["--requests", "x.csv", "--class", "disc"], 2, "leave --class"),
        (["--requests", "none.csv"], 1, "none.csv cannot be read"),
        (["--name", "{seed"], 2, "is no template"),
        (["--name", "{sed}.png"], 2, "did you mean {seed}?"),
        (["--name", "{seed}.png"], 2, "every class would be the same file"),
        (["--name", "{class}/{seed}.pgn"], 2, "did you mean .png?"),
        (["--name", "../{class}/{seed}.png"], 2, "leads out"),
        (["--quality", "9"], 2, "JPEG, WebP and AVIF"),
        (["--layout", "flat", "--name", "{class}/{seed}.png"], 2, "does not suit"),
        (["--layout", "coco", "--class", "disc=0.5,cross=0.5"], 2, "a blend"),
        (["--shards", "0"], 2, "range"),
        (["--shards", "3", "--seeds", "0-1"], 2, "do not make 3 shards"),
        (["--shards", "3", "--seeds", "0-9", "--shard", "3"], 2, "there is no shard 3"),
        (["--shards", "3", "--shard", "1"], 2, "the same on every machine"),
        (["--shards", "3", "--name", "{seed}.png"], 2, "names of their own"),
        (["--shards", "3", "--requests", "-"], 2, "from stdin"),
        (["--resize", "0"], 2, "is no size"),
        (["--mirror", "yes"], 2, "random"),
        (["--existing", "SKIPP"], 2, "Did you mean 'skip'?"),
        (["--code", "a=1"], 2, "leave --code out"),
        (["--class", "dics"], 2, "Did you mean 'disc'?"),
        (["--class", "disc=0.7"], 2, "sum to 1"),
        (["--class", "disc=-1,cross=2"], 2, "the weight '-1' of 'disc'"),
    ],
)
def test_wrong_calls_write_nothing_and_name_the_cause(make, tmp_path, args, code, cause):
    done = make(*args)
    assert done.exit_code == code
    assert cause in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


def test_out_and_model_are_asked_for(run, tmp_path):
    assert run("generate", TINY).exit_code == 2
    assert run("generate", "-o", tmp_path).exit_code == 2
    done = run("generate", tmp_path / "none.onnx", "-o", tmp_path)
    assert done.exit_code == 1
    assert "no such file" in done.stderr


def test_cuda_is_a_promise(make, tmp_path):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime may have CUDA")
    done = make("--seeds", "0", "--device", "cuda")
    assert done.exit_code == 1
    assert "onnxruntime-gpu" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_one_sentence(run, tmp_path):
    (tmp_path / "file").write_text("")
    done = run("generate", TINY, "-o", tmp_path / "file/out", "--seeds", "0")
    assert done.exit_code == 1
    assert "cannot write" in done.stderr
    assert done.stderr.count("\n") == 1
    done = run("generate", TINY, "-o", tmp_path / "file", "--seeds", "0")
    assert done.exit_code == 2
    assert "is no folder; give -o a folder to fill" in done.stderr


def test_a_full_disk_leaves_whole_files_and_no_scratch(make, tmp_path, monkeypatch):
    from cganx_cli import sinks

    replace = os.replace

    def replaced(scratch, path):
        if path.endswith("2.png"):
            os.truncate(scratch, 4)
            raise OSError(28, "No space left on device")
        replace(scratch, path)

    monkeypatch.setattr(sinks.os, "replace", replaced)
    done = make("--class", "disc", "--seeds", "0-9", "--encoders", "1")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: cannot write {tmp_path / 'out' / 'disc' / '2.png'}: No space left on device")
    assert done.stderr.count("\n") == 1
    assert files(tmp_path / "out") == ["disc/0.png", "disc/1.png"]
    monkeypatch.undo()
    assert make("--class", "disc", "--seeds", "0-9", "--existing", "skip").exit_code == 0
    assert len(files(tmp_path / "out")) == 10


GOES_ON = "Stopped; the same command with --existing skip goes on.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is POSIX's")
@pytest.mark.parametrize(
    ("number", "code", "args", "said"),
    [(signal.SIGINT, 130, (), GOES_ON), (signal.SIGTERM, 143, (), GOES_ON), (signal.SIGINT, 130, ("--quiet",), "")],
)
def test_ctrl_c_and_sigterm_leave_whole_files_and_exit_130_and_143(tmp_path, number, code, args, said):
    from PIL import Image

    command = [sys.executable, "-m", "cganx_cli", "generate", str(TINY), "-o", str(tmp_path), "--seeds", "0-999999999", *args]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs are born ignoring it
    )
    try:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.rglob("*.png"))) < 20 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (code, "")
    assert "".join(line for line in err.splitlines(keepends=True) if "/s" not in line) == said
    made = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "manifest.jsonl"]
    assert len(made) >= 20
    assert len((tmp_path / "manifest.jsonl").read_text().splitlines()) == len(made)
    for path in made:
        assert path.suffix == ".png"
        with Image.open(path) as image:
            image.load()


def test_no_torch_is_loaded_and_nothing_is_said(tmp_path):
    code = (
        "import sys\nfrom cganx_cli.group import cganx\n"
        f"sys.argv = ['cganx', 'generate', {str(TINY)!r}, '-o', {str(tmp_path)!r}, '--seeds', '0']\n"
        "try:\n    cganx()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert not {'torch', 'onnx', 'tqdm', 'scipy'} & set(sys.modules), sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_runtime_is_loaded_as_the_options_say(run, tmp_path, monkeypatch):
    told, load = [], runtime.load
    monkeypatch.setattr(runtime, "load", lambda *args, **options: told.append((args[1], options)) or load(*args, **options))
    words = ("generate", TINY, "--seeds", "0-3", "--device", "cpu")
    assert run(*words, "-o", tmp_path / "plain").exit_code == 0
    assert told.pop() == ("cpu", asdict(runtime.Options()))
    given = ("--threads", 1, "--spin", "--precise", "--cuda-graphs", "--cuda-batch", 16)
    assert run(*words, "-o", tmp_path / "told", *given).exit_code == 0
    assert told.pop() == ("cpu", asdict(runtime.Options(threads=1, spin=True, precise=True, cuda_graphs=True, cuda_batch=16)))
    for path in (tmp_path / "plain").rglob("*.png"):
        assert path.read_bytes() == (tmp_path / "told" / path.relative_to(tmp_path / "plain")).read_bytes()


@pytest.mark.parametrize("option", ["--threads", "--cuda-batch"])
def test_counts_of_the_runtime_are_counts(run, tmp_path, option):
    done = run("generate", TINY, "--seeds", "0", "-o", tmp_path / "out", option, "0")
    assert done.exit_code == 2
    assert option in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("existing", ["error", "skip"])
def test_something_else_that_is_called_a_manifest_is_left_before_anything_is_made(make, tmp_path, existing):
    (tmp_path / "out").mkdir()
    place = tmp_path / "out/manifest.jsonl"
    place.write_bytes(b"\xff\xfe binary\n")
    done = make("--seeds", "0", "--existing", existing)
    assert done.exit_code == 1
    assert "manifest.jsonl is there and is no list of files" in done.stderr
    assert place.read_bytes() == b"\xff\xfe binary\n"
    assert files(tmp_path / "out") == []
    assert make("--seeds", "0", "--existing", "overwrite").exit_code == 0
    assert len(place.read_text().splitlines()) == 2
