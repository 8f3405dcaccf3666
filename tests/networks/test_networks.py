from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrize

from cganx.networks import (
    CDCGANDiscriminator,
    CDCGANGenerator,
    ClassConditionalBatchNorm2d,
    ImageShape,
    SNGANDiscriminator,
    SNGANGenerator,
)
from cganx.networks.cdcgan import FewChannelConv2d
from cganx.networks.keras import same_padding
from cganx.networks.layers import base_size, cut, upsamplings

PAIRS = [(SNGANGenerator, SNGANDiscriminator), (CDCGANGenerator, CDCGANDiscriminator)]
FASHION = ImageShape(1, 28, 28)


def parameters(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def one_hot(n: int, classes: int) -> torch.Tensor:
    return torch.eye(classes)[torch.arange(n) % classes]


def test_parameter_counts_are_those_of_the_recipes():
    assert parameters(SNGANGenerator(FASHION, 10)) == 298_769
    assert parameters(SNGANDiscriminator(FASHION, 10)) == 257_515
    assert parameters(CDCGANGenerator(FASHION, 10)) == 1_169_336
    assert parameters(CDCGANDiscriminator(FASHION, 10)) == 196_773


@pytest.mark.parametrize(
    ("height", "width", "doublings"), [(16, 16, 1), (28, 28, 2), (32, 32, 2), (40, 36, 2), (64, 64, 3), (128, 128, 4)]
)
def test_doublings_follow_the_size(height: int, width: int, doublings: int):
    assert upsamplings(ImageShape(3, height, width)) == doublings


@given(st.integers(8, 256), st.integers(8, 256))
def test_the_base_reaches_every_size_and_no_side_vanishes(height: int, width: int):
    shape = ImageShape(3, height, width)
    scale = 2 ** upsamplings(shape)
    base = base_size(shape)
    assert height <= base[0] * scale < height + scale
    assert width <= base[1] * scale < width + scale
    assert min(height, width) // scale >= 1
    assert base[0] * base[1] <= 150


@pytest.mark.parametrize("networks", PAIRS)
@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 16, 16), (1, 28, 28), (3, 40, 36), (3, 17, 50), (1, 8, 64), (3, 64, 48), (3, 128, 128)]
)
def test_shapes(networks: tuple[type, type], shape: tuple[int, int, int]):
    generator, discriminator = (build(ImageShape(*shape), 3).eval() for build in networks)
    label = one_hot(2, 3)
    with torch.no_grad():
        image = generator(torch.randn(2, generator.latent), label)
        judged = discriminator(image, label)
    assert image.shape == (2, *shape)
    assert image.abs().max() <= 1
    assert judged.score.shape == (2,)
    assert judged.class_logits is None or judged.class_logits.shape == (2, 3)
    assert judged.score.isfinite().all()


@settings(max_examples=15, deadline=None)
@given(st.integers(8, 70), st.integers(8, 70), st.sampled_from([1, 3]), st.integers(2, 12))
@pytest.mark.parametrize("networks", PAIRS)
def test_any_size_and_class_count(networks: tuple[type, type], height: int, width: int, channels: int, classes: int):
    generator, discriminator = (build(ImageShape(channels, height, width), classes).eval() for build in networks)
    label = one_hot(1, classes)
    with torch.no_grad():
        image = generator(torch.randn(1, generator.latent), label)
        assert image.shape == (1, channels, height, width)
        assert discriminator(image, label).score.shape == (1,)


def test_generators_stay_small():
    for size in (16, 28, 32, 64, 128):
        assert 4 * parameters(SNGANGenerator(ImageShape(3, size, size), 10)) <= 5_000_000


@pytest.mark.parametrize(
    ("shape", "says"),
    [((1, 7, 28), "too small"), ((3, 300, 64), "too large"), ((2, 28, 28), "channel"), ((4, 28, 28), "channel")],
)
def test_shapes_out_of_range_are_refused(shape: tuple[int, int, int], says: str):
    with pytest.raises(ValueError, match=says):
        ImageShape(*shape)


def test_cut_takes_the_middle():
    image = torch.arange(36.0).view(1, 1, 6, 6)
    assert torch.equal(cut(image, _shape(4, 2)), image[:, :, 1:5, 2:4])


def _shape(height: int, width: int) -> ImageShape:
    shape = object.__new__(ImageShape)
    for name, value in (("channels", 1), ("height", height), ("width", width)):
        object.__setattr__(shape, name, value)
    return shape


@pytest.mark.parametrize("networks", PAIRS)
def test_a_generator_is_a_function_of_latent_and_label_alone(networks: tuple[type, type]):
    generator = networks[0](FASHION, 10).eval()
    latent, label = torch.randn(3, generator.latent), one_hot(3, 10)
    state = torch.get_rng_state()
    with torch.no_grad():
        first, second, other = generator(latent, label), generator(latent, label), generator(latent, label.roll(1, 0))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.get_rng_state())


def test_class_conditional_batch_norm_is_linear_in_the_label():
    layer = ClassConditionalBatchNorm2d(4, 3)
    assert torch.equal(layer.affine.gain, torch.ones(3, 4))
    assert torch.equal(layer.affine.bias, torch.zeros(3, 4))
    nn.init.normal_(layer.affine.gain)
    nn.init.normal_(layer.affine.bias)
    layer.eval()
    x = torch.randn(1, 4, 5, 5)
    one, other = torch.tensor([[1.0, 0, 0]]), torch.tensor([[0, 0, 1.0]])
    blend = layer(x, 0.25 * one + 0.75 * other)
    torch.testing.assert_close(blend, 0.25 * layer(x, one) + 0.75 * layer(x, other))


def test_class_conditional_batch_norm_by_closed_form():
    layer = ClassConditionalBatchNorm2d(2, 2)
    with torch.no_grad():
        layer.affine.gain.copy_(torch.tensor([[2.0, 3.0], [5.0, 7.0]]))
        layer.affine.bias.copy_(torch.tensor([[1.0, -1.0], [0.5, 0.0]]))
    x = torch.randn(6, 2, 3, 3)
    classes = torch.tensor([0, 1, 0, 1, 1, 0])
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)
    normal = (x - mean) / (variance + 1e-5).sqrt()
    expected = normal * layer.affine.gain[classes][:, :, None, None] + layer.affine.bias[classes][:, :, None, None]
    torch.testing.assert_close(layer(x, torch.eye(2)[classes]), expected)


def test_all_of_the_discriminator_but_its_class_head_is_spectrally_normalised():
    torch.manual_seed(0)
    discriminator = SNGANDiscriminator(FASHION, 10)
    layers = [one for one in discriminator.modules() if isinstance(one, (nn.Conv2d, nn.Linear))]
    assert len(layers) == 7
    layers.remove(discriminator.class_head)
    assert not parametrize.is_parametrized(discriminator.class_head)
    with torch.no_grad():
        for layer in layers:
            layer.parametrizations.weight.original.mul_(3.0)
        for _ in range(20):
            discriminator(torch.randn(2, 1, 28, 28), one_hot(2, 10))
    discriminator.eval()
    for layer in layers:
        largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), ord=2)
        assert largest == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [((28, 28), 3, 2, (0, 1, 0, 1)), ((27, 14), 3, 2, (0, 1, 1, 1)), ((7, 7), 3, 2, (1, 1, 1, 1))],
)
def test_same_padding_is_keras(size: tuple[int, int], kernel: int, stride: int, expected: tuple[int, ...]):
    assert same_padding(size, kernel=kernel, stride=stride) == expected


def test_cdcgan_layers_have_keras_shapes_in_keras_order():
    generator, discriminator = CDCGANGenerator(FASHION, 10), CDCGANDiscriminator(FASHION, 10)
    assert [tuple(one.shape) for one in generator.parameters()] == [
        (10, 50), (49, 50), (49,), (6272, 100), (6272,), (129, 128, 4, 4), (128,), (128, 128, 4, 4), (128,),
        (1, 128, 7, 7), (1,),
    ]  # fmt: skip
    assert [tuple(one.shape) for one in discriminator.parameters()] == [
        (10, 50), (784, 50), (784,), (128, 2, 3, 3), (128,), (128, 128, 3, 3), (128,), (1, 6272), (1,),
    ]  # fmt: skip


def test_cdcgan_starts_as_keras_does():
    torch.manual_seed(0)
    generator = CDCGANGenerator(FASHION, 10)
    for weight, fan_in, fan_out in (
        (generator.dense.weight, 100, 6272),
        (generator.deconvs[0].weight, 128 * 16, 129 * 16),
        (generator.to_image.weight, 128 * 49, 49),
    ):
        limit = (6 / (fan_in + fan_out)) ** 0.5
        assert 0.99 * limit < weight.abs().max() <= limit
    assert generator.label.embedding.abs().max() <= 0.05
    assert all(not one.any() for name, one in generator.named_parameters() if name.endswith("bias"))


def test_dropout_of_the_cdcgan_discriminator_is_active_in_training_alone():
    discriminator = CDCGANDiscriminator(FASHION, 10)
    image, label = torch.randn(2, 1, 28, 28), one_hot(2, 10)
    with torch.no_grad():
        assert not torch.equal(discriminator(image, label).score, discriminator(image, label).score)
        discriminator.eval()
        assert torch.equal(discriminator(image, label).score, discriminator(image, label).score)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_convolution_to_few_channels_is_a_convolution(channels: int):
    torch.manual_seed(0)
    conv = FewChannelConv2d(6, channels, 7)
    x = torch.randn(2, 6, 9, 11, requires_grad=True)
    outputs, gradients = [], []
    for training in (True, False):
        out = conv.train(training)(x)
        outputs.append(out)
        gradients.append(torch.autograd.grad(out.square().sum(), [x, conv.weight, conv.bias]))
    torch.testing.assert_close(*outputs, atol=1e-5, rtol=1e-4)
    for trained, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(trained, plain, atol=1e-4, rtol=1e-4)
