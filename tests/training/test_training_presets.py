"""Every preset: its networks' sizes, that it learns, resumes to the bit, and leaves as a file that does the same."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import nn
from training_pictures import SMALL, data_set

from cganx import runtime
from cganx.data import DataSet
from cganx.errors import TrainingError
from cganx.networks import ImageShape
from cganx.networks.cdcgan import LabelPlane
from cganx.training import LATENT_PRESETS, PRESETS, Run, train
from cganx.training.checkpoint import load_checkpoint
from cganx.training.preset import Preset
from cganx.training.settings import changed
from cganx.training.updates.critic import clip
from cganx.training.updates.informed import guess
from cganx_cli.group import cganx

ALL = pytest.mark.parametrize("name", list(LATENT_PRESETS))

# As the book's Keras summaries and the tutorial count: batch norm's running statistics among them.
PRINTED = {
    "cdcgan": (1_169_336, 196_773),
    "gan-dense": (2_055_784, 233_985),
    "mode-collapse": (51_152, 50_305),
    "convergence-failure": (39_984, 566_273),
    "dcgan": (2_360_833, 1_223_553),
    "dcgan-anime": (1_866_499, 517_441),
    "dcgan-face": (1_768_387, 904_961),
    "cgan-planes": (629_448, 270_641),
    "acgan-book": (649_377, 561_675),
    "wgan": (1_079_297, 523_393),
    "infogan": (531_425, 428_929 + 650),
    "sgan": (540_097, 562_316 - 129 - 129),  # neither a head for real or fake nor a logit for fake
    "lsgan": (1_493_520, 533_505),
    "wgan-gp": (1_028_673, 100_097 - 448),  # layer norm in the critic has no running statistics
}


def pictures(preset: Preset[object], channels: int = 1) -> DataSet:
    height, width = preset.fixed_size or (16, 16)
    return data_set(3, height=height, width=width, channels=channels)


def quick(name: str) -> dict[str, int]:
    """Settings for a few steps: large networks see few pictures."""
    return SMALL | ({"batch_size": 4} if PRESETS[name].fixed_size == (56, 56) else {})


def counted(module: nn.Module) -> int:
    statistics = [one for name, one in module.named_buffers() if name.rpartition(".")[2] in ("running_mean", "running_var")]
    return sum(one.numel() for one in (*module.parameters(), *statistics))


@pytest.mark.parametrize("name", list(PRINTED))
def test_the_networks_are_as_large_as_the_originals_say(name: str) -> None:
    preset = PRESETS[name]
    shape = ImageShape(3 if name in ("dcgan-anime", "dcgan-face") else 1, *(preset.fixed_size or (28, 28)))
    classes = 10 if name in ("cdcgan", "cgan-planes", "acgan-book", "infogan") else 0
    taught = len(preset.settings.taught(tuple("0123456789")))
    assert (counted(preset.generator(shape, classes)), counted(preset.discriminator(shape, taught or classes))) == PRINTED[name]


def test_r3gan_and_the_residual_networks_have_the_sizes_they_are_meant_to_have() -> None:
    r3gan, sngan = PRESETS["r3gan"], PRESETS["sngan-projection"]
    assert sum(counted(build(ImageShape(3, 64, 64), 10)) for build in (r3gan.generator, r3gan.discriminator)) < 1_500_000
    cifar = ImageShape(3, 32, 32)
    assert counted(sngan.generator(cifar, 10)) == pytest.approx(4.30e6, rel=0.01)
    assert counted(sngan.discriminator(cifar, 10)) == pytest.approx(1.06e6, rel=0.02)
    normalised = (nn.BatchNorm2d, nn.BatchNorm1d, nn.GroupNorm, nn.Dropout)
    assert not any(isinstance(one, normalised) for one in r3gan.generator(cifar, 10).modules())


@ALL
def test_a_few_steps_change_every_weight(name: str, tmp_path: Path) -> None:
    run = train(pictures(PRESETS[name]), name, tmp_path / "run", steps=3, settings=quick(name))
    before, after = (load_checkpoint(run.path, step)[0] for step in (0, 3))
    still = {
        key
        for key, value in before.items()
        if key.split("/")[0] in ("generator", "discriminator")
        and not key.endswith(("._u", "._v"))  # spectral norm's vectors may have converged
        and torch.equal(value, after[key])
    }
    # A constant added to every score cancels out between reals and fakes.
    assert still == ({"discriminator/score.bias"} if name in ("wgan", "wgan-gp") else set())


@ALL
def test_a_resumed_run_is_the_same_bit_for_bit(name: str, tmp_path: Path) -> None:
    data = pictures(PRESETS[name])
    for out, stops in (("straight", (3,)), ("resumed", (1, 3))):
        for steps in stops:
            train(data, name, tmp_path / out, steps=steps, settings=quick(name))
    one, other = (load_checkpoint(tmp_path / out, 3)[0] for out in ("straight", "resumed"))
    assert one.keys() == other.keys()
    assert [key for key, value in one.items() if not torch.equal(value, other[key])] == []


@ALL
def test_what_is_exported_does_the_same(name: str, tmp_path: Path, part, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        part(package)
    from cganx_export import export_run

    # The same statistics for both from fewer pictures: large networks take a minute for a thousand.
    monkeypatch.setattr("cganx.training.run.BATCHES", 1)
    monkeypatch.setattr("cganx.training.run.AVERAGED_BATCHES", 1)
    run = train(pictures(PRESETS[name], channels=3), name, tmp_path / "run", steps=1, settings=quick(name))
    report = export_run(run.path, tmp_path / "model.onnx", rewrite=False)
    assert report.parity.max_difference <= 1e-4
    file = runtime.read(tmp_path / "model.onnx")
    classes = PRESETS[name].settings.classes(("stripes 1", "stripes 2", "stripes 3"))
    assert file.card.classes == classes
    assert ("label" in file.inputs) == bool(classes)
    assert file.card.latent is not None
    assert file.card.latent.distribution == PRESETS[name].latent
    generator = runtime.load(tmp_path / "model.onnx", device="cpu")
    torch_generator = run.generator()
    for count in (1, 3):
        assert same(run, torch_generator, generator, count)


def same(run: Run, module: nn.Module, generator: runtime.Generator, count: int) -> bool:
    """Whether the file's pictures are torch's, to a level, for latents of the run's distribution."""
    latents = np.random.default_rng(count).uniform(-1, 1, (count, generator.card.latent.size)).astype(np.float32)  # type: ignore[union-attr]
    classes = len(run.config.classes)
    ids = np.arange(count) % max(classes, 1)
    arguments = [torch.from_numpy(latents), *([torch.eye(classes)[torch.from_numpy(ids)]] if classes else [])]
    with torch.inference_mode():
        wanted = runtime.generator.to_pixels(module(*arguments).clamp(-1, 1).numpy())
    made = generator.generate(list(ids) if classes else None, latents=latents)
    return bool(np.abs(made.astype(int) - wanted.astype(int)).max() <= 1)


@pytest.mark.parametrize("name", ["dcgan", "cgan-planes", "dcgan-face"])
def test_a_network_of_one_size_takes_the_data_at_that_size_and_refuses_another(name: str, folder: Path, tmp_path: Path) -> None:
    run = train(folder, name, tmp_path / "run", steps=1, settings=SMALL)
    assert (run.config.height, run.config.width) == PRESETS[name].fixed_size
    height, width = PRESETS[name].fixed_size or (0, 0)
    with pytest.raises(TrainingError, match=f"{name}.*{height}x{width}"):
        train(folder, name, tmp_path / "other", steps=1, image_size=32, settings=SMALL)


@pytest.mark.parametrize("name", ["lsgan", "wgan", "wgan-gp"])
def test_those_that_work_both_ways(name: str, stripes: DataSet, tmp_path: Path) -> None:
    for text, classes in (("true", stripes.classes), ("false", ())):
        run = train(stripes, name, tmp_path / text, steps=1, settings=SMALL | {"conditional": text})
        assert run.config.classes == classes
        assert run.card().kind == ("class" if classes else "unconditional")
    with pytest.raises(TrainingError, match="true or false"):
        changed(PRESETS[name].settings, {"conditional": "perhaps"})
    with pytest.raises(TrainingError, match="conditional: True in the run, False asked"):
        train(stripes, name, tmp_path / "true", steps=2, settings=SMALL | {"conditional": False})


def test_an_unconditional_preset_learns_from_one_class_and_from_pictures_without_label(tmp_path: Path) -> None:
    data = data_set(1)
    run = train(data, "gan-dense", tmp_path / "run", steps=1, settings=SMALL)
    assert (run.config.classes, run.config.pictures) == ((), 49)
    assert run.card().kind == "unconditional"


def test_infogan_finds_as_many_classes_as_it_is_told(tmp_path: Path) -> None:
    data = data_set(1, height=28, width=28)
    run = train(data, "infogan", tmp_path / "run", steps=2, settings=SMALL | {"categories": 4})
    assert run.config.classes == ("code-0", "code-1", "code-2", "code-3")
    assert (run.config.class_counts, run.config.pictures) == ((1, 1, 1, 1), 49)
    assert run.card().kind == "class"


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"categories": 1}, "one category says nothing"), ({"categories": 0}, "both 0"), ({"continuous": -1}, "0 to 100")],
)
def test_codes_that_say_nothing_are_refused(asked: dict[str, int], says: str) -> None:
    with pytest.raises(TrainingError, match=says):
        changed(PRESETS["infogan"].settings, asked)


def test_a_run_with_continuous_codes_resumes_bit_for_bit(tmp_path: Path) -> None:
    data, settings = data_set(3, height=28, width=28), SMALL | {"categories": 3, "continuous": 2}
    for out, stops in (("straight", (3,)), ("resumed", (1, 3))):
        for steps in stops:
            train(data, "infogan", tmp_path / out, steps=steps, settings=settings)
    one, other = (load_checkpoint(tmp_path / out, 3)[0] for out in ("straight", "resumed"))
    assert [key for key, value in one.items() if not torch.equal(value, other[key])] == []


@pytest.mark.parametrize("categories", [3, 0])
def test_continuous_codes_leave_as_an_input_of_the_file(categories: int, tmp_path: Path, part) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        part(package)
    from cganx_export import export_run

    settings = SMALL | {"categories": categories, "continuous": 2, "grid_every": 1}
    run = train(data_set(3, height=28, width=28), "infogan", tmp_path / "run", steps=1, settings=settings)
    card = run.card()
    assert (card.codes, card.kind) == (("continuous-0", "continuous-1"), "class" if categories else "unconditional")
    with Image.open(run.path / "samples" / "step-00000001.png") as picture:
        assert picture.height > (categories + 10) * 56  # a row a category, and five a code

    report = export_run(run.path, tmp_path / "model.onnx", rewrite=False)
    assert report.parity.max_difference <= 1e-4  # with codes of -2..2
    generator = runtime.load(tmp_path / "model.onnx", device="cpu")
    assert generator.card.codes == card.codes
    assert runtime.read(tmp_path / "model.onnx").inputs["code"] == (2,)
    names = ["code-0", "code-1", "code-2"] if categories else None
    plain = generator.generate(names, [1, 2, 3])
    made = generator.generate(names, [1, 2, 3], codes=np.array([[0, 0], [-2, 0.5], [0, 2]]))
    assert np.array_equal(plain[0], made[0])  # codes are 0 where nobody gives them
    assert not np.array_equal(plain[1], made[1])
    assert not np.array_equal(plain[2], made[2])

    # The command says what was set in the picture's text.
    arguments = [
        "generate",
        str(tmp_path / "model.onnx"),
        "-o",
        str(tmp_path / "out"),
        "--seeds",
        "7",
        "--code",
        "continuous-1=2",
    ]
    done = CliRunner().invoke(cganx, arguments, prog_name="cganx")
    assert done.exit_code == 0, done.output
    with Image.open(tmp_path / "out" / ("code-0" if categories else "unconditional") / "7.png") as picture:
        assert picture.text["cganx.code"] == "continuous-1=2"  # type: ignore[attr-defined]
        wanted = generator.generate(names[:1] if names else None, 7, codes=np.array([0, 2]))
        assert np.array_equal(np.asarray(picture), wanted[0, :, :, 0])


def test_discriminator_and_head_learn_of_the_code_together(tmp_path: Path) -> None:
    data = data_set(3, height=28, width=28)
    quiet = train(data, "infogan", tmp_path / "quiet", steps=1, settings=SMALL | {"information_weight": 0.0})
    before, after = (load_checkpoint(quiet.path, step)[0] for step in (0, 1))
    assert torch.equal(before["discriminator/class_head.weight"], after["discriminator/class_head.weight"])
    loud = train(data, "infogan", tmp_path / "loud", steps=1, settings=SMALL)
    told = load_checkpoint(loud.path, 1)[0]
    for name in ("discriminator/class_head.weight", "discriminator/layers.0.weight"):
        assert not torch.equal(after[name], told[name])


def test_what_a_guess_costs_is_by_category_and_by_distance() -> None:
    head = torch.tensor([[0.0, 0.0, 0.5], [0.0, 0.0, -1.0]])
    code = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, -1.0]])
    category, continuous = guess(head, code, 2)
    assert float(category) == pytest.approx(math.log(2))
    assert float(continuous) == pytest.approx(0.5 * math.log(2 * math.pi) + 0.5 * 0.25 / 2)
    assert [float(one) for one in guess(head[:, :2], code[:, :2], 2)] == pytest.approx([math.log(2), 0.0])
    assert float(guess(head[:, 2:], code[:, 2:], 0)[0]) == 0.0


def test_clipping_leaves_batch_norm_and_the_plane_of_the_label_alone(stripes: DataSet, tmp_path: Path) -> None:
    critic = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 1), LabelPlane(3, 5, 5))
    with torch.no_grad():
        critic[0].weight.fill_(-3.0)
        critic[3].embedding.fill_(2.0)
        critic[3].dense.weight.fill_(3.0)
    clip(critic, 0.01)
    assert float(critic[3](torch.eye(3)).detach().min()) == pytest.approx(6.0 * 50)
    assert all(float(layer.weight.detach().abs().max()) <= 0.01 for layer in (critic[0], critic[2]))
    norm = critic[1]
    assert all(torch.equal(one, torch.ones(4)) for one in (norm.weight.detach(), norm.running_var))
    run = train(stripes, "wgan", tmp_path / "run", steps=1, settings=SMALL)
    tensors = load_checkpoint(run.path, 1)[0]
    assert tensors["discriminator/score.weight"].abs().max() <= 0.01
    assert tensors["discriminator/blocks.4.weight"].min() > 0.5  # of a batch norm


def test_the_collapsing_and_the_failing_preset_are_built_as_the_book_has_them() -> None:
    collapsing = PRESETS["mode-collapse"].generator(ImageShape(1, 28, 28), 0)
    assert collapsing.latent == 2
    failing = PRESETS["convergence-failure"].generator(ImageShape(1, 28, 28), 0)
    with torch.no_grad():
        assert failing(torch.randn(20, 50)).min() >= 0.0  # -1..1: nothing is darker than middle grey


def test_the_page_of_presets_is_the_tables_own() -> None:
    script = Path(__file__).parents[2] / "scripts" / "make_presets_page.py"
    done = subprocess.run([sys.executable, script, "--check"], check=False)
    assert done.returncode == 0, "docs/presets.md is not what scripts/make_presets_page.py writes; run it"
