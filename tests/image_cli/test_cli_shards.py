"""Shards: WebDataset tars and Parquet, by seeds, the same bytes wherever and however often they are made."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pytest

from cganx.runtime import Generator
from cganx.runtime.testing import TINY, tiny


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime"):
        part(name)


@pytest.fixture
def fill(tmp_path):
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    def run(place, *args, code=0):
        done = CliRunner().invoke(cganx, ["generate", str(TINY), "-o", str(tmp_path / place), *map(str, args)])
        assert done.exit_code == code, done.output
        return tmp_path / place if not code else done.stderr

    return run


@pytest.fixture(params=["webdataset", "parquet"])
def kind(request, part):
    if request.param == "parquet":
        part("pyarrow")
    return request.param


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_shards_rest_on_their_number_alone(fill, kind):
    whole = contents(fill("whole", "--seeds", "3-25", "--shards", 4, "--format", kind))
    assert len(whole) == 4
    for number in (2, 0, 3, 1):
        size = 1 + 7 * number
        args = ("--seeds", "3-25", "--shards", 4, "--format", kind, "--shard", number, "--batch-size", size, "--encoders", 3)
        one = contents(fill(f"alone-{number}", *args))
        assert list(one) == [sorted(whole)[number]]
        assert one.items() <= whole.items()


def test_large_pictures_are_made_a_few_at_a_time(fill, kind, monkeypatch):
    args = ("--seeds", "3-25", "--shards", 2, "--format", kind)
    whole = contents(fill("whole", *args))
    monkeypatch.setattr("cganx.runtime.generator.RUN_VALUES", 1)
    runs = []
    run = Generator._run
    monkeypatch.setattr(Generator, "_run", lambda one, request: runs.append(request.number) or run(one, request))
    assert contents(fill("few", *args)) == whole
    assert set(runs) == {1}
    assert len(runs) >= 2 * 23


def test_skip_goes_on_mends_and_refuses_others(fill, kind):
    args = ("--seeds", "0-9", "--shards", 3, "--format", kind)
    out = fill("out", *args)
    whole = contents(out)
    first, second, third = sorted(whole)
    times = {name: (out / name).stat().st_mtime_ns for name in whole}
    (out / second).unlink()
    (out / third).write_bytes(whole[third][: len(whole[third]) // 2])
    assert "already there" in fill("out", *args, code=1)
    fill("out", *args, "--existing", "skip")
    assert contents(out) == whole
    assert (out / first).stat().st_mtime_ns == times[first]
    for other in (("--truncation", "0.5"), ("--class", "disc"), ("--mirror", "random"), ("--resize", "9")):
        assert "of another model, other classes, seeds or settings" in fill("out", *args, *other, "--existing", "skip", code=1)
    assert contents(out) == whole


def test_parquet_without_pyarrow_is_one_sentence(fill, monkeypatch, tmp_path):
    monkeypatch.setattr("cganx_cli.generate.find_spec", lambda _: None)
    said = fill("out", "--seeds", "0", "--format", "parquet", code=1)
    assert said == 'Error: --format parquet needs pyarrow, which is not installed: pip install "cganx[bulk]"\n'
    assert not (tmp_path / "out").exists()


def test_a_tar_is_what_tarfile_would_write(fill):
    (path,) = fill("out", "--seeds", "0-2", "--class", "disc", "--format", "webdataset").iterdir()
    assert path.name == "tiny-00000-of-00001.tar"
    with tarfile.open(path) as tar:
        members = [(one, tar.extractfile(one).read()) for one in tar]
    assert [one.name for one, _ in members] == [f"{n:012d}.{end}" for n in range(3) for end in ("png", "cls", "json")]
    for one, content in members:
        plain = tarfile.TarInfo(one.name)
        plain.size = len(content)
        assert path.read_bytes()[one.offset : one.offset + 512] == plain.tobuf(tarfile.USTAR_FORMAT)
    assert path.stat().st_size % tarfile.RECORDSIZE == 0


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)  # it leaves files open
def test_the_webdataset_package_reads_pictures_classes_and_seeds(fill, part):
    part("webdataset")
    import webdataset

    out = fill("out", "--seeds", "0-9", "--shards", 2)
    urls = sorted(str(path) for path in out.glob("*.tar"))
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("l8"))
    generator = tiny()
    assert [int(one["json"]["cganx.seed"]) for one in samples] == [seed for seed in range(10) for _ in generator.card.classes]
    for one in samples:
        assert generator.card.classes[one["cls"]] == one["json"]["cganx.label"]
        assert (one["png"] == generator.generate(one["cls"], int(one["json"]["cganx.seed"]))[0, :, :, 0]).all()


def test_pandas_and_datasets_read_the_parquet(fill, part):
    part("pyarrow")
    import pyarrow.parquet as pq
    from PIL import Image

    out = fill("out", "--seeds", "18446744073709551000-18446744073709551599", "--format", "parquet", "--truncation", "0.7")
    (path,) = out.iterdir()
    file = pq.ParquetFile(path)
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [1000, 200]
    rows = file.read().to_pylist()
    generator = tiny()
    for row in rows[::97]:
        assert generator.card.classes[row["label"]] == row["class"]
        assert (row["sha256"], row["model"], row["truncation"]) == (generator.sha256, "tiny", 0.7)
        with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
            made = generator.generate(row["class"], row["seed"], truncation=0.7)[0, :, :, 0]
            assert (np.asarray(image) == made).all()
            assert image.text["cganx.seed"] == str(row["seed"])
    features = json.loads(file.schema_arrow.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"names": list(generator.card.classes), "_type": "ClassLabel"}
    assert list(features) == file.schema_arrow.names


def test_the_parquet_opens_as_a_data_set_of_hugging_face(fill, tmp_path):
    datasets = pytest.importorskip("datasets", reason="datasets is tried where it is installed; it is no part of the tests")
    (path,) = fill("out", "--seeds", "0-4", "--format", "parquet").iterdir()
    found = datasets.Dataset.from_parquet(str(path), cache_dir=str(tmp_path / "cache"))
    assert found.features["label"].names == list(tiny().card.classes)
    assert found[3]["image"].size == tiny().picture_shape[1::-1]


def test_a_blend_has_a_text_and_no_class_id(fill, part):
    part("pyarrow")
    import pyarrow.parquet as pq

    args = ("--class", "disc=0.5,cross=0.5", "--class", "disc", "--seeds", "1")
    (path,) = fill("p", *args, "--format", "parquet").iterdir()
    assert pq.read_table(path, columns=["class", "label"]).to_pylist() == [
        {"class": "cross=0.5,disc=0.5", "label": None},
        {"class": "disc", "label": tiny().card.classes.index("disc")},
    ]
    (path,) = fill("t", *args, "--format", "webdataset").iterdir()
    with tarfile.open(path) as tar:
        assert tar.getnames() == [f"{0:012d}.png", f"{0:012d}.json", *(f"{1:012d}.{end}" for end in ("png", "cls", "json"))]


def test_requests_are_cut_by_rows(fill, tmp_path, kind):
    path = tmp_path / "requests.csv"
    path.write_text(
        "label,seed,truncation\n" + "".join(f"{'disc' if n % 3 else 'cross'},{n // 2},0.{n + 1}\n" for n in range(9))
    )
    whole = contents(fill("whole", "--requests", path, "--shards", 2, "--format", kind))
    one = contents(fill("one", "--requests", path, "--shards", 2, "--shard", "1", "--format", kind))
    assert len(whole) == 2
    assert one.items() <= whole.items()
    path.write_text(path.read_text().replace("disc,0", "cross,0"))
    assert "other classes, seeds" in fill(
        "whole", "--requests", path, "--shards", 2, "--existing", "skip", "--format", kind, code=1
    )
