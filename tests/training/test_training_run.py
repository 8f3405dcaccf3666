from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from training_pictures import SMALL, data_set

from cganx.data import DataSet
from cganx.errors import DataError, DeviceUnavailable, TrainingError
from cganx.training import Status, open_run, train
from cganx.training.checkpoint import load_checkpoint

BOTH = pytest.mark.parametrize("preset", ["cdcgan", "sngan-small"])


def state(path: Path, step: int) -> dict[str, torch.Tensor]:
    return load_checkpoint(path, step)[0]


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(one, second[name]) for name, one in first.items())


def lines(path: Path) -> list[dict[str, Any]]:
    timeless = ("seconds", "images_per_second")
    text = (path / "stats.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in timeless} for line in text]


@BOTH
def test_a_resumed_run_is_the_same_bit_for_bit(preset: str, stripes: DataSet, tmp_path: Path):
    train(stripes, preset, tmp_path / "straight", steps=20, settings=SMALL)
    train(stripes, preset, tmp_path / "resumed", steps=8, settings=SMALL)
    torch.rand(3)  # what the process does in between is nothing to the run
    train(stripes, preset, tmp_path / "resumed", steps=13, settings=SMALL)
    run = train(stripes, preset, tmp_path / "resumed", steps=20, settings=SMALL)
    assert run.step() == 20
    assert same(state(tmp_path / "straight", 20), state(tmp_path / "resumed", 20))
    assert lines(tmp_path / "straight") == lines(tmp_path / "resumed")
    assert [line["step"] for line in lines(tmp_path / "resumed")] == [5, 10, 15, 20]


@BOTH
def test_one_step_changes_every_weight_that_has_a_gradient(preset: str, stripes: DataSet, tmp_path: Path):
    train(stripes, preset, tmp_path / "run", steps=1, settings=SMALL)
    before, after = state(tmp_path / "run", 0), state(tmp_path / "run", 1)
    still = {
        name
        for name in before
        if name.split("/")[0] in ("generator", "discriminator")
        and not name.endswith(("._u", "._v"))  # spectral norm's vectors may have converged
        and torch.equal(before[name], after[name])
    }
    assert still == set()


@BOTH
def test_the_seed_decides(preset: str, stripes: DataSet, tmp_path: Path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(stripes, preset, tmp_path / name, steps=2, seed=seed, settings=SMALL)
    assert same(state(tmp_path / "a", 2), state(tmp_path / "b", 2))
    assert not torch.equal(state(tmp_path / "a", 2)["fakes/random"], state(tmp_path / "c", 2)["fakes/random"])


def test_training_leaves_the_callers_random_numbers_and_threads_alone(stripes: DataSet, tmp_path: Path):
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    run = train(stripes, out=tmp_path / "run", steps=1, settings=SMALL)
    run.generator()
    assert torch.equal(before, torch.get_rng_state())
    assert threads == torch.get_num_threads()


def test_the_run_directory_holds_what_it_says(stripes: DataSet, tmp_path: Path, part):
    part("tensorboard")
    seen: list[Status] = []
    run = train(stripes, out=tmp_path / "run", steps=20, settings=SMALL, progress=seen.append)
    assert run.checkpoints() == (10, 20)
    config = json.loads((run.path / "config.json").read_text())
    assert config["preset"] == "sngan-small"
    assert config["settings"]["batch_size"] == 8
    assert config["class_counts"] == [16, 16, 16]  # one of the 49 pictures has no label
    assert [one.step for one in seen] == [5, 10, 15, 20]
    assert set(seen[0].losses) == {"discriminator", "generator", "class_real", "class_fake", "accuracy"}
    assert {path.name for path in (run.path / "samples").iterdir()} == {"step-00000010.png", "step-00000020.png"}
    with Image.open(run.path / "samples" / "step-00000020.png") as grid:
        assert min(grid.size) > 3 * 16
    assert list((run.path / "events").iterdir())
    assert not list(run.path.rglob("*.part"))


def test_old_checkpoints_go_and_milestones_stay(stripes: DataSet, tmp_path: Path):
    settings = SMALL | {"checkpoint_every": 2, "keep_every": 4, "grid_every": 100}
    run = train(stripes, out=tmp_path / "run", steps=11, settings=settings)
    assert run.checkpoints() == (4, 8, 10, 11)


def test_a_finished_run_is_extended_and_otherwise_left_alone(stripes: DataSet, tmp_path: Path):
    train(stripes, out=tmp_path / "run", steps=5, settings=SMALL)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.safetensors")}
    run = train(stripes, out=tmp_path / "run", steps=5, settings=SMALL)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert run.step() == 5
    assert train(stripes, out=tmp_path / "run", steps=7, settings=SMALL, device="cpu").step() == 7


def test_every_other_difference_is_refused_line_by_line(stripes: DataSet, tmp_path: Path):
    train(stripes, out=tmp_path / "run", steps=1, settings=SMALL)
    with pytest.raises(TrainingError) as caught:
        train(stripes, out=tmp_path / "run", steps=1, settings=SMALL, batch_size=32, seed=5)
    told = str(caught.value).splitlines()
    assert "batch_size: 8 in the run, 32 asked" in [line.strip() for line in told]
    assert "seed: 0 in the run, 5 asked" in [line.strip() for line in told]
    assert len(told) == 3
    with pytest.raises(TrainingError, match="preset: sngan-small in the run, cdcgan asked"):
        train(stripes, "cdcgan", tmp_path / "run", steps=1)
    with pytest.raises(TrainingError, match="fingerprint"):
        train(data_set(height=20), out=tmp_path / "run", steps=1, settings=SMALL)


def test_init_from_takes_the_weights_and_nothing_else(stripes: DataSet, tmp_path: Path):
    train(stripes, out=tmp_path / "first", steps=3, settings=SMALL)
    run = train(stripes, out=tmp_path / "second", steps=1, settings=SMALL, init_from=tmp_path / "first")
    first, second = state(tmp_path / "first", 3), state(run.path, 0)
    assert all(torch.equal(first[name], second[name]) for name in first if name.split("/")[0] in ("generator", "average"))
    assert not any("optimizer" in name for name in second)
    assert int(second["step"]) == 0
    assert run.card().training["init_from"] == "first"
    assert "init_from" not in open_run(tmp_path / "first").card().training
    with pytest.raises(TrainingError, match="do not fit"):
        train(data_set(4), out=tmp_path / "third", steps=1, settings=SMALL, init_from=tmp_path / "first")
    with pytest.raises(TrainingError, match="not a run"):
        train(stripes, out=tmp_path / "fourth", steps=1, settings=SMALL, init_from=tmp_path / "nothing")


def test_a_run_in_use_is_refused(stripes: DataSet, tmp_path: Path):
    def again(_: Status) -> None:
        with pytest.raises(TrainingError, match="in use"):
            train(stripes, out=tmp_path / "run", steps=1, settings=SMALL)

    train(stripes, out=tmp_path / "run", steps=5, settings=SMALL, progress=again)


def test_a_directory_of_something_else_is_refused(stripes: DataSet, tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("chapter 1")
    with pytest.raises(TrainingError, match=r"thesis\.txt"):
        train(stripes, out=tmp_path, steps=1, settings=SMALL)


def test_losses_that_are_not_finite_end_the_run_and_spare_its_checkpoint(
    stripes: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    train(stripes, out=tmp_path / "run", steps=10, settings=SMALL)
    before = state(tmp_path / "run", 10)
    path = tmp_path / "run" / "checkpoints" / "step-00000010.safetensors"
    content = path.read_bytes()

    from cganx.training.updates import joint

    calls = iter(range(100))
    real = joint.class_logits
    monkeypatch.setattr(joint, "class_logits", lambda judged: real(judged) * (float("nan") if next(calls) == 4 else 1.0))
    with pytest.raises(TrainingError, match=r"step 13; the checkpoint of step 10 stays.*generator_rate") as caught:
        train(stripes, out=tmp_path / "run", steps=20, settings=SMALL)
    assert "undefined" in str(caught.value)
    assert path.read_bytes() == content
    assert open_run(tmp_path / "run").step() == 10
    assert before


def test_a_time_budget_covers_all_sessions(stripes: DataSet, tmp_path: Path):
    begun = time.monotonic()
    run = train(stripes, out=tmp_path / "run", time_budget=4.0, settings=SMALL)
    taken = time.monotonic() - begun
    assert 1.0 < taken < 8.0  # 4 and what a busy machine adds to closing; test_training_clock.py holds the rule
    step = run.step()
    assert step > 0
    assert train(stripes, out=tmp_path / "run", time_budget=taken / 2, settings=SMALL).step() == step
    assert train(stripes, out=tmp_path / "run", time_budget=60.0, steps=step + 7, settings=SMALL).step() == step + 7


def test_a_budget_begins_when_the_caller_says(stripes: DataSet, tmp_path: Path):
    run = train(stripes, out=tmp_path / "run", time_budget=30.0, started=time.monotonic() - 40.0, settings=SMALL)
    assert run.step() == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"steps": 0}, "at least one"),
        ({"time_budget": 0}, "more than 0"),
        ({"seed": -1}, "0 <= seed"),
        ({"seed": 2**64}, "0 <= seed"),
        ({"preset": "sngan-smal"}, "did you mean 'sngan-small'"),
        ({"settings": {"batchsize": 4}}, "did you mean 'batch_size'"),
        ({"device": "gpu"}, "no device"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_written(
    arguments: dict[str, Any], says: str, stripes: DataSet, tmp_path: Path
):
    with pytest.raises(TrainingError, match=says):
        train(stripes, out=tmp_path / "run", **arguments)
    assert not (tmp_path / "run").exists()


def test_a_device_that_is_not_there_is_an_error(stripes: DataSet, tmp_path: Path):
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(DeviceUnavailable, match="CUDA"):
        train(stripes, out=tmp_path / "run", device="cuda")
    with pytest.raises(DeviceUnavailable, match="CUDA") as caught:
        train(stripes, out=tmp_path / "run", device="cuda:3")
    assert (caught.value.requested, caught.value.active) == ("cuda:3", "cpu")


def test_pictures_that_are_too_large_are_refused(tmp_path: Path):
    with pytest.raises(TrainingError, match="too large"):
        train(data_set(height=300), out=tmp_path / "run", steps=1)


@BOTH
@pytest.mark.parametrize("shape", [{"height": 20, "width": 13, "channels": 3}, {"height": 8, "width": 32}])
def test_other_sizes_and_channels_train(preset: str, shape: dict[str, int], tmp_path: Path):
    run = train(data_set(2, **shape), preset, tmp_path / "run", steps=2, settings=SMALL)
    generator = run.generator()
    image = generator(torch.zeros(1, generator.latent), torch.tensor([[0.5, 0.5]]))
    assert image.shape == (1, shape.get("channels", 1), shape["height"], shape["width"])


@BOTH
def test_the_generator_of_a_run_is_the_same_each_time(preset: str, stripes: DataSet, tmp_path: Path):
    run = open_run(train(stripes, preset, tmp_path / "run", steps=12, settings=SMALL).path)
    one, other = run.generator(), run.generator(12)
    assert not one.training
    assert not any(parameter.requires_grad for parameter in one.parameters())
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
    with pytest.raises(TrainingError, match="it has: 10, 12"):
        run.generator(11)


def test_statistics_belong_to_the_averaged_weights(stripes: DataSet, tmp_path: Path):
    run = train(stripes, out=tmp_path / "run", steps=12, settings=SMALL)
    generator = run.generator()
    kept = state(run.path, 12)
    assert torch.equal(kept["average/convs.0.weight"], generator.convs[0].weight)
    torch.manual_seed(0)
    seen: list[torch.Tensor] = []
    hook = generator.norms[0].norm.register_forward_pre_hook(lambda _, x: seen.append(x[0].mean((0, 2, 3))))
    generator.train()
    with torch.no_grad():
        mean = generator.norms[0].norm.running_mean.clone()
        generator(torch.randn(600, 64), torch.eye(3).repeat(200, 1))
    hook.remove()
    assert (seen[0] - mean).abs().max() < 0.1
    assert int(generator.norms[0].norm.num_batches_tracked) == 101


@BOTH
def test_the_card_says_what_the_generator_is(preset: str, stripes: DataSet, tmp_path: Path):
    run = train(stripes, preset, tmp_path / "my run", steps=2, settings=SMALL)
    card = run.card()
    assert (card.name, card.kind, card.classes) == ("my run", "class", stripes.classes)
    assert (card.image.height, card.image.width, card.image.channels) == (16, 16, 1)
    assert card.latent.size == run.generator().latent
    assert card.method["preset"] == preset
    assert card.training["steps"] == 2
    assert card.licences == {"data": "CC0-1.0"}
    assert str(tmp_path) not in card.to_json()


def test_what_is_no_run_says_so(tmp_path: Path):
    with pytest.raises(TrainingError, match="not a run"):
        open_run(tmp_path)
    (tmp_path / "config.json").write_text('{"format": 1}')
    with pytest.raises(TrainingError, match="cannot be read"):
        open_run(tmp_path)
    with pytest.raises(TrainingError, match="older cganx"):
        open_run(tmp_path)
    (tmp_path / "config.json").write_text('{"format": 99, "made_with": {"cganx": "9.0"}}')
    with pytest.raises(TrainingError, match=r"newer cganx \(9\.0\)"):
        open_run(tmp_path)


def test_a_size_that_no_network_makes_is_refused_before_the_pictures_are_read(folder: Path, tmp_path: Path):
    with pytest.raises(TrainingError, match="too large"):
        train(folder, out=tmp_path / "run", steps=1, image_size=3000, settings=SMALL)
    assert not (tmp_path / "run").exists()


def test_a_refused_start_leaves_nothing_and_claims_nothing(stripes: DataSet, tmp_path: Path):
    for problem in ({"data": tmp_path / "nowhere"}, {"init_from": tmp_path / "nothing"}):
        with pytest.raises((DataError, TrainingError)):
            train(**({"data": stripes, "out": tmp_path / "run", "steps": 1, "settings": SMALL} | problem))
        assert not (tmp_path / "run").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("chapter 1")
    with pytest.raises(TrainingError, match=r"thesis\.txt"):
        train(stripes, out=tmp_path / "mine", steps=1, settings=SMALL)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_run_that_never_began_may_be_asked_for_otherwise(stripes: DataSet, tmp_path: Path):
    train(stripes, out=tmp_path / "first", steps=1, settings=SMALL)
    with pytest.raises(TrainingError, match="do not fit"):
        train(data_set(4), out=tmp_path / "run", steps=1, settings=SMALL, init_from=tmp_path / "first")
    assert train(stripes, out=tmp_path / "run", steps=1, settings=SMALL).step() == 1


@pytest.mark.parametrize("damage", ["cut short", "changed", "foreign"])
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_used(
    damage: str, stripes: DataSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    settings = SMALL | {"checkpoint_every": 4}
    train(stripes, out=tmp_path / "straight", steps=10, settings=settings)
    train(stripes, out=tmp_path / "run", steps=8, settings=settings)
    path = tmp_path / "run" / "checkpoints" / "step-00000008.safetensors"
    data = path.read_bytes()
    flipped = data[:-500] + bytes([data[-500] ^ 255]) + data[-499:]
    path.write_bytes({"cut short": data[: len(data) // 2], "changed": flipped, "foreign": b"PK" + bytes(5000)}[damage])
    run = train(stripes, out=tmp_path / "run", steps=10, settings=settings)
    assert "step-00000008.safetensors is damaged" in caplog.text
    assert "the checkpoint before it" in caplog.text
    assert path.with_name(f"{path.name}.damaged").exists()
    assert run.step() == 10
    assert same(state(tmp_path / "straight", 10), state(tmp_path / "run", 10))
    assert lines(tmp_path / "straight") == lines(tmp_path / "run")


def test_a_run_whose_checkpoints_are_all_damaged_says_so(stripes: DataSet, tmp_path: Path):
    run = train(stripes, out=tmp_path / "run", steps=3, settings=SMALL)
    for path in (run.path / "checkpoints").iterdir():
        path.write_bytes(b"")
    with pytest.raises(TrainingError, match="is damaged"):
        train(stripes, out=tmp_path / "run", steps=5, settings=SMALL)


def test_a_class_of_few_pictures_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    train(data_set(3), out=tmp_path / "many", steps=1, settings=SMALL)
    assert not caplog.records
    train(data_set(6), out=tmp_path / "few", steps=1, settings=SMALL)
    assert caplog.records[0].getMessage().startswith("stripes: class 'stripes 1' has 8 labelled training pictures;")
