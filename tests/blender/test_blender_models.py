"""What of the extension needs no Blender: generators, labels, favourites, files, walks, the user's onnxruntime."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import translators

import cganx
from cganx import runtime
from cganx.runtime import testing

PACKAGE = Path(__file__).parents[2] / "plugins" / "blender" / "cganx_blender"
WITHOUT_BLENDER = (
    "models",
    "labels",
    "work",
    "worker",
    "walks",
    "favourites",
    "files",
    "onnx_runtimes",
    "png",
    "textures",
    "translation",
)
Addon = Callable[[str], ModuleType]


@pytest.fixture
def models(addon: Addon, tmp_path: Path, part: Callable[[str], None]) -> Any:
    part("onnxruntime")
    shutil.copy(testing.TINY, tmp_path / "tiny.onnx")
    made = addon("models").Models(lambda: [tmp_path])
    yield made
    made.close()


def test_these_modules_are_imported_without_blender() -> None:
    imports = "; ".join(f"import cganx_blender.{name}" for name in WITHOUT_BLENDER)
    code = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); {imports}; print('bpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_the_worker_runs_touches_no_blender_and_of_the_library_the_runtime_alone() -> None:
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        names = [one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names]
        names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
        if path.stem in WITHOUT_BLENDER and path.parent == PACKAGE:
            assert not [name for name in names if name.split(".")[0] in ("bpy", "bpy_extras", "mathutils")], path
        assert all(name == "cganx" or name.startswith("cganx.runtime") for name in names if name.split(".")[0] == "cganx"), path


def test_bundled_generators_and_the_users_are_found_by_name(models: Any) -> None:
    assert set(models.all()) == {"emoji", "fashion", "letters", "tiny"}
    assert models.get("tiny").card.classes == ("disc", "cross")


def test_a_generator_that_is_not_there(addon: Addon, models: Any) -> None:
    with pytest.raises(addon("refusal").Refusal, match="'none' is not there: add its file"):
        models.get("none")


def test_a_bundled_name_stays_its_own(addon: Addon, models: Any, tmp_path: Path) -> None:
    shutil.copy(testing.TINY, tmp_path / "fashion.onnx")
    models.look()
    assert len(models.get("fashion").card.classes) == 10
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(testing.TINY, other / "fashion.onnx")
    with pytest.raises(addon("refusal").Refusal, match="There is a generator 'fashion' already"):
        models.add(other / "fashion.onnx", tmp_path)


def test_a_file_that_is_none_is_told_with_its_fault(models: Any, tmp_path: Path) -> None:
    (tmp_path / "wrong.onnx").write_bytes(b"wrong")
    models.look()
    assert "wrong" not in models.all()
    assert models.faults[tmp_path / "wrong.onnx"] == "it is not an ONNX file, or it is cut short"


def test_what_the_reader_refuses_is_not_added(models: Any, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (tmp_path / "wrong.txt").write_bytes(b"wrong")
    with pytest.raises(runtime.NotAGenerator):
        models.add(tmp_path / "wrong.txt", folder)
    assert not folder.exists()


def test_generators_stay_loaded_and_the_oldest_leaves(addon: Addon, models: Any) -> None:
    running = addon("models").Running("cpu", 1)
    first = models.load("tiny", running)
    assert models.load("tiny", running) is first
    for threads in range(2, 2 + addon("models").LOADED):
        models.load("tiny", addon("models").Running("cpu", threads))
    with pytest.raises(runtime.RequestError, match="closed"):
        first.generate("disc", 0)
    assert str(models.device) == "cpu"


def test_a_processor_is_left_to_the_interface(addon: Addon, monkeypatch: pytest.MonkeyPatch) -> None:
    models = addon("models")
    for processors, threads in ((1, 1), (2, 1), (8, 7)):
        monkeypatch.setattr(models, "threads_here", lambda count=processors: count)
        assert models.Running().so_many == threads
    assert models.Running(threads=3).so_many == 3


def test_the_panel_lists_generators_while_one_is_loaded(addon: Addon, models: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the interface stood still for as long as that takes."""
    begun, let_go, load = threading.Event(), threading.Event(), runtime.load

    def slow(*arguments: Any, **named: Any) -> Any:
        begun.set()
        assert let_go.wait(30)
        return load(*arguments, **named)

    monkeypatch.setattr(addon("models").runtime, "load", slow)
    with ThreadPoolExecutor(2) as pool:
        loading = pool.submit(models.load, "tiny", addon("models").Running())
        assert begun.wait(30)
        try:
            assert "tiny" in pool.submit(models.all).result(30)
        finally:
            let_go.set()
        assert loading.result(30).sha256 == models.get("tiny").sha256


def test_class_items_are_whole_names_with_short_texts(addon: Addon, make: Any) -> None:
    card = make.card(classes=("a/b", " ", "x" * 300, "-"))
    items = addon("labels").class_items(card)
    assert [item[0] for item in items] == list(card.classes)
    assert [item[3] for item in items] == [0, 1, 2, 3]
    assert all(len(item[1]) <= 60 for item in items)


@pytest.mark.parametrize(
    ("kind", "other", "amount", "wanted"),
    [
        ("class", "-", 0.5, "red"),
        ("class", "blue", 0.25, {"red": 0.75, "blue": 0.25}),
        ("class", "blue", 0.0, "red"),
        ("class", "blue", 1.0, "blue"),
        ("class", "red", 0.5, "red"),
        ("attributes", "blue", 0.5, {"red": 1.0, "blue": 0.5}),
    ],
)
def test_labels_of_two_classes(addon: Addon, make: Any, kind: str, other: str, amount: float, wanted: object) -> None:
    assert addon("labels").label_of(make.card(kind=kind), "red", other, amount) == wanted


def test_labels_that_are_none(addon: Addon, make: Any) -> None:
    labels, refusal = addon("labels"), addon("refusal").Refusal
    with pytest.raises(refusal, match="has no class 'pink'"):
        labels.label_of(make.card(), "pink")
    with pytest.raises(refusal, match="no class 'pink'"):
        labels.label_from_text(make.card(), "pink")
    bare = make.card(classes=(), kind="unconditional")
    assert labels.label_of(bare, "-") is None
    assert labels.label_from_text(bare, "") is None


def test_the_runtimes_own_texts_are_read_back(addon: Addon, models: Any) -> None:
    generator = models.load("tiny", addon("models").Running("cpu"))
    for label in ("disc", {"disc": 0.3, "cross": 0.7}, {"disc": 1 / 3, "cross": 2 / 3}):
        text = generator.label_text(label)
        again = addon("labels").label_from_text(generator.card, text)
        assert generator.label_text(again) == text


def test_pictures_are_the_runtimes(addon: Addon, models: Any) -> None:
    work, running = addon("work"), addon("models").Running("cpu")

    def load(name: str) -> runtime.Generator:
        generator: runtime.Generator = models.load(name, running)
        return generator

    wanted = [work.Wanted("tiny", "cross", seed, 0.5) for seed in range(40)]
    made = list(work.make_pictures(load, wanted))
    direct = load("tiny").generate("cross", range(40), truncation=0.5)
    np.testing.assert_array_equal(np.stack([one.pixels for one in made]), direct)
    assert [one.seed for one in made] == list(range(40))
    assert {(one.label, one.truncation, one.model) for one in made} == {("cross", 0.5, "tiny")}


def test_textures_of_the_generators_size_are_its_pictures_and_larger_ones_are_sewn(addon: Addon, models: Any) -> None:
    work, running = addon("work"), addon("models").Running("cpu")
    own, larger, again = work.make_textures(
        lambda name: models.load(name, running),
        [work.Wanted("tiny", "disc", 3, size=size) for size in (0, 48, 48)],
    )
    np.testing.assert_array_equal(own.pixels, models.load("tiny", running).generate("disc", 3)[0])
    assert larger.pixels.shape == (48, 48, 1)
    np.testing.assert_array_equal(larger.pixels, again.pixels)


def test_no_two_textures_share_their_pictures(addon: Addon) -> None:
    each = [seed for base in range(50) for seed in addon("work").patch_seeds(base)]
    assert len(set(each)) == len(each)
    assert max(addon("work").patch_seeds(2**64 - 1)) < 2**64


def test_a_walk_begins_and_ends_at_its_pictures(addon: Addon, models: Any) -> None:
    work, running = addon("work"), addon("models").Running("cpu")

    def load(name: str) -> runtime.Generator:
        generator: runtime.Generator = models.load(name, running)
        return generator

    stops = [work.Wanted("tiny", label, seed) for label, seed in (("disc", 1), ("cross", 2), ("disc", 5))]
    made = [one.pixels for one in work.make_walk(load, stops, 21)]
    assert len(made) == 21
    corners = load("tiny").generate(["disc", "cross", "disc"], [1, 2, 5])
    for place, corner in zip((0, 10, 20), corners, strict=True):
        assert np.abs(made[place].astype(int) - corner).max() <= 1


def test_slerp_keeps_the_length(addon: Addon) -> None:
    start, end = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    half = addon("walks")._spherical(start, end, np.array([[0.5]]))
    np.testing.assert_allclose(half, [[0.5**0.5, 0.5**0.5]])
    np.testing.assert_allclose(addon("walks")._spherical(start, start, np.array([[0.5]])), start)


def test_a_walk_needs_weights(addon: Addon, make: Any, part: Callable[[str], None]) -> None:
    part("onnxruntime")
    generator = runtime.load(make.indexed(), "cpu")
    stops = [addon("work").Wanted("x", "red", seed) for seed in (1, 2)]
    with pytest.raises(addon("refusal").Refusal, match="one class by index"):
        addon("walks").walk_points(generator, stops, 5)


def source(addon: Addon, levels: Any, **more: Any) -> Any:
    return addon("translation").Source("x", np.asarray(levels, np.float32)[::-1] / 255, **more)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_an_images_values_become_a_picture(addon: Addon, channels: int) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (5, 7, channels))
    picture, alpha = source(addon, levels).picture()
    colours = 1 if channels < 3 else 3
    if channels in (1, 3):
        assert alpha is None
        np.testing.assert_array_equal(picture, levels)
        return
    share = levels[..., -1:] / 255
    np.testing.assert_array_equal(picture, np.rint(levels[..., :colours] * share + 255 * (1 - share)))
    np.testing.assert_array_equal(alpha, levels[..., -1])
    assert source(addon, levels, opaque=True).picture()[1] is None
    back = addon("translation").cut_out(picture, alpha)
    seen = alpha > 64
    assert np.abs(back[seen].astype(int) - levels[seen]).max() <= 2
    levels[..., -1] = 255
    assert source(addon, levels).picture()[1] is None


def test_an_enlarged_plane_is_linear_and_keeps_what_is_even(addon: Addon) -> None:
    enlarged = addon("translation").enlarged
    plane = np.array([[0, 100], [0, 100]], np.uint8)
    np.testing.assert_array_equal(enlarged(plane, 4), np.tile([0, 0, 12, 38, 62, 88, 100, 100], (8, 1)))
    np.testing.assert_array_equal(enlarged(plane.T.copy(), 4), enlarged(plane, 4).T)
    np.testing.assert_array_equal(enlarged(np.full((3, 5), 77, np.uint8), 3), np.full((9, 15), 77))
    assert enlarged(plane, 1) is plane


@pytest.mark.parametrize(
    ("size", "change", "tile"),
    [
        (None, {"context": 9}, None),
        (None, {"context": None}, 512),
        (None, {"context": None, "multiple": 100}, 500),
        (None, {"context": 300, "multiple": 2}, 900),
        (None, {"context": 5000}, None),
        ((64, 32), {"context": 5}, 64),
    ],
)
def test_tiles_in_which_pictures_of_any_size_can_be_made(
    addon: Addon, size: tuple[int, int] | None, change: dict[str, Any], tile: int | None
) -> None:
    card = translators.card("local", size, **change)
    assert addon("translation").tile_of(addon("models").Model("x", Path("x"), "0", card, tile=512)) == tile


@pytest.mark.parametrize("kind", ["local", "mean-free", "normalised"])
@pytest.mark.parametrize("size", [None, (64, 64)])
def test_pictures_larger_than_a_tile_are_translated(
    addon: Addon, models: Any, tmp_path: Path, kind: str, size: tuple[int, int] | None
) -> None:
    translation, running = addon("translation"), addon("models").Running("cpu")
    (tmp_path / "made.onnx").write_bytes(translators.translator(kind, size, **({"multiple": 64} if size else {})))
    models.look()
    levels = np.random.default_rng(1).integers(0, 256, (130, 600, 3))
    wanted = translation.Translation(models.get("made"), None, 0, source(addon, levels))
    watch = addon("worker").Watch()
    (made,) = translation.make_translation(lambda name: models.load(name, running), wanted, watch)
    assert made.pixels.shape == (130, 600, 3)
    assert watch.share == 1.0
    watch.stopped = True
    with pytest.raises(InterruptedError):
        next(translation.make_translation(lambda name: models.load(name, running), wanted, watch))


def test_favourites_are_kept(addon: Addon, tmp_path: Path) -> None:
    favourites = addon("favourites")
    file = tmp_path / "there" / "favourites.json"
    first, second = favourites.Favourites(file), favourites.Favourites(file)
    one = favourites.Favourite("materials", "été/木", 2**40)
    assert first.all() == []
    assert first.toggle(one)
    assert second.all() == [one]  # another Blender sees it
    assert not second.toggle(one)
    assert first.all() == []


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"model": "x"}]', '{"model": 1}', '[{"model":"a","label":"b","seed":"c"}]'])
def test_a_damaged_file_of_favourites_is_none(addon: Addon, tmp_path: Path, text: str) -> None:
    file = tmp_path / "favourites.json"
    file.write_text(text)
    assert addon("favourites").Favourites(file).all() == []


def test_favourites_of_an_older_version_are_read(addon: Addon, tmp_path: Path) -> None:
    favourites, file = addon("favourites"), tmp_path / "favourites.json"
    file.write_text('[{"model": "fashion", "label": "Bag", "seed": 3}]')
    kept = favourites.Favourites(file)
    assert kept.all() == [favourites.Favourite("fashion", "Bag", 3, other="", blend=0.0, truncation=0.0)]
    blend = favourites.Favourite("fashion", "Bag", 3, "Sneaker", 0.25, 0.5)
    assert kept.toggle(blend)
    assert favourites.Favourites(file).all()[1] == blend
    assert [path.name for path in tmp_path.iterdir()] == ["favourites.json"]


@pytest.mark.parametrize(
    "bad",
    ['"x"', "null", '{"model": "x"}', '{"model":"a","label":"b","seed":0,"blend":NaN}', '{"model":"a","label":"b","seed":1e9}'],
)
def test_a_bad_entry_takes_no_other_with_it(addon: Addon, tmp_path: Path, bad: str) -> None:
    favourites, file = addon("favourites"), tmp_path / "favourites.json"
    good = '{"model": "fashion", "label": "Bag", "seed": 3}'
    file.write_text(f"[{bad}, {good}]")
    before = file.read_bytes()
    kept = favourites.Favourites(file)
    assert kept.all() == [favourites.Favourite("fashion", "Bag", 3)]
    assert kept.toggle(favourites.Favourite("fashion", "Bag", 4))
    assert [one.seed for one in kept.all()] == [3, 4]
    assert (tmp_path / "favourites.json.damaged").read_bytes() == before


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"model": 1}'])
def test_a_damaged_file_of_favourites_is_kept_aside(addon: Addon, tmp_path: Path, data: bytes) -> None:
    favourites, file = addon("favourites"), tmp_path / "favourites.json"
    file.write_bytes(data)
    one = favourites.Favourite("fashion", "Bag", 3)
    assert favourites.Favourites(file).toggle(one)
    assert favourites.Favourites(file).all() == [one]
    assert (tmp_path / "favourites.json.damaged").read_bytes() == data


def test_favourites_that_cannot_be_read_are_not_written_over(addon: Addon, tmp_path: Path) -> None:
    favourites, file = addon("favourites"), tmp_path / "favourites.json"
    file.mkdir()
    kept = favourites.Favourites(file)
    assert kept.all() == []
    with pytest.raises(addon("refusal").Refusal, match=r"Cannot read the favourites: .*favourites\.json"):
        kept.toggle(favourites.Favourite("fashion", "Bag", 3))
    assert file.is_dir()


def test_a_file_that_cannot_be_written(addon: Addon, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(addon("refusal").Refusal, match="Cannot write"):
        addon("files").write_whole(tmp_path / "file" / "there", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_mark_of_a_request_is_its_own(addon: Addon) -> None:
    mark_of, wanted = addon("files").mark_of, addon("work").Wanted
    one = wanted("materials", {"brick": 0.5, "wood": 0.5}, 3)
    others = [
        wanted("materials", "brick", 3),
        wanted("materials", one.label, 3, 0.5),
        wanted("materials", one.label, 3, size=128),
    ]
    assert mark_of("hash", [one]) == mark_of("hash", [wanted("materials", dict(one.label), 3)])
    assert len({mark_of("hash", [one]), mark_of("other", [one]), *(mark_of("hash", [other]) for other in others)}) == 5


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png(addon: Addon, tmp_path: Path, channels: int, part: Callable[[str], None]) -> None:
    part("PIL")
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    data = addon("png").png_bytes(pixels)
    (tmp_path / "x.png").write_bytes(data)
    with Image.open(tmp_path / "x.png") as image:
        np.testing.assert_array_equal(np.asarray(image).reshape(pixels.shape), pixels)
    assert zlib.crc32(data)


def test_an_old_blender_is_told_in_a_sentence(addon: Addon, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    app = SimpleNamespace(version=(3, 6, 0), version_string="3.6.0", background=True)
    monkeypatch.setitem(sys.modules, "bpy", SimpleNamespace(app=app))  # has no types, utils or props: nothing may be registered
    monkeypatch.delitem(sys.modules, "cganx_blender.registration", raising=False)
    registration = addon("registration")
    registration.register()
    registration.unregister()
    assert capsys.readouterr().out == "cganx needs Blender 4.2 or later; this is 3.6.0\n"


# ----------------------------------------------------------------------------------------------------------------------
# The user's own onnxruntime, tried in a child


LIBRARY = Path(cganx.__file__).parents[1]


def try_it(addon: Addon, folder: Path) -> Any:
    return addon("onnx_runtimes").try_folder([sys.executable, "-c"], folder, LIBRARY, testing.TINY)


def fake(folder: Path, text: str) -> None:
    """An onnxruntime of a few lines."""
    (folder / "onnxruntime").mkdir()
    (folder / "onnxruntime" / "__init__.py").write_text(text)


def test_a_folder_without_one(addon: Addon, tmp_path: Path) -> None:
    with pytest.raises(addon("refusal").Refusal, match="There is no onnxruntime in"):
        try_it(addon, tmp_path)


def test_one_that_crashes_does_so_in_the_child(addon: Addon, tmp_path: Path) -> None:
    fake(tmp_path, "import os; os.kill(os.getpid(), 11)")
    with pytest.raises(addon("refusal").Refusal, match="does not run: exit -11"):
        try_it(addon, tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("raise ImportError('libcublasLt.so.13: no such file')", "libcublasLt.so.13"),
        ("__version__ = '1.2.0'\nclass InferenceSession: pass", "1.2.0 is too old"),
        ("__version__ = '1.32.0'", "is damaged"),
    ],
)
def test_one_that_does_not_load_is_told(addon: Addon, tmp_path: Path, text: str, sentence: str) -> None:
    fake(tmp_path, text)
    with pytest.raises(addon("refusal").Refusal, match=sentence):
        try_it(addon, tmp_path)


def test_one_that_runs_is_told_with_its_real_device(addon: Addon, part: Callable[[str], None]) -> None:
    part("onnxruntime")
    import onnxruntime

    found = try_it(addon, Path(onnxruntime.__file__).parents[1])
    assert (found.version, found.path) == (onnxruntime.__version__, onnxruntime.__file__)
    assert found.device == "cpu" or found.device.startswith("cuda")
    assert addon("onnx_runtimes").in_use().path == onnxruntime.__file__


def test_the_answer_is_found_among_what_blender_prints(addon: Addon, tmp_path: Path) -> None:
    runtimes = addon("onnx_runtimes")
    fake(tmp_path, "")
    said = runtimes.ANSWER + json.dumps({"version": "9", "path": str(tmp_path / "x"), "device": "cuda:0", "reason": ""})
    command = [sys.executable, "-c", f"print('Blender quit'); print({said!r}); print('more')"]
    assert runtimes.try_folder(command, tmp_path, LIBRARY, testing.TINY).device == "cuda:0"
