"""`cganx data build materials`: a small pk3 and copyright file in the package's real layout, and the package where it is."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cganx.data import load
from cganx.data.building import RECIPES, Built, Places, build, materials
from cganx.data.building.recipe import Gathered
from cganx.errors import DataError

ROOT = Path("/")
COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: UFO Alien Invasion
Comment:
 Files: and License: in a text count for nothing.

Files: *
Copyright: 2002-2014, The UFO:AI Team
License: GPL-2+

Files:
 base/textures/tex_nature/rock002.png
 base/textures/tex_ctp1/brick?_sa.png
Copyright:
 Nate Wright
License: CC-BY-SA-3.0

Files: base/textures/tex_nature/rock003.png
Copyright: Nobiax
License: public-domain

Files: base/textures/tex_nature/rock004.png
Copyright: Somebody
License: GPL-2+ and CC-BY-SA-4.0

License: CC-BY-SA-3.0
 Creative Commons Attribution-ShareAlike 3.0 Unported
"""
ALL = 4 * 4 + 6 * 6


def picture(seed: int, size: tuple[int, int] = (256, 256), mode: str = "RGB", suffix: str = "png") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).resize(size).save(file, {"png": "PNG", "jpg": "JPEG"}[suffix])
    return file.getvalue()


def textures() -> dict[str, bytes]:
    """Four of three materials that may be used, and what is left out, each for a cause of its own."""
    return {
        "textures/tex_nature/rock001.png": picture(1),
        "textures/tex_nature/rock003.png": picture(2),
        "textures/tex_ctp1/bricks_r_1.jpg": picture(3, (512, 256), suffix="jpg"),
        "textures/tex_buildings/wood001.png": picture(4, (300, 400)),
        "textures/tex_nature/rock002.png": picture(5),  # CC-BY-SA
        "textures/tex_nature/rock004.png": picture(6),  # CC-BY-SA beside another
        "textures/tex_ctp1/brick1_sa.png": picture(7),  # CC-BY-SA by a glob
        "textures/tex_nature/rock001_nm.png": picture(8),  # a map of normals
        "textures/tex_nature/grass001.png": picture(9, mode="RGBA"),
        "textures/tex_nature/grass002.png": picture(10, (128, 300)),  # too small
        "textures/tex_doors/wood002.png": picture(11),
        "textures/tex_misc/wood_sign.png": picture(12),
        "textures/tex_misc/glasses_dirty.png": picture(13),  # by eye
        "textures/tex_misc/books001.png": picture(14),  # no material
        "textures/tex_nature/rock.txt": b"not a picture",
    }


@pytest.fixture
def package(tmp_path: Path) -> Callable[..., Path]:
    """``package(files, copyright)``: a root with the package in it; ``copyright`` None leaves that file out."""

    def make(files: dict[str, bytes], copyright_text: str | None = COPYRIGHT) -> Path:
        root = tmp_path / "root"
        (root / materials.FOLDER).mkdir(parents=True)
        with zipfile.ZipFile(root / materials.FOLDER / materials.ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        if copyright_text is not None:
            (root / materials.COPYRIGHT).parent.mkdir(parents=True)
            (root / materials.COPYRIGHT).write_text(copyright_text, encoding="utf-8")
        return root

    return make


def nowhere(tmp_path: Path) -> Path:
    (tmp_path / "nowhere").mkdir(exist_ok=True)
    return tmp_path / "nowhere"


def made(root: Path, tmp_path: Path, **given: int) -> Built:
    out = tmp_path / "materials.npz"
    return build(RECIPES["materials"], out, places=Places(root, root=nowhere(tmp_path)), **given)  # type: ignore[arg-type]


def gathered(root: Path) -> Gathered:
    return RECIPES["materials"].gather(Places(root=root))


def test_materials_by_name_without_maps_signs_transparent_small_and_share_alike_ones(
    package: Callable[..., Path], tmp_path: Path
) -> None:
    built = made(package(textures()), tmp_path)
    assert built.counts == {"brick": ALL, "rock": 2 * ALL, "wood": ALL}
    assert (built.unusable, built.repeated) == (0, 0)
    data = load(built.path)
    assert data.classes == ("brick", "rock", "wood")
    assert data.train.images.shape[1:] == (64, 64, 3)
    assert "ufoai-textures, by the UFO:AI team: GPL-2+; " in data.licence
    assert data.licence.endswith("public-domain")
    assert "SA" not in data.licence


def test_a_texture_is_wholly_in_one_part(package: Callable[..., Path]) -> None:
    files = {f"textures/tex_nature/rock{number:03}.png": picture(number) for number in range(100, 130)}
    parts: dict[str, set[bool]] = {}
    for item in gathered(package(files)).items:
        parts.setdefault(item.name.rpartition("-")[0], set()).add(item.test)
    assert len(parts) == 30
    assert {len(part) for part in parts.values()} == {1}
    assert {test for part in parts.values() for test in part} == {False, True}


def test_crops_are_parts_of_the_reduced_texture(package: Callable[..., Path]) -> None:
    items = [one for one in gathered(package(textures())).items if one.label == "brick"]
    whole = np.asarray(Image.open(io.BytesIO(picture(3, (512, 256), suffix="jpg"))).resize((64, 32), Image.Resampling.LANCZOS))
    near = [np.asarray(one.draw(16)) for one in items[-36:]]
    assert (near[0] == whole[:16, :16]).all()
    assert (near[5] == whole[:16, -16:]).all()
    assert (near[35] == whole[-16:, -16:]).all()
    assert (near[7] == whole[3:19, 10:26]).all()
    assert {np.asarray(one.draw(16)).shape for one in items} == {(16, 16, 3)}


def test_without_the_copyright_file_nothing_is_made(package: Callable[..., Path], tmp_path: Path) -> None:
    root = package(textures(), None)
    with pytest.raises(DataError, match="copyright is not there, and nothing else says which textures may be used: install"):
        made(root, tmp_path)
    with pytest.raises(DataError, match="apt-get install ufoai-textures"):
        RECIPES["materials"].look(Places(root=root))


@pytest.mark.parametrize("text", ["", "no stanza at all\n", "Format: 1.0\n\nLicense: GPL-2+\n text\n"])
def test_a_copyright_file_that_names_no_file(package: Callable[..., Path], tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="it says of no file what its licence is"):
        made(package(textures(), text), tmp_path)


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("Files: base/textures/tex_nature/*\nLicense: GPL-2\n", {"rock"}),
        ("files:base/textures/tex_ctp1/*\nLICENSE: \n Expat\n", {"brick"}),
        ("Files: *\r\nLicense: GPL-2+\r\n\r\nFiles: */tex_nature/*\r\nLicense: CC-BY-SA-3.0\r\n", {"brick", "wood"}),
        ("Files: *\nLicense: GPL-2+\n \t\nFiles: * [x]\nCopyright: me\n", set()),  # a stanza without a licence
    ],
)
def test_the_last_stanza_that_names_a_file_counts(package: Callable[..., Path], text: str, classes: set[str]) -> None:
    root = package(textures(), text)
    if classes:
        assert {item.label for item in gathered(root).items} == classes
    else:
        with pytest.raises(DataError, match="holds no texture that can be used"):
            gathered(root)


def test_a_missing_package_is_named_with_its_command(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not here: install it with `apt-get install ufoai-textures`, or say with --source"):
        build(RECIPES["materials"], tmp_path / "out", places=Places(root=nowhere(tmp_path)))


def test_what_is_no_archive(package: Callable[..., Path], tmp_path: Path) -> None:
    root = package(textures())
    (root / materials.FOLDER / materials.ARCHIVE).write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match=r"0textures.pk3: not a pk3 \(zip\) archive, or damaged .*: fetch Debian's package"):
        made(root, tmp_path)


def test_bombs_broken_pictures_and_path_names_are_left_out(
    package: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(materials, "MOST_BYTES", 2**20)
    good = picture(1)
    files = {
        "../../textures/tex_nature/rock-out.png": picture(2),
        "textures/tex_nature/rock1.png": good,
        "textures/tex_nature/rock2.png": good[: len(good) // 2],
        "textures/tex_nature/rock3.png": bytes(2**24),  # 16 MB of zeros in 16 KB
        "textures/tex_nature/rock4.png": picture(3, (4096, 300), "L"),
    }
    built = made(package(files), tmp_path)
    assert built.counts == {"rock": 2 * ALL}, "a name is a name: nothing is written by it"
    assert built.unusable == 3 * ALL
    (record,) = [one for one in caplog.records if "left out" in one.message]
    assert record.message.count("\n") == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == ["materials.npz", "nowhere", "root"]


def test_an_archive_that_lists_too_many_files(
    package: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(materials, "MOST_FILES", 3)
    with pytest.raises(DataError, match="it lists over 3 files: fetch Debian's package"):
        made(package(textures()), tmp_path)


def test_the_same_package_makes_the_same_bytes(package: Callable[..., Path], tmp_path: Path) -> None:
    root = package(textures())
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    one, two = (made(root, folder, image_size=16, limit_per_class=20).path for folder in (first, second))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.skipif(not (ROOT / materials.FOLDER).is_dir(), reason="Debian's ufoai-textures is not installed here")
def test_the_real_package(tmp_path: Path) -> None:
    built = build(RECIPES["materials"], tmp_path / "materials.npz", limit_per_class=9)
    assert list(built.counts) == list(materials.MATERIALS)
    assert built.unusable == 0
    data = load(built.path)
    assert set(np.unique(data.test.labels)) == set(range(8)), "every material is in the test part too"
    assert "CC-BY" not in data.licence
    with zipfile.ZipFile(ROOT / materials.FOLDER / materials.ARCHIVE) as archive:
        there = {name.removeprefix("textures/").rpartition(".")[0] for name in archive.namelist()}
    assert there >= materials.NOT_ALIKE, "the list names what is there"
    items = gathered(ROOT).items
    assert 8_000 <= sum(not item.test for item in items) <= 12_000
