"""Options of presets: which has which, that they act, that a run with them resumes to the bit and one without is as before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from training_pictures import SMALL

from cganx.data import DataSet
from cganx.errors import TrainingError
from cganx.networks import ImageShape
from cganx.objectives import NON_SATURATING, WASSERSTEIN, AdversarialLoss, feature_matching
from cganx.training import LATENT_PRESETS, PRESETS, train
from cganx.training.checkpoint import load_checkpoint
from cganx.training.sampling import Chances
from cganx.training.settings import GameSettings, TargetSettings, changed
from cganx.training.updates import Batch, Players
from cganx.training.updates.players import matching

OPTIONS = {
    "label_smoothing": {"label_smoothing": 0.2},
    "noisy_labels": {"noisy_labels": 0.3},
    "feature_matching": {"feature_matching": 0.5},
    "mode_seeking": {"mode_seeking": 0.5},
    "augmentation": {"augment_translation": 0.125, "augment_colour": 1.0, "augment_cutout": 0.5, "augment_mirror": True},
    "ada": {"ada_target": 0.01, "ada_pictures": 20},
}


def weights(run: Path, step: int) -> dict[str, Tensor]:
    return load_checkpoint(run, step)[0]


def differing(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    assert one.keys() == other.keys()
    return [name for name, value in one.items() if not torch.equal(value, other[name])]


# --- which preset has which


@pytest.mark.parametrize("name", list(LATENT_PRESETS))
def test_an_option_is_there_where_it_makes_sense(name: str) -> None:
    preset = PRESETS[name]
    loss = preset.update.loss
    targets = isinstance(loss, AdversarialLoss) and loss.towards is not None
    assert isinstance(preset.settings, TargetSettings) == targets
    assert isinstance(preset.settings, GameSettings) == (isinstance(loss, AdversarialLoss) and loss is not WASSERSTEIN)


def test_what_makes_no_sense_is_no_setting() -> None:
    for name, key in (
        ("sngan-small", "label_smoothing"),
        ("wgan-gp", "label_smoothing"),
        ("wgan", "noisy_labels"),
        ("r3gan", "noisy_labels"),
    ):
        with pytest.raises(TrainingError, match=f"no setting '{key}'"):
            changed(PRESETS[name].settings, {key: 0.1})
    with pytest.raises(TrainingError, match="did you mean 'label_smoothing'"):
        changed(PRESETS["gan"].settings, {"label_smooting": 0.1})
    with pytest.raises(TrainingError, match=r"noisy_labels is 0.6, out of range: give a number from 0 to 0.5"):
        changed(PRESETS["gan"].settings, {"noisy_labels": 0.6})


def test_the_books_smoothing_is_a_setting_now() -> None:
    cgan = PRESETS["cgan"]
    assert cgan.settings.label_smoothing == 0.1
    assert cgan.game.name == "non-saturating, reals towards 0.9"
    assert PRESETS["cdcgan"].game is NON_SATURATING


def test_augmentation_is_for_all_and_adaptive_only_where_scores_have_sides() -> None:
    for name, preset in LATENT_PRESETS.items():
        assert changed(preset.settings, {"augment_translation": "0.125"}).augment_translation == 0.125, name
    for name in ("wgan", "wgan-gp", "r3gan"):
        with pytest.raises(TrainingError, match="no setting 'ada_target'"):
            changed(PRESETS[name].settings, {"ada_target": 0.6})
    with pytest.raises(TrainingError, match=r"augment_translation is .* out of range"):
        changed(PRESETS["gan"].settings, {"augment_translation": 0.7})
    with pytest.raises(TrainingError, match="did you mean 'augment_colour'"):
        changed(PRESETS["gan"].settings, {"augment_color": 1})


# --- in a run


@pytest.fixture(scope="module")
def plain(stripes: DataSet, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """The weights of a run of eight steps without options."""
    return weights(train(stripes, "mode-collapse", tmp_path_factory.mktemp("plain") / "run", steps=8, settings=SMALL).path, 8)


@pytest.mark.parametrize("option", list(OPTIONS))
def test_an_option_acts_and_resumes_to_the_bit(option: str, plain: dict[str, Tensor], stripes: DataSet, tmp_path: Path) -> None:
    """ADA looks at four batches at a time: a stop within the second four, after the first has changed the probability."""
    for out, stops in (("straight", (8,)), ("resumed", (6, 8))):
        for steps in stops:
            train(stripes, "mode-collapse", tmp_path / out, steps=steps, settings=SMALL | OPTIONS[option])
    straight, resumed = weights(tmp_path / "straight", 8), weights(tmp_path / "resumed", 8)
    assert differing(straight, resumed) == []
    assert not torch.equal(plain["generator/layers.0.weight"], straight["generator/layers.0.weight"])


def test_options_that_are_off_leave_nothing_in_a_checkpoint(plain: dict[str, Tensor]) -> None:
    parts = {name.split("/")[0] for name in plain}
    assert parts <= {
        *("generator", "discriminator", "generator_optimizer", "discriminator_optimizer"),
        *("order", "fakes", "random", "step", "pending"),
    }


def test_the_adaptive_probability_is_in_the_stats(stripes: DataSet, tmp_path: Path) -> None:
    settings = SMALL | OPTIONS["ada"] | {"log_every": 1, "ada_target": 0.0}
    quiet = train(stripes, "mode-collapse", tmp_path / "quiet", steps=1, settings=settings)
    assert "augmentation" not in (quiet.path / "stats.jsonl").read_text()
    # A share of signs can hardly be above 1: with a target of 1 the probability never rises.
    for target, rises in ((0.01, True), (1.0, False)):
        run = train(stripes, "mode-collapse", tmp_path / str(target), steps=8, settings=settings | {"ada_target": target})
        lines = [json.loads(line) for line in (run.path / "stats.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines] == list(range(1, 9))
        assert (max(line["augmentation"] for line in lines) > 0) == rises


def test_penalties_go_through_augmentation_and_the_generator_learns_through_it(stripes: DataSet, tmp_path: Path) -> None:
    all_of_it = {"augment_scaling": 0.25, "augment_rotation": 10.0, **OPTIONS["augmentation"]}
    run = train(stripes, "r3gan", tmp_path / "run", steps=2, settings=SMALL | all_of_it)
    before, after = weights(run.path, 0), weights(run.path, 2)
    still = {key for key, value in before.items() if torch.equal(value, after[key])}
    assert not [key for key in still if key.startswith(("generator/", "discriminator/"))]


def test_as_many_are_told_wrong_as_asked() -> None:
    chances = Chances(torch.Generator().manual_seed(0), torch.device("cpu"))
    assert float((chances.draw(20_000, 1) < 0.3).float().mean()) == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("name", list(LATENT_PRESETS))
def test_every_discriminator_gives_features_and_the_generator_learns_from_them(name: str) -> None:
    preset = PRESETS[name]
    settings = changed(preset.settings, {"feature_matching": 0.5})
    shape = ImageShape(1, *(preset.fixed_size or (16, 16)))
    classes = len(settings.classes(("a", "b", "c")))
    torch.manual_seed(0)
    taught = len(settings.taught(("a", "b", "c")))
    generator, discriminator = preset.generator(shape, classes), preset.discriminator(shape, taught or classes)
    label = torch.eye(max(classes, 4))[:4, :classes]
    real = Batch(torch.rand(4, 1, shape.height, shape.width), label)
    discriminator.eval()  # so that two passes give the same
    players = Players(generator, discriminator, *(None, None), Tensor.backward)  # type: ignore[arg-type]
    judged = players.discriminate(generator(torch.randn(4, generator.latent), label), label)
    assert judged.features is not None
    assert judged.features.shape[0] == 4
    assert judged.features.dim() == 2
    distance = matching(players, real, judged, settings)
    assert isinstance(distance, Tensor)
    features = discriminator(real.image, label).features
    assert float(distance.detach()) == pytest.approx(
        0.5 * float(feature_matching(features, judged.features).detach()), rel=1e-4
    )
    distance.backward()
    assert max(float(one.grad.abs().max()) for one in generator.parameters() if one.grad is not None) > 0
    assert matching(players, real, judged, changed(settings, {"feature_matching": 0})) == 0.0
