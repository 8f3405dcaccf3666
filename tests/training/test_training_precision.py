"""Mixed precision: networks compute in bf16, weights and losses do not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from training_pictures import SMALL, data_set

from cganx import runtime
from cganx.data import DataSet
from cganx.errors import TrainingError
from cganx.training import PRESETS, train
from cganx.training.checkpoint import load_checkpoint
from cganx.training.devices import accelerator_for
from cganx.training.processes import Processes


# Spectral norm, batch norm and a class head; both gradient penalties; attention and orthogonal regularisation; dropout.
@pytest.mark.parametrize("name", ["sngan-small", "r3gan", "wgan-gp", "biggan-small", "cdcgan"])
def test_bf16_trains_and_resumes_to_the_bit(name: str, tmp_path: Path, part) -> None:
    data = data_set(height=8, width=8)
    for out, stops in (("straight", (3,)), ("halves", (1, 3))):
        for steps in stops:
            run = train(data, name, tmp_path / out, steps=steps, settings=SMALL, mixed_precision="bf16", device="cpu")
    straight, halves = (load_checkpoint(tmp_path / out, 3)[0] for out in ("straight", "halves"))
    assert straight.keys() == halves.keys()
    assert [key for key, value in straight.items() if not torch.equal(value, halves[key])] == []
    assert not any(value.dtype in (torch.bfloat16, torch.float16) for value in straight.values())

    # It is another run than in float32, and not far from it.
    exact = load_checkpoint(train(data, name, tmp_path / "exact", steps=3, settings=SMALL, device="cpu").path, 3)[0]
    weights = [key for key in exact if key.startswith("generator/") and exact[key].is_floating_point()]
    assert any(not torch.equal(exact[key], straight[key]) for key in weights)
    rate = PRESETS[name].settings.generator_rate
    trained = [key for key in weights if "running" not in key and "._" not in key]
    assert max(float((exact[key] - straight[key]).abs().max()) for key in trained) < 10 * rate

    if name == "sngan-small":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            part(package)
        from cganx_export import export_run

        assert export_run(run.path, tmp_path / "model.onnx", rewrite=False).parity.max_difference <= 1e-4
        card = runtime.load(tmp_path / "model.onnx", device="cpu").card
        assert card.training["mixed_precision"] == "bf16"


def test_networks_run_in_bf16_but_for_penalised_gradients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[torch.dtype, bool]] = []
    convolve = nn.functional.conv2d

    def watched(image: torch.Tensor, *rest: object, **more: object) -> torch.Tensor:
        made = convolve(image, *rest, **more)  # type: ignore[arg-type]
        if torch.is_grad_enabled():
            seen.append((made.dtype, torch.is_autocast_enabled("cpu")))
        return made

    monkeypatch.setattr(torch.nn.functional, "conv2d", watched)
    train(data_set(height=8, width=8), "r3gan", tmp_path / "run", steps=1, settings=SMALL, mixed_precision="bf16", device="cpu")
    assert set(seen) == {(torch.bfloat16, True), (torch.float32, False)}
    turn = [dtype for dtype, _ in seen]
    assert turn == sorted(turn, key=lambda one: one == torch.bfloat16)  # the discriminator's turn, then the generator's


def test_the_precision_is_part_of_the_run(stripes: DataSet, tmp_path: Path) -> None:
    train(stripes, out=tmp_path / "run", steps=1, settings=SMALL, device="cpu")
    with pytest.raises(TrainingError, match="mixed_precision: no in the run, bf16 asked"):
        train(stripes, out=tmp_path / "run", steps=2, settings=SMALL, mixed_precision="bf16", device="cpu")
    with pytest.raises(TrainingError, match="fp16 needs CUDA"):
        train(stripes, out=tmp_path / "other", steps=1, mixed_precision="fp16", device="cpu")
    with pytest.raises(TrainingError, match="give one of no, bf16, fp16"):
        train(stripes, out=tmp_path / "other", steps=1, mixed_precision="fp8", device="cpu")
    assert not (tmp_path / "other").exists()


def test_scaled_gradients_are_scaled_back_and_skipped_where_they_overflow() -> None:
    accelerator = accelerator_for(torch.device("cpu"))
    accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    one = Processes(accelerator)
    weight = nn.Parameter(torch.tensor([1.0]))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    one.backward((3 * weight).sum())
    assert weight.grad is not None
    assert float(weight.grad) == 3072.0
    one.step(optimizer)
    assert float(weight.detach()) == pytest.approx(-0.5)
    weight.grad.fill_(float("inf"))
    one.step(optimizer)
    assert float(weight.detach()) == pytest.approx(-0.5)
    assert float(one.state()["scale"]) == 512.0

    again = accelerator_for(torch.device("cpu"))
    again.scaler = torch.amp.GradScaler("cpu")
    Processes(again).restore(one.state())
    again.scaler.scale(torch.ones(()))  # it makes its tensors when it is first used
    assert Processes(again).state() == one.state()
