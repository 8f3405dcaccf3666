"""``--layout``: folders that others read as data sets."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cganx import runtime
from cganx.runtime.testing import TINY, tiny


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime"):
        part(name)


@pytest.fixture
def fill(tmp_path):
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    def run(*args, model=TINY, code=0):
        done = CliRunner().invoke(cganx, ["generate", str(model), "-o", str(tmp_path / "out"), *map(str, args)])
        assert done.exit_code == code, done.output
        return tmp_path / "out" if not code else done.stderr

    return run


def same_as_generated(data):
    """Whether the 40 pictures of a data set are the tiny generator's of seeds 0 to 19."""
    generator = tiny()
    made = {name: {one.tobytes() for one in generator.generate(name, range(20))} for name in generator.card.classes}
    assert set(data.classes) == set(generator.card.classes)
    parts = (data.train, data.test)
    found = [(data.classes[label], one) for part in parts for one, label in zip(part.images, part.labels, strict=True)]
    assert len(found) == 40
    return all(np.ascontiguousarray(one).tobytes() in made[name] for name, one in found)


def test_an_imagefolder_is_read_by_train(fill, caplog):
    from cganx.data import load

    assert same_as_generated(load(str(fill("--layout", "imagefolder", "--seeds", "0-19"))))
    assert not caplog.records, "the manifest is nothing to warn of"


def test_flat_comes_with_a_table_that_train_reads(fill):
    from cganx.data import load

    out = fill("--layout", "flat", "--seeds", "0-19")
    assert sorted(path.name for path in out.iterdir())[:2] == ["cross-0.png", "cross-1.png"]
    assert same_as_generated(load(str(out / "labels.csv")))


def test_coco_says_what_is_where(fill):
    out = fill("--layout", "coco", "--seeds", "3-5", "--resize", "10x12")
    said = json.loads((out / "annotations.json").read_text())
    assert said["categories"] == [{"id": number, "name": name} for number, name in enumerate(tiny().card.classes, 1)]
    names = {one["id"]: one["name"] for one in said["categories"]}
    images = {one["id"]: one for one in said["images"]}
    assert len(images) == len(said["annotations"]) == 6
    from PIL import Image

    for one in said["annotations"]:
        about = images[one["image_id"]]
        assert about["file_name"] == f"{names[one['category_id']]}-{about['seed']}.png"
        assert one["bbox"] == [0, 0, 12, 10]
        assert one["area"] == 120
        with Image.open(out / "images" / about["file_name"]) as image:
            assert image.size == (12, 10) == (about["width"], about["height"])


def test_yolo_has_a_label_file_for_each_picture(fill, part):
    part("yaml")
    import yaml

    out = fill("--layout", "yolo", "--seeds", "0-1", "--name", "{class}-{seed:03d}.jpg")
    told = yaml.safe_load((out / "data.yaml").read_text())
    names = told["names"]
    assert list(names.values()) == list(tiny().card.classes)
    assert (out / told["train"]).is_dir()
    pictures = sorted(path.stem for path in (out / "images/train").iterdir())
    assert pictures == sorted(path.stem for path in (out / "labels/train").iterdir())
    assert len(pictures) == 4
    for stem in pictures:
        number, *box = (out / f"labels/train/{stem}.txt").read_text().split()
        assert stem.startswith(names[int(number)])
        assert box == ["0.5", "0.5", "1", "1"]


def test_attributes_are_several_objects_and_none_is_no_object(fill, make, tmp_path):
    model = tmp_path / "faces.onnx"
    model.write_bytes(make(kind="attributes", classes=("hat", "smile")))
    out = fill("--class", "hat=1,smile=1", "--class", "none", "--seeds", "1", "--layout", "yolo", model=model)
    lines = {path.stem: path.read_text() for path in (out / "labels/train").iterdir()}
    assert lines == {"hat=1,smile=1-1": "0 0.5 0.5 1 1\n1 0.5 0.5 1 1\n", "none-1": ""}
    assert "a blend" in fill("--class", "hat=0.5", "--seeds", "1", "--layout", "coco", model=model, code=2)


def test_a_generator_without_classes_has_no_boxes(fill, make, tmp_path):
    model = tmp_path / "plain.onnx"
    model.write_bytes(make(kind="unconditional", classes=(), label=None))
    assert "has no classes" in fill("--seeds", "1", "--layout", "yolo", model=model, code=2)
    out = fill("--seeds", "1", "--layout", "imagefolder", model=model)
    assert (out / "unconditional/1.png").exists()


@pytest.mark.parametrize(("layout", "index"), [("flat", "labels.csv"), ("coco", "annotations.json"), ("yolo", "data.yaml")])
def test_the_index_is_the_same_again_and_never_written_over(fill, layout, index):
    out = fill("--layout", layout, "--seeds", "0-3")
    before = (out / index).read_bytes()
    fill("--layout", layout, "--seeds", "0-3", "--existing", "skip")
    assert (out / index).read_bytes() == before
    assert "already there" in fill("--layout", layout, "--seeds", "7", code=1)
    (out / index).write_bytes(before + b"\n")
    assert "lists other pictures" in fill("--layout", layout, "--seeds", "0-3", "--existing", "skip", code=1)
    assert (out / index).read_bytes() == before + b"\n"
    fill("--layout", layout, "--seeds", "0-3", "--existing", "overwrite")
    assert (out / index).read_bytes() == before


@pytest.mark.parametrize(("layout", "index"), [("flat", "labels.csv"), ("coco", "annotations.json")])
def test_a_set_that_would_grow_is_refused_before_the_first_picture(fill, layout, index):
    out = fill("--layout", layout, "--seeds", "0-3")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    args = ("--layout", layout, "--seeds", "0-5", "--existing", "skip")
    assert f"{index} lists other pictures" in fill(*args, code=1)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    (out / index).unlink()
    fill(*args)
    assert len(list(out.rglob("*.png"))) == 12
    assert (out / index).read_text().count(".png") == 12


@pytest.mark.parametrize("layout", ["imagefolder", "flat", "coco", "yolo"])
def test_a_suffix_that_no_reader_of_the_layout_opens_is_refused(fill, tmp_path, layout):
    name = "{class}/{seed}" if layout == "imagefolder" else "{class}-{seed}"
    for suffix in (".npy", ".npz", ".raw", ".avif"):
        said = fill("--layout", layout, "--name", name + suffix, "--seeds", "0", code=2)
        assert ".png, .jpg" in said
    assert not (tmp_path / "out").exists()
    fill("--layout", layout, "--name", name + ".TIFF", "--seeds", "0")


def test_what_a_layout_may_hold_is_what_train_reads():
    from cganx.data.picture import SUFFIXES
    from cganx_cli.layouts import READ

    assert set(READ) <= SUFFIXES


def test_the_manifest_keeps_the_lines_of_other_pictures(fill):
    out = fill("--seeds", "0-3")
    fill("--seeds", "2-5", "--existing", "overwrite")
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert len(lines) == 12
    assert {one["file"] for one in lines} == {f"{name}/{seed}.png" for name in tiny().card.classes for seed in range(6)}


def test_a_manifest_of_another_model_is_refused(fill, make, tmp_path):
    out = fill("--seeds", "0-1")
    other = tmp_path / "other.onnx"
    other.write_bytes(make(classes=runtime.load(TINY, "cpu").card.classes))
    for place in out.glob("*/*.png"):
        place.unlink()
    assert "is of another model" in fill("--seeds", "0-1", "--existing", "skip", model=other, code=1)
    assert not list(out.glob("*/*.png"))
    fill("--seeds", "5-6", "--existing", "skip", model=other)


def test_what_is_there_of_other_settings_is_refused(fill):
    out = fill("--seeds", "0", "--class", "disc", "--truncation", "0.5")
    said = fill("--seeds", "0-1", "--class", "disc", "--existing", "skip", code=1)
    assert "has cganx.truncation 0.5, this picture none" in said
    assert [path.name for path in out.glob("*/*")] == ["0.png"]


def test_mirror_is_by_the_seed_and_said(fill):
    from PIL import Image

    from cganx_cli.pictures import mirrored

    out = fill("--seeds", "0-31", "--class", "cross", "--mirror", "random")
    flips = mirrored(range(32))
    assert 8 < sum(flips) < 24
    assert (mirrored([5, 9]) == flips[[5, 9]]).all()
    for seed, pixels in enumerate(tiny().generate("cross", range(32))[..., 0]):
        with Image.open(out / f"cross/{seed}.png") as image:
            assert (np.asarray(image) == (pixels[:, ::-1] if flips[seed] else pixels)).all()
            assert ("cganx.mirror" in image.text) == flips[seed]


def test_formats_without_provenance_are_made_again_and_compared(fill):
    out = fill("--seeds", "0-3", "--name", "{class}/{seed}.npy", "--existing", "skip")
    path = out / "disc/2.npy"
    whole = path.read_bytes()
    assert (np.load(path) == tiny().generate("disc", 2)[0]).all()
    path.write_bytes(whole[:200])
    fill("--seeds", "0-3", "--name", "{class}/{seed}.npy", "--existing", "skip")
    assert path.read_bytes() == whole
    np.save(path, np.load(path) // 2)
    assert "holds another picture" in fill("--seeds", "0-3", "--name", "{class}/{seed}.npy", "--existing", "skip", code=1)
