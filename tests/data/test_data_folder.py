import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cganx.data import load, require_classes
from cganx.data.sources import held_out, natural_key
from cganx.errors import DataError


def refused(path, *parts: str, **options) -> None:
    with pytest.raises(DataError) as caught:
        load(path, **options)
    for part in parts:
        assert part in str(caught.value)


def test_a_subfolder_a_class(folder) -> None:
    root = folder({"dog 10": 30, "dog 2": 30, "Äpfel": 30, "cat": 30})
    data = load(root)
    assert data.name == "animals"
    assert data.classes == ("cat", "dog 2", "dog 10", "Äpfel")
    assert (data.height, data.width, data.channels) == (10, 12, 3)
    assert len(data.train) + len(data.test) == 120
    first = np.asarray(Image.open(root / "cat" / "0.png"))
    assert any((image == first).all() for image in np.concatenate([data.train.images, data.test.images]))


def test_labels_belong_to_their_pictures(tmp_path: Path) -> None:
    for value, name in enumerate("abc"):
        (tmp_path / name).mkdir()
        for number in range(20):
            Image.new("L", (8, 8), 40 * value + number).save(tmp_path / name / f"{number}.png")
    data = load(tmp_path)
    for part in (data.train, data.test):
        assert (part.images[:, 0, 0, 0] // 40 == part.labels).all()


def test_the_held_out_part_stays_when_pictures_are_added(folder) -> None:
    before = load(folder({"cat": 60, "dog": 60}))
    root = folder({"cat": 60, "dog": 60}, root="more")
    for number in range(1000, 1040):
        Image.new("RGB", (12, 10)).save(root / "cat" / f"{number}.png")
    after = load(root)
    old = {image.tobytes() for image in before.test.images}
    assert old <= {image.tobytes() for image in after.test.images}
    assert not old & {image.tobytes() for image in after.train.images}


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.text(min_size=1), unique=True, max_size=30), st.randoms())
def test_held_out_depends_on_the_name_alone(names: list[str], random) -> None:
    sides = dict(zip(names, held_out(names).tolist(), strict=True))
    random.shuffle(names)
    assert sides == dict(zip(names, held_out(names).tolist(), strict=True))


def test_about_one_in_ten_is_held_out() -> None:
    assert held_out(f"{i}.png" for i in range(20_000)).mean() == pytest.approx(0.1, abs=0.01)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.text(), unique=True))
def test_natural_order_is_total(names: list[str]) -> None:
    turned = names[::-1]
    assert sorted(names, key=natural_key) == sorted(turned, key=natural_key)


def test_train_and_test_folders(folder) -> None:
    root = folder({"train/cat": 6, "train/dog": 7, "test/dog": 3, "test/cat": 2})
    data = load(root)
    assert data.classes == ("cat", "dog")
    assert np.bincount(data.train.labels).tolist() == [6, 7]
    assert np.bincount(data.test.labels).tolist() == [2, 3]


def test_classes_that_are_called_train_and_test(folder) -> None:
    assert load(folder({"train": 5, "test": 5})).classes == ("test", "train")


def test_a_class_of_the_test_part_alone(folder) -> None:
    refused(folder({"train/cat": 3, "train/dog": 3, "test/cow": 3}), "cow", "training part")


def test_clutter_is_ignored_and_other_files_are_counted(folder, caplog: pytest.LogCaptureFixture) -> None:
    root = folder({"cat": 10, "dog": 10})
    for name in (".hidden.png", "Thumbs.db", ".DS_Store", "._0.png", "desktop.ini"):
        (root / "cat" / name).write_bytes(b"x")
    (root / ".git").mkdir()
    (root / "__MACOSX").mkdir()
    (root / "cat" / "notes.txt").write_text("x")
    (root / "readme.md").write_text("x")
    with caplog.at_level(logging.WARNING, "cganx"):
        data = load(root)
    assert len(data.train) + len(data.test) == 20
    assert data.classes == ("cat", "dog")
    assert "ignored 2 files" in caplog.text


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_followed_and_counted_once(folder, tmp_path: Path) -> None:
    root = folder({"cat": 4, "dog": 4})
    outside = tmp_path / "outside"
    (outside).mkdir()
    Image.new("RGB", (12, 10), "red").save(outside / "red.png")
    (root / "cat" / "link.png").symlink_to(outside / "red.png")
    (root / "cat" / "again.png").symlink_to(outside / "red.png")
    (root / "cow").symlink_to(outside, target_is_directory=True)
    data = load(root)
    assert data.classes == ("cat", "cow", "dog")
    assert np.bincount(np.concatenate([data.train.labels, data.test.labels])).tolist() == [5, 1, 4]
    (root / "dog" / "broken.png").symlink_to(tmp_path / "gone.png")
    refused(root, "gone.png", "No such file")
    (root / "dog" / "loop.png").symlink_to(root / "dog" / "loop.png")
    refused(root, "2 of 12")


@pytest.mark.skipif(os.name == "nt", reason="the file system does not tell case apart")
def test_classes_that_differ_in_case_alone(folder) -> None:
    assert load(folder({"Cat": 3, "cat": 3})).classes == ("Cat", "cat")


def test_no_such_path(tmp_path: Path) -> None:
    refused(tmp_path / "gone", "gone", "no such file", "fashion-small")
    refused("fashion", "no such file")


def test_a_file_of_no_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"1")
    refused(path, "x.bin", "not a set")


def test_empty_folders(folder, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "nothing to learn from")
    root = folder({"cat": 3, "dog": 0})
    refused(root, str(root / "dog"), "it is empty")
    (root / "dog" / "x.txt").write_text("x")
    refused(root, "none of its 1 files is a picture")


def test_wrongly_nested_folders(folder) -> None:
    root = folder({"all/cat": 3, "all/dog": 3})
    refused(root, str(root / "all"), "'cat'", "whose subfolders are the classes")
    refused(root / "all" / "cat", "no class folder")


def test_one_class_loads_but_is_no_conditional_set(folder) -> None:
    data = load(folder({"cat": 12}))
    with pytest.raises(DataError, match=r"animals: one class only \('cat'\)"):
        require_classes(data)


def test_require_classes_wants_a_picture_of_each(folder) -> None:
    root = folder({"cat": 3, "dog": 1})
    require_classes(load(root))
    (root / "dog" / "0.png").write_bytes(b"bad")
    with pytest.raises(DataError, match="no labelled training picture of class 'dog'"):
        require_classes(load(root, skip_unreadable=True))


def test_table(folder) -> None:
    root = folder({"cat": 12, "dog": 12})
    rows = [f"{name}/{number}.png,{name} 1" for name in ("dog", "cat") for number in range(12)]
    table = root / "list.csv"
    table.write_text("file,label\n" + "\n".join(rows), encoding="utf-8-sig")
    data = load(table)
    assert data.name == "list"
    assert data.classes == ("cat 1", "dog 1")
    assert data.fingerprint != load(root).fingerprint
    assert len(data.train) + len(data.test) == 24


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("path,label\na.png,x\n", "no column 'file'"),
        ("", "no column"),
        ("file,label\n", "lists no picture"),
        ("file,label\na.png,\n", "line 2 has no label"),
        ("file,label\n,x\n", "line 2 has no file"),
        ("file,label\nb.png\n", "line 2 has no label"),
        ('file,label\n"b.png,x', "not a CSV"),
        ("file,label\ngone.png,x\n", "No such file"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, cause: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    refused(tmp_path / "t.csv", cause)


def test_table_of_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("file,label\nä.png,x\n".encode("utf-16"))
    refused(tmp_path / "t.csv", "t.csv", "UTF-8")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are a matter of POSIX")
def test_a_pipe_among_the_pictures_is_not_waited_for(folder) -> None:
    root = folder({"dog": 30, "cat": 30})
    os.mkfifo(root / "cat" / "zz.png")
    data = load(root)
    assert len(data.train) + len(data.test) == 60


def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode(b"animals-\xff")
    try:
        (root / "cat").mkdir(parents=True)
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    for number in range(20):
        Image.new("L", (8, 8), number).save(root / "cat" / f"{number}.png")
    refused(root, "not valid Unicode")


def test_licences_beside_the_classes_are_known(folder: Callable[..., Path], caplog: pytest.LogCaptureFixture) -> None:
    top = folder({"cat": 12, "dog": 12})
    (top / "licences.txt").write_text("Cats:  by A,\tMIT\n\nDogs: by B, CC0-1.0\n", encoding="utf-8")
    data = load(top)
    assert data.classes == ("cat", "dog")
    assert data.licence == "Cats: by A, MIT; Dogs: by B, CC0-1.0"
    assert not caplog.records
