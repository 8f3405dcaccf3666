from __future__ import annotations

import io
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cganx.errors import TrainingError
from cganx.networks import ImageShape
from cganx.training import LATENT_PRESETS, PRESETS, ClassHeadSettings, Settings, Status, StatusLine, find_preset
from cganx.training.averaging import AveragedNetwork, reestimate
from cganx.training.checkpoint import load_checkpoint, remove_stale, save_checkpoint, steps_of
from cganx.training.directory import Stats
from cganx.training.labels import LabelTable
from cganx.training.sampling import ALL, Draws, Fakes, Reals, Share, Shuffled, seeded
from cganx.training.schedule import rate_factor
from cganx.training.settings import changed, describe, parse
from cganx.training.state import _load_optimizer

# --- presets and settings


@pytest.mark.parametrize("name", sorted(LATENT_PRESETS))
def test_a_presets_parts_fit_together(name: str):
    preset = find_preset(name)
    shape = ImageShape(1, *(preset.fixed_size or (28, 28)))
    classes = len(preset.settings.classes(("a", "b", "c", "d")))
    taught = len(preset.settings.taught(("a", "b", "c", "d")))
    generator, discriminator = preset.generator(shape, classes), preset.discriminator(shape, taught or classes)
    label = torch.eye(max(classes, 4))[:4, :classes]
    judged = discriminator(generator(torch.randn(4, generator.latent), label), label)
    assert judged.score.shape == (4,)
    named = {loss for loss in preset.update.losses if loss.startswith("class")}
    assert (judged.class_logits is not None) == bool(named)
    assert isinstance(preset.settings, ClassHeadSettings) <= bool(named)
    assert preset.summary.endswith(".")
    assert preset.source
    assert preset.steps > 0


def test_the_table_of_presets_is_read_only():
    with pytest.raises(TypeError):
        PRESETS["mine"] = PRESETS["cdcgan"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        PRESETS["cdcgan"].steps = 3  # type: ignore[misc]


def test_the_numbers_of_the_recipes():
    small, tutorial = PRESETS["sngan-small"].settings, PRESETS["cdcgan"].settings
    assert (small.batch_size, small.generator_rate, small.discriminator_rate) == (64, 4e-4, 8e-4)
    assert (small.beta1, small.beta2, small.ema_decay, small.class_weight) == (0.0, 0.99, 0.999, 0.1)
    assert (tutorial.batch_size, tutorial.generator_rate, tutorial.discriminator_rate) == (128, 2e-4, 2e-4)
    assert (tutorial.beta1, tutorial.beta2, tutorial.epsilon, tutorial.ema_decay) == (0.5, 0.999, 1e-7, 0.0)


def test_settings_are_read_from_texts():
    settings = changed(ClassHeadSettings(), parse(["batch_size=32", "generator_rate = 1e-3", "class_weight=1"]))
    assert (settings.batch_size, settings.generator_rate, settings.class_weight) == (32, 1e-3, 1.0)
    assert isinstance(settings.class_weight, float)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("batch_sise", 3, "did you mean 'batch_size'"),
        ("xyzzy", 3, "it has: batch_size"),
        ("class_weight", 0.1, "no setting 'class_weight'"),
        ("batch_size", "many", "not a whole number"),
        ("batch_size", 3.5, "not a whole number"),
        ("batch_size", True, "not a whole number"),
        ("batch_size", 1, "from 2 to 4096"),
        ("generator_rate", "nan", "not a number"),
        ("generator_rate", -1.0, "out of range"),
        ("ema_decay", 1.0, "out of range"),
        ("beta1", None, "not a number"),
    ],
)
def test_settings_out_of_the_ordinary_are_refused(name: str, value: object, says: str):
    with pytest.raises(TrainingError, match=says):
        changed(Settings(), {name: value})


@pytest.mark.parametrize(("texts", "says"), [(["batch_size"], "key=value"), (["a=1", "a=2"], "twice")])
def test_assignments_are_checked(texts: list[str], says: str):
    with pytest.raises(TrainingError, match=says):
        parse(texts)


def test_every_setting_is_described_and_its_default_is_in_range():
    for one in describe(ClassHeadSettings()):
        assert one["about"]
        assert one["value"] in (True, False) if "low" not in one else one["low"] <= one["value"] <= one["high"]


def test_rates_follow_the_step_alone():
    settings = Settings(rate_horizon=100, rate_floor=0.2)
    assert [rate_factor(step, settings) for step in (0, 50, 75, 100, 1000)] == pytest.approx([1, 1, 0.6, 0.2, 0.2])
    assert rate_factor(10**6, Settings()) == 1.0


# --- what a step is fed


@given(st.integers(1, 40), st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(0, 2**64 - 1))
def test_shuffled_order_is_whole_epochs_however_it_is_cut(count: int, cuts: list[int], seed: int):
    order = Shuffled(count, seed)
    taken = torch.cat([order.next(n) for n in cuts]).tolist()
    for start in range(0, len(taken) - count + 1, count):
        assert sorted(taken[start : start + count]) == list(range(count))
    assert Shuffled(count, seed).next(sum(cuts)).tolist() == taken


@pytest.mark.parametrize("kind", [Shuffled, Draws])
def test_an_order_goes_on_from_its_state(kind: type):
    first, second = kind(10, 3), kind(10, 3)
    first.next(17)
    second.restore(first.state())
    assert torch.equal(first.next(25), second.next(25))


def test_codes_are_even_over_their_range_and_stand_behind_the_label():
    random = torch.Generator().manual_seed(0)
    _, label = Fakes(3, "normal", LabelTable.of_classes((1, 1)), random, torch.device("cpu"), codes=2)(4000)
    assert label.shape == (4000, 4)
    assert torch.equal(label[:, :2].sum(dim=1), torch.ones(4000))
    assert label[:, 2:].abs().max() <= 1
    assert float(label[:, 2:].mean().abs()) < 0.05
    assert float(label[:, 2:].var()) == pytest.approx(1 / 3, rel=0.05)


def test_streams_of_a_seed_differ():
    drawn = {name: torch.rand(4, generator=seeded(7, name)) for name in ("a", "b")}
    assert not torch.equal(drawn["a"], drawn["b"])
    assert torch.equal(drawn["a"], torch.rand(4, generator=seeded(7, "a")))


def test_reals_are_scaled_and_the_unlabelled_left_out(tmp_path: Path):
    images = np.arange(5 * 2 * 3 * 3, dtype=np.uint8).reshape(5, 2, 3, 3)
    images[4] = 255
    mapped = np.memmap(tmp_path / "images", np.uint8, "w+", shape=images.shape)
    mapped[:] = images
    mapped.flush()
    read_only = np.memmap(tmp_path / "images", np.uint8, "r", shape=images.shape)
    labels = np.array([1, -1, 0, -1, 1])
    reals = Reals(read_only, labels, 2, torch.device("cpu"))
    assert len(reals) == 3
    batch = reals.batch(torch.tensor([2, 0]))
    assert batch.image.shape == (2, 3, 2, 3)
    assert torch.equal(batch.image[0], torch.ones(3, 2, 3))
    expected = torch.from_numpy(images[0].transpose(2, 0, 1).copy()).float() / 127.5 - 1
    torch.testing.assert_close(batch.image[1], expected)
    assert batch.label.tolist() == [[0.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_reals_lie_in_memory_as_asked(layout: torch.memory_format):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    reals, plain = (Reals(images, np.zeros(5, dtype=np.int64), 0, torch.device("cpu"), *given) for given in ((layout,), ()))
    batch = reals.batch(torch.tensor([3, 1]))
    assert batch.image.is_contiguous(memory_format=layout)
    assert torch.equal(batch.image, plain.batch(torch.tensor([3, 1])).image)


def test_fakes_follow_the_classes_of_the_data():
    fakes = Fakes(6, "normal", LabelTable.of_classes((30, 0, 10)), torch.Generator().manual_seed(0), torch.device("cpu"))
    latent, label = fakes(4000)
    assert latent.shape == (4000, 6)
    assert latent.std() == pytest.approx(1, abs=0.02)
    assert label.mean(0).tolist() == pytest.approx([0.75, 0.0, 0.25], abs=0.03)


def test_fakes_without_classes_and_with_even_latents():
    latent, label = Fakes(6, "uniform", LabelTable.of_classes(()), torch.Generator().manual_seed(0), torch.device("cpu"))(4000)
    assert label.shape == (4000, 0)
    assert -1 <= float(latent.min()) < -0.99
    assert 0.99 < float(latent.max()) <= 1
    assert latent.std() == pytest.approx(3**-0.5, abs=0.01)


@given(count=st.integers(1, 4), n=st.integers(1, 5), classes=st.integers(0, 3), parts=st.integers(1, 3))
def test_the_shares_of_all_processes_are_what_one_draws(count: int, n: int, classes: int, parts: int):
    def drawn(share: Share) -> list[torch.Tensor]:
        random = torch.Generator().manual_seed(0)
        fakes = Fakes(6, "normal", LabelTable.of_classes((1,) * classes), random, torch.device("cpu"), share)
        part = n * count // share.count
        indices = share.of(torch.arange(parts * n * count))
        return [
            *(torch.cat(each) for each in zip(*(fakes(part) for _ in range(parts)), strict=True)),
            fakes.even(part),
            indices,
        ]

    whole = drawn(ALL)
    shares = [drawn(Share(rank, count)) for rank in range(count)]
    for name, one in enumerate(whole):
        rows = torch.stack([share[name] for share in shares], dim=1)  # sample by sample, a process at a time
        assert torch.equal(rows.reshape(one.shape), one)
    # The k-th part of a share belongs to the k-th batch, as the fakes that are drawn with it do.
    for rank, share in enumerate(shares):
        for k, part in enumerate(share[-1].split(n)):
            assert set(part.tolist()) <= set(range(k * n * count, (k + 1) * n * count))
            assert torch.equal(share[0].split(n)[k], Share(rank, count).of(whole[0].split(n * count)[k]))


def test_the_average_ramps_up():
    module = nn.BatchNorm1d(2)
    average = AveragedNetwork(module, 0.9)
    with torch.no_grad():
        module.weight.fill_(5.0)
    module.running_mean.fill_(1.0)
    module.num_batches_tracked.fill_(3)
    average.update(1)
    decay = 2 / 11
    assert average.module.weight.tolist() == pytest.approx([decay * 1 + (1 - decay) * 5] * 2)
    assert average.module.running_mean.tolist() == pytest.approx([1 - decay] * 2)
    assert int(average.module.num_batches_tracked) == 3
    assert module.weight.requires_grad
    for step in range(1000, 1200):
        average.update(step)
    assert average.module.weight.tolist() == pytest.approx([5.0, 5.0])


# --- what is written


def test_a_checkpoint_comes_back(tmp_path: Path):
    tensors = {"a/x": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last), "b": torch.tensor(3)}
    save_checkpoint(tmp_path, 7, tensors, {"seconds": 1.5})
    back, state = load_checkpoint(tmp_path, 7)
    assert state == {"seconds": 1.5}
    assert all(torch.equal(back[name], tensor) for name, tensor in tensors.items())
    assert set(load_checkpoint(tmp_path, 7, prefix="a/")[0]) == {"a/x"}
    assert steps_of(tmp_path) == (7,)


def test_a_checkpoint_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    save_checkpoint(tmp_path, 1, {"a": torch.zeros(1)}, {})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainingError, match="No space left"):
        save_checkpoint(tmp_path, 2, {"a": torch.zeros(1)}, {})
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000001.safetensors"]


def test_a_damaged_checkpoint_is_named(tmp_path: Path):
    path = save_checkpoint(tmp_path, 3, {"a": torch.zeros(100)}, {})
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(TrainingError, match=r"step-00000003\.safetensors is damaged"):
        load_checkpoint(tmp_path, 3)
    with pytest.raises(TrainingError, match="it has: 3"):
        load_checkpoint(tmp_path, 4)


def test_unfinished_files_of_a_killed_session_are_cleared(tmp_path: Path):
    for step in (0, 2, 4, 6):
        save_checkpoint(tmp_path, step, {"a": torch.zeros(1)}, {})
    (tmp_path / "checkpoints" / ".cganx-0123abcd.part").write_bytes(b"half")
    remove_stale(tmp_path, newest=1, every=4)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "step-00000004.safetensors",
        "step-00000006.safetensors",
    ]


def test_lines_after_the_checkpoint_are_dropped(tmp_path: Path):
    (tmp_path / "stats.jsonl").write_text('{"step": 5}\n{"step": 10}\n{"step": 15}\n{"st')
    stats = Stats(tmp_path, 10)
    stats.add({"step": 12})
    assert (tmp_path / "stats.jsonl").read_text() == '{"step": 5}\n{"step": 10}\n{"step": 12}\n'


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def status(step: int) -> Status:
    return Status(step=step, steps=1000, seconds=2.0, remaining=125.4, images_per_second=960.0, losses={"d": 1.25})


def test_the_status_line():
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        with StatusLine(stream) as line:
            line.stage("reading", 3, 9)
            line(status(50))
            line(status(100))
    assert str(status(50)) == "step 50/1,000  960 images/s  d 1.250  ETA 2:05"
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().endswith("\rstep 100/1,000  960 images/s  d 1.250  ETA 2:05\n")
    assert pipe.getvalue().splitlines() == [str(status(50)), str(status(100))]


def test_a_byte_that_changed_in_a_checkpoint_is_noticed(tmp_path: Path):
    path = save_checkpoint(tmp_path, 3, {"a": torch.ones(1000), "b": torch.zeros(0)}, {"seconds": 1.0})
    assert torch.equal(load_checkpoint(tmp_path, 3)[0]["a"], torch.ones(1000))
    data = bytearray(path.read_bytes())
    data[-2000] ^= 1
    path.write_bytes(data)
    with pytest.raises(TrainingError, match=r"step-00000003\.safetensors is damaged \(the checksum of a does not fit"):
        load_checkpoint(tmp_path, 3)


def test_statistics_that_are_no_text_are_dropped(tmp_path: Path):
    (tmp_path / "stats.jsonl").write_bytes(b'{"step": 5}\n\xff\xfe\n')
    Stats(tmp_path, 10).add({"step": 12})
    assert (tmp_path / "stats.jsonl").read_text() == '{"step": 5}\n{"step": 12}\n'


def test_a_disk_that_is_full_names_the_statistics(tmp_path: Path):
    (tmp_path / "stats.jsonl").mkdir()
    with pytest.raises((TrainingError, IsADirectoryError)):
        Stats(tmp_path, 10).add({"step": 12})


MEMORY = """
import resource, sys, torch
from pathlib import Path
from cganx.training.devices import kept_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

def faults_of_reuse():
    torch.ones(1 << 24)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(1 << 24)  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

at_first = resident()
with kept_memory():
    faults_of_reuse()
    assert faults_of_reuse() < 1000
assert resident() - at_first < 32 << 20
"""


@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="glibc's allocator is meant")
def test_memory_that_a_step_frees_is_there_for_the_next_and_given_back_in_the_end():
    # In a process of its own: what other tests left in the heap decides where a new block lies.
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_statistics_are_those_of_the_generator_without_its_dropout():
    torch.manual_seed(0)

    class Dropped(nn.Module):
        latent = 4

        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Dropout(0.9), nn.Linear(4, 4, bias=False), nn.BatchNorm1d(4))

        def forward(self, latent: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            assert label.shape == (len(latent), 0)
            return self.layers(latent)

    module = Dropped()
    module.train()
    random = torch.Generator().manual_seed(1)
    reestimate(module, Fakes(4, "normal", LabelTable.of_classes(()), random, torch.device("cpu")), batches=50)
    assert not any(one.training for one in module.modules())
    made = module(torch.randn(20_000, 4), torch.empty(20_000, 0)).detach()
    assert made.std(0).tolist() == pytest.approx([1.0] * 4, abs=0.05)


@pytest.mark.parametrize(("fused", "place"), [(True, "meta"), (False, "cpu")])
def test_step_counts_go_where_the_optimiser_looks_for_them(fused: bool, place: str) -> None:
    """Fused Adam counts on the parameters' device, others on the CPU; ``meta`` stands for a GPU."""
    parameter = torch.nn.Parameter(torch.empty(2, 3, device="meta"))
    optimizer = torch.optim.SGD([parameter])
    optimizer.param_groups[0]["fused"] = fused
    _load_optimizer(optimizer, {"0/step": torch.tensor(7.0), "0/exp_avg": torch.ones(2, 3)})
    state = optimizer.state[parameter]
    assert (state["step"].device.type, state["exp_avg"].device.type) == (place, "meta")
