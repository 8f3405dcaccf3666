"""Image-to-image on the training loop: the small presets learn, resume to the bit, and leave as files that do the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from cganx import runtime
from cganx.data import Pairs, Task, TranslationPictures, TranslationSet
from cganx.data.normal_maps import are_normals
from cganx.errors import TrainingError
from cganx.networks.translation import Cycle
from cganx.training import PRESETS, open_run, train
from cganx.training.checkpoint import load_checkpoint
from cganx.training.directory import read_stats
from cganx.training.settings import changed
from cganx.training.translation.feed import Cutting, PictureMemory, Share, Translations, TwoHeaps
from cganx.training.translation.holes import Holes
from cganx.training.translation.presets import TRANSLATION_PRESETS
from cganx.training.translation.settings import CycleSettings, StyleSettings
from cganx_cli.group import cganx

SMALL = [name for name in TRANSLATION_PRESETS if name.endswith("-small")]
QUICK = {"batch_size": 2, "checkpoint_every": 10, "grid_every": 10, "log_every": 2, "metric_every": 0, "health_every": 2}
NO_FEATURES = {"content_weight": 0.0}  # the feature network is an optional package
RESUMED = ("pix2pix-small", "cyclegan-small", "cartoongan-small", "context-encoder-small", "srgan-small")


def side(count: int, height: int, width: int, channels: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 256, (count, height // 8, width // 8, channels), np.uint8)
    return blocks.repeat(8, axis=1).repeat(8, axis=2)


def pictures_for(name: str, styles: tuple[str, ...] = (), size: int = 32) -> TranslationSet:
    """Blocks of colour; the targets of pairs are their sources' negatives, enlarged where the preset enlarges."""
    preset = TRANSLATION_PRESETS[name]
    parts = []
    for seed, count in ((1, 12), (2, 6)):
        source = side(count, size // preset.scale, size // preset.scale, 3, seed)
        target = 255 - source.repeat(preset.scale, axis=1).repeat(preset.scale, axis=2)
        if preset.tasks:
            source = target
        if not preset.paired:
            target = side(count + 3, size, size, 3, seed + 2)
        labels = np.arange(len(target)) % len(styles) if styles else None
        parts.append(TranslationPictures(source, target, labels))
    task = preset.tasks[0] if preset.tasks else None
    return TranslationSet("blocks", *parts, preset.paired, preset.scale, task, styles, f"{name}{styles}{size}", "CC0-1.0")


def settings_for(name: str) -> dict[str, object]:
    quick = dict(QUICK) | NO_FEATURES
    if isinstance(PRESETS[name].settings, StyleSettings):
        quick["l1_weight"] = 1.0
    return quick | ({"pretrain_steps": 1} if PRESETS[name].settings.pretrain_steps else {})


@pytest.mark.parametrize("name", SMALL)
def test_a_few_steps_change_every_weight(name: str, tmp_path: Path) -> None:
    run = train(pictures_for(name), name, tmp_path / "run", steps=3, settings=settings_for(name))
    before, after = (load_checkpoint(run.path, step)[0] for step in (0, 3))
    parts = ("generator", "discriminator")
    still = {key for key, value in before.items() if key.split("/")[0] in parts and torch.equal(value, after[key])}
    assert still == set()
    assert (run.path / "samples" / "step-00000003.png").is_file()


@pytest.mark.parametrize("name", RESUMED)
def test_a_resumed_run_is_the_same_bit_for_bit(name: str, tmp_path: Path) -> None:
    cycles = isinstance(PRESETS[name].settings, CycleSettings)
    asked = settings_for(name) | ({"pool": 3} if cycles else {})
    for out, stops in (("straight", (5,)), ("resumed", (1, 3, 5))):
        for steps in stops:
            train(pictures_for(name), name, tmp_path / out, steps=steps, settings=asked)
    one, other = (load_checkpoint(tmp_path / out, 5)[0] for out in ("straight", "resumed"))
    assert one.keys() == other.keys()
    assert [key for key, value in one.items() if not torch.equal(value, other[key])] == []


@pytest.mark.parametrize("name", SMALL)
def test_what_is_exported_does_the_same(name: str, tmp_path: Path, part) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        part(package)
    from cganx_export import export_run

    styles = ("dots", "lines") if TRANSLATION_PRESETS[name].styles else ()
    data = pictures_for(name, styles)
    run = train(data, name, tmp_path / "run", steps=2, settings=settings_for(name))
    report = export_run(run.path, tmp_path / "model.onnx", rewrite=False)
    assert report.parity.max_difference <= 1e-4
    card = runtime.read(tmp_path / "model.onnx").card
    assert (card.kind, card.classes, card.source.scale) == ("image-to-image", styles, TRANSLATION_PRESETS[name].scale)
    assert (card.source.height, card.source.width) == (None, None)
    assert card.training["pictures"] == len(data.train.target)


def test_a_cycle_leaves_both_ways(tmp_path: Path, part) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        part(package)
    from cganx_export import export_run

    run = train(
        pictures_for("discogan-small"), "discogan-small", tmp_path / "run", steps=2, settings=settings_for("discogan-small")
    )
    there, back = (export_run(run.path, tmp_path / f"{back}.onnx", rewrite=False, back=back) for back in (False, True))
    assert (there.card.name, back.card.name) == ("run", "run-back")
    assert there.sha256 != back.sha256
    source = torch.zeros(1, 3, 32, 32)
    assert not torch.equal(run.generator()(source), run.generator(back=True)(source))
    pairs = train(
        pictures_for("pix2pix-small"), "pix2pix-small", tmp_path / "pairs", steps=1, settings=settings_for("pix2pix-small")
    )
    with pytest.raises(TrainingError, match=r"learns no way back; a cycle does, such as cyclegan-small"):
        export_run(pairs.path, tmp_path / "no.onnx", back=True)
    assert not (tmp_path / "no.onnx").exists()


def test_a_run_looks_at_held_out_pictures_and_names_what_fails(tmp_path: Path) -> None:
    asked = settings_for("pix2pix-small") | {"metric_every": 2, "health_every": 2}
    run = train(pictures_for("pix2pix-small"), "pix2pix-small", tmp_path / "run", steps=4, settings=asked)
    lines = read_stats(run.path)
    judged = [line for line in lines if "psnr" in line]
    assert [line["step"] for line in judged] == [2, 4]
    assert {"ssim", "l1", "discriminator_real", "accuracy", "variety", "reach_low"} <= judged[0].keys()
    assert run.best() is not None
    assert "the generator reaches" in (run.path / "report.html").read_text()  # in two steps it cannot reach black and white
    assert not {"dead critic", "discriminator won", "generator won"} & set(PRESETS["pix2pix-small"].rules)


def test_a_batch_may_be_one_picture(tmp_path: Path) -> None:
    asked = settings_for("pix2pix-small") | {"batch_size": 1}
    assert train(pictures_for("pix2pix-small"), "pix2pix-small", tmp_path / "run", steps=2, settings=asked).step() == 2


def test_what_is_judged_is_charted_and_no_loss(tmp_path: Path) -> None:
    asked = settings_for("srgan-small") | {"metric_every": 2}
    run = train(pictures_for("srgan-small"), "srgan-small", tmp_path / "run", steps=4, settings=asked)
    report = (run.path / "report.html").read_text()
    assert "PSNR of held-out pictures, dB" in report
    losses = report.split("losses")[1].split("how often")[0]
    assert ">l1<" in losses
    assert ">psnr<" not in losses


def test_a_dry_run_says_what_it_takes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for place, picture in enumerate(side(20, 64, 64, 3, 1)):
        Image.fromarray(picture).save(tmp_path / "a" / f"{place}.png")
    told = ["train", "--data", str(tmp_path / "a"), "--task", "colorize", "--preset", "pix2pix-small", "--image-size", "32"]
    result = CliRunner().invoke(cganx, [*told, "--batch-size", "1", "-o", str(tmp_path / "run"), "--dry-run"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["config"]["source"] == {"channels": 1, "height": 32, "width": 32, "scale": 1}
    assert said["parameters"]["generator"] > 1_000_000
    assert not (tmp_path / "run").exists()


def test_the_command_trains_on_folders_and_resumes(tmp_path: Path) -> None:
    for role, pictures in (("lines", side(20, 32, 32, 1, 1)), ("colour", side(20, 32, 32, 3, 1))):
        (tmp_path / role).mkdir()
        for place, picture in enumerate(pictures):
            Image.fromarray(picture[..., 0] if role == "lines" else picture).save(tmp_path / role / f"{place}.png")
    out = ["--image-size", "32", "-o", str(tmp_path / "run"), "--set", "batch_size=2", "--set", "metric_every=0"]
    told = ["train", "--pairs", str(tmp_path / "lines"), str(tmp_path / "colour"), "--preset", "pix2pix-small", *out]
    for steps in ("1", "2"):
        result = CliRunner().invoke(cganx, [*told, "--steps", steps])
        assert result.exit_code == 0, result.output
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["source"] == {"channels": 1, "height": 32, "width": 32, "scale": 1}
    assert config["paired"] is True
    assert open_run(tmp_path / "run").step() == 2


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ([], "nothing says where the pictures are: give one of --data DATA, --pairs A B and --unpaired A B"),
        (["--data", "x", "--pairs", "a", "b"], "--data and --pairs says"),
        (["--data", "x", "b"], "'b' belongs to no option"),
        (["--pairs", "a", "b", "c"], "'c' belongs to no option"),
        (["--unpaired", "a"], "--unpaired takes two folders"),
        (["--pairs", "a", "b", "--task", "colorize"], "--task makes the sources of --data"),
        (["--pairs", "a", "b", "--source", "left"], "--source says where the source is in pictures of both"),
        (["--data", "fashion-small", "--preset", "pix2pix-small"], "makes pictures of pictures: give --pairs A/ B/"),
        (["--data", "fashion-small", "--task", "inpaint"], "makes pictures of a latent and takes labelled pictures"),
        (["--unpaired", "a", "b", "--preset", "pix2pix-small", "--image-size", "33"], "makes sides that 16 divides, not 33x33"),
    ],
)
def test_what_does_not_fit_is_one_sentence(told: list[str], sentence: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(cganx, ["train", *told, "-o", str(tmp_path / "run")])
    assert result.exit_code in (1, 2)
    assert sentence in result.output
    assert len(result.output.strip().splitlines()) <= 4
    assert not (tmp_path / "run").exists()


def test_data_that_the_preset_does_not_learn_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"learns from pairs, and blocks is two heaps"):
        train(pictures_for("cyclegan-small"), "pix2pix-small", tmp_path / "run", steps=1)
    with pytest.raises(TrainingError, match=r"4 times as large as its sources, and those of blocks are 1 times"):
        train(pictures_for("pix2pix-small"), "srgan-small", tmp_path / "run", steps=1)
    with pytest.raises(TrainingError, match=r"is for --task inpaint, and blocks is not of it"):
        train(pictures_for("pix2pix-small"), "context-encoder-small", tmp_path / "run", steps=1)
    with pytest.raises(TrainingError, match=r"takes no styles, and blocks has: a, b"):
        train(pictures_for("srgan-small", ("a", "b")), "srgan-small", tmp_path / "run", steps=1)
    assert not (tmp_path / "run").exists()


# --- what a step is fed


def test_a_source_and_its_target_are_cut_alike() -> None:
    source = np.arange(2 * 24 * 24, dtype=np.uint8).reshape(2, 24, 24, 1)
    target = source.repeat(2, axis=1).repeat(2, axis=2)
    cutting = Cutting((16, 16), 2, mirror=True, turns=True)
    pictures = Translations(TranslationPictures(source, target), cutting, 0, None, torch.device("cpu"), paired=True)
    batch = pictures.batch(torch.tensor([[place % 2, place % 2, number] for place, number in enumerate(range(40))]))
    assert torch.equal(batch.target[:, :, ::2, ::2], batch.source)
    assert len({one.numpy().tobytes() for one in batch.source}) > 20
    again = pictures.batch(torch.tensor([[1, 1, 7]]))
    assert torch.equal(again.source, batch.source[7:8])


def test_a_normal_map_is_mirrored_and_turned_with_its_vectors() -> None:
    # A hill's slopes point away from its top: of a hill in the middle that stays so, however the map is turned.
    down, right = np.mgrid[:16, :16] - 7.5
    vectors = np.stack([right, -down, np.full((16, 16), 16.0)], axis=-1)
    normals = (127.5 + 127.5 * vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).round().astype(np.uint8)[None]
    pictures = TranslationPictures(np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=-1), normals)
    cutting = Cutting((16, 16), 1, mirror=True, turns=True, normals=(are_normals(pictures.source), are_normals(normals)))
    rows = torch.tensor([[0, 0, number] for number in range(40)])
    batch = Translations(pictures, cutting, 0, None, torch.device("cpu"), paired=True).batch(rows)
    assert len({one.numpy().tobytes() for one in batch.source}) == 8
    assert float((batch.target - batch.target[0]).abs().max()) < 1.5 / 127.5


@pytest.mark.parametrize("colour", [(200, 200, 200), (175, 200, 225), (240, 190, 160), (70, 200, 210)])
def test_colours_that_are_as_long_as_normals_are_none(colour: tuple[int, int, int]) -> None:
    paper = np.random.default_rng(0).integers(-5, 6, (20, 32, 32, 3)) + colour
    assert not are_normals(paper.astype(np.uint8))


def test_a_run_knows_normal_maps(tmp_path: Path) -> None:
    data = pictures_for("pix2pix-small")
    normals = np.full_like(data.train.target, 128)
    normals[..., 2] = 255
    maps = replace(data, train=TranslationPictures(data.train.source, normals))
    for pictures, known in ((data, (False, False)), (maps, (False, True))):
        run = train(pictures, "pix2pix-small", tmp_path / str(known), steps=1, settings={"metric_every": 0, "health_every": 0})
        cutting = PRESETS["pix2pix-small"].cutting(run.config, pictures.train)
        assert cutting.normals == known


def test_the_source_alone_changes_in_light() -> None:
    source = np.random.default_rng(0).integers(60, 180, (1, 16, 16, 3), np.uint8)
    pictures = TranslationPictures(source, source)
    rows = torch.tensor([[0, 0, number] for number in range(50)])
    lit = Translations(pictures, Cutting((16, 16), 1, False, False, 0.5), 0, None, torch.device("cpu"), paired=True).batch(rows)
    assert (lit.target == lit.target[0]).all()
    means = lit.source.mean((1, 2, 3)) - lit.target[0].mean()
    assert (float(means.min()) < -0.2, float(means.max()) > 0.2) == (True, True)
    spreads = lit.source.std((1, 2, 3)) / lit.target[0].std()
    assert 0.45 < float(spreads.min()) < 0.8
    assert 1.3 < float(spreads.max()) < 2.1
    assert torch.equal(lit.source, lit.source.clamp(-1, 1))
    same = Translations(pictures, Cutting((16, 16), 1, False, False), 0, None, torch.device("cpu"), paired=True).batch(rows)
    assert torch.equal(same.source, same.target)


def test_what_is_part_of_the_target_keeps_its_light() -> None:
    for name in ("srgan-small", "context-encoder-small"):
        with pytest.raises(TrainingError, match="no setting 'source_jitter'"):
            changed(PRESETS[name].settings, {"source_jitter": 0.5})


def test_two_heaps_come_each_once_before_one_comes_again() -> None:
    order = TwoHeaps(5, 3, 0, paired=False)
    rows = order.next(15)
    assert sorted(rows[:5, 0].tolist()) == list(range(5))
    assert sorted(rows[:3, 1].tolist()) == sorted(rows[3:6, 1].tolist()) == list(range(3))
    state = order.state()
    expected = order.next(4)
    other = TwoHeaps(5, 3, 0, paired=False)
    other.restore(state)
    assert torch.equal(other.next(4), expected)


def test_a_pool_shows_every_new_picture_or_an_older_one_instead() -> None:
    memory = PictureMemory(0, Share())
    made = torch.arange(200.0).view(200, 1, 1, 1)
    shown = torch.cat([memory.pooled("there", 10, part) for part in made.split(4)]).flatten()
    assert shown[:10].tolist() == list(range(10))
    older = (shown != made.flatten()).double().mean()
    assert 0.35 < float(older) < 0.6
    assert bool((shown <= made.flatten()).all())
    assert torch.equal(memory.pooled("back", 0, made), made)


@pytest.mark.parametrize(("square", "free_form"), [(16, False), (16, True), (0, True)])
def test_holes_are_the_same_for_the_same_number_and_leave_most_of_a_picture(square: int, free_form: bool) -> None:
    holes = Holes(square, free_form)
    masks = np.stack([holes.draw(number, 48, 64) for number in range(30)])
    assert masks.shape == (30, 48, 64)
    assert set(np.unique(masks)) == {0, 1}
    assert ((masks.mean((1, 2)) > 0) & (masks.mean((1, 2)) <= 0.4)).all()
    assert np.array_equal(masks[3], holes.draw(3, 48, 64))
    assert ((masks.sum((1, 2)) == square**2).mean() > 0.2) == (square > 0)
    assert ((masks.sum((1, 2)) != 256).any()) == free_form


def test_the_cycle_learns_both_ways_and_styles_enter_the_way_there_alone() -> None:
    preset = TRANSLATION_PRESETS["cyclegan-small"]
    data = pictures_for("cyclegan-small", ("dots", "lines"))
    from cganx.networks import ImageShape
    from cganx.networks.translation import TranslationShape

    shape = TranslationShape(ImageShape(3, 32, 32), ImageShape(3, 32, 32))
    generator = preset.generator(shape, len(data.classes))
    assert isinstance(generator, Cycle)
    assert (generator.there.classes, generator.back.classes) == (2, 0)


@pytest.mark.parametrize("from_source", [True, False])
@pytest.mark.parametrize("name", ["cyclegan-small", "discogan-small", "pix2pix-small"])
def test_a_small_network_changes_its_source_or_makes_anew(name: str, from_source: bool, tmp_path: Path) -> None:
    settings = {**settings_for(name), "from_source": from_source}
    run = train(pictures_for(name), name, tmp_path / "run", steps=1, settings=settings)
    there = run.generator()
    assert isinstance(there, torch.nn.Module)
    channels = run.config.translation.source.channels
    source = torch.linspace(-1, 1, channels * 32 * 32).reshape(1, channels, 32, 32)
    with torch.no_grad():
        made = there(source)
    assert made.shape == (1, 3, 32, 32)
    assert ((made - source).abs().mean() < 0.2) == from_source  # a grey source in all three


def grey_source(data: TranslationSet) -> TranslationSet:
    parts = (replace(part, source=part.source[..., :1]) for part in (data.train, data.test))
    return replace(data, **dict(zip(("train", "test"), parts, strict=True)))


def test_a_grey_source_is_changed_in_all_channels_and_a_coloured_one_to_grey_is_refused(tmp_path: Path) -> None:
    data = pictures_for("pix2pix-small")
    settings = {**settings_for("pix2pix-small"), "from_source": True}
    there = train(grey_source(data), "pix2pix-small", tmp_path / "run", steps=1, settings=settings).generator()
    assert isinstance(there, torch.nn.Module)
    source = torch.linspace(-1, 1, 32 * 32).reshape(1, 1, 32, 32)
    with torch.no_grad():
        assert (there(source) - source.expand(1, 3, 32, 32)).abs().mean() < 0.2
    parts = (replace(part, target=part.target[..., :1]) for part in (data.train, data.test))
    grey = replace(data, **dict(zip(("train", "test"), parts, strict=True)))
    with pytest.raises(TrainingError, match="from 3 to 1 channels: leave it out"):
        train(grey, "pix2pix-small", tmp_path / "other", steps=1, settings=settings)


def test_a_generator_that_nothing_teaches_is_refused() -> None:
    with pytest.raises(
        TrainingError, match="nothing tells the generator what to make: give adversarial_weight or content_weight"
    ):
        changed(PRESETS["cartoongan-small"].settings, {"content_weight": 0})
    with pytest.raises(TrainingError, match="nothing tells the generator what to make"):
        changed(PRESETS["pix2pix-small"].settings, {"l1_weight": 0, "adversarial_weight": 0})


def test_settings_of_a_latent_are_none_here() -> None:
    for name in TRANSLATION_PRESETS:
        with pytest.raises(TrainingError, match="no setting 'augment_rotation'"):
            changed(PRESETS[name].settings, {"augment_rotation": 5})
    assert Task("emoji", "inpaint").task == "inpaint"
    assert Pairs("a", "b").name


def test_held_out_targets_are_of_all_styles_in_turn() -> None:
    """They lie style by style: of the first ones all would be of one."""
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2])
    target = np.arange(9, dtype=np.uint8)[:, None, None, None].repeat(8, 1).repeat(8, 2)
    pictures = TranslationPictures(target[:4], target, labels)
    cutting = Cutting((8, 8), 1, mirror=False, turns=False)
    heaps = Translations(pictures, cutting, 3, None, torch.device("cpu"), paired=False)
    held_out = heaps.held_out(7)
    assert held_out.label is not None
    assert held_out.label.argmax(1).tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert (held_out.target[:, 0, 0, 0] * 127.5 + 127.5).round().int().tolist() == [0, 4, 6, 1, 5, 7, 2]
    assert len(held_out.source) == 4
