"""The image-to-image networks: the originals' sizes, any size of picture, and results that do not depend on the cut."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from cganx.networks import cartoongan, resnet_translation, srgan, unet
from cganx.networks import translation as parts
from cganx.networks.cartoongan import StyledUNetGenerator
from cganx.networks.context_encoder import CompletingGenerator, HoleDiscriminator, HoleGenerator, cut_hole
from cganx.networks.folding import folded
from cganx.networks.keras import same_padding
from cganx.networks.layers import ImageShape
from cganx.networks.resnet_translation import ResNetGenerator
from cganx.networks.srgan import SRGANGenerator
from cganx.networks.translation import PatchDiscriminator, TranslationShape, convolution, cycle, cycle_discriminators, doubling
from cganx.networks.unet import UNetGenerator

Build = Callable[[TranslationShape, int], nn.Module]


def shape(source: int, target: int, side: int, scale: int = 1) -> TranslationShape:
    return TranslationShape(ImageShape(source, side, side), ImageShape(target, side * scale, side * scale), scale)


COLOUR = shape(3, 3, 64)
BOOK: list[tuple[Build, Build, TranslationShape, int, int]] = [
    *[
        (partial(UNetGenerator, plan), partial(PatchDiscriminator, patches), size, *counts)
        for plan, patches, size, counts in (
            (unet.COLOUR, parts.PATCH_94_BATCH_NORM, shape(1, 3, 256), (3_684_099, 731_393)),
            (unet.MAPS, parts.PATCH_94, shape(3, 3, 256), (54_419_459, 2_769_601)),
            (unet.APPLES, parts.PATCH_190, shape(3, 3, 256), (16_888_451, 6_962_369)),
            (unet.FACES, parts.PATCH_94_UNPAIRED, shape(3, 3, 128), (41_833_475, 2_766_529)),
        )
    ],
    (
        *(partial(ResNetGenerator, resnet_translation.HORSES), partial(PatchDiscriminator, parts.PATCH_70)),
        *(shape(3, 3, 256), 11_388_617, 2_766_529),
    ),
    (
        *(partial(SRGANGenerator, srgan.BOOK), partial(PatchDiscriminator, srgan.DISCRIMINATOR)),
        *(shape(3, 3, 64, 4), 2_040_643, 5_215_425),
    ),
    (
        *(partial(StyledUNetGenerator, cartoongan.VGG19), partial(PatchDiscriminator, parts.PATCH_94_UNPAIRED)),
        *(shape(3, 3, 128), 42_882_051, 2_766_529),
    ),
    (HoleGenerator, HoleDiscriminator, shape(3, 3, 64), 826_435, 376_705),
]
SMALL: dict[str, tuple[Build, TranslationShape, int]] = {
    "pix2pix": (partial(UNetGenerator, unet.SMALL), COLOUR, 0),
    "labelled u-net": (partial(UNetGenerator, unet.SMALL), COLOUR, 3),
    "cyclegan": (partial(ResNetGenerator, resnet_translation.SMALL, from_source=True), COLOUR, 0),
    "discogan": (partial(UNetGenerator, unet.SMALL, from_source=True), COLOUR, 0),
    "labelled cyclegan": (partial(ResNetGenerator, resnet_translation.SMALL), COLOUR, 3),
    "cartoongan": (partial(ResNetGenerator, resnet_translation.CARTOON_SMALL), COLOUR, 4),
    "srgan": (partial(SRGANGenerator, srgan.SMALL), shape(3, 3, 16, 4), 0),
    "context encoder": (partial(CompletingGenerator, unet.SMALL), COLOUR, 0),
}


@pytest.fixture(params=SMALL)
def small(request: pytest.FixtureRequest) -> nn.Module:
    """A small generator whose batch norms have seen something, in eval mode."""
    torch.manual_seed(0)
    build, size, classes = SMALL[request.param]
    generator = build(size, classes)
    with torch.no_grad():
        for _ in range(3):
            call(generator, torch.rand(4, 3, 32, 48) * 2 - 1, classes_from(4, classes))
        for name, one in generator.named_parameters():
            if name.endswith(("gain", "bias")):
                one.add_(0.2 * torch.randn_like(one))
    return generator.eval()


def classes_from(n: int, classes: int) -> Tensor | None:
    return torch.eye(classes)[torch.arange(n) % classes] if classes else None


def square(n: int, height: int, width: int, top: int = 8, left: int = 16) -> Tensor:
    """Masks with one hole of 16 x 16."""
    mask = torch.zeros(n, 1, height, width)
    mask[:, :, top : top + 16, left : left + 16] = 1
    return mask


def call(generator: nn.Module, source: Tensor, label: Tensor | None, mask: Tensor | None = None) -> Tensor:
    inputs = [source]
    if generator.takes_mask:
        inputs.append(square(len(source), *source.shape[2:]) if mask is None else mask)
    made: Tensor = generator(*inputs, *([] if label is None else [label]))
    return made


def keras_count(module: nn.Module) -> int:
    """As Keras counts: batch norm's running statistics too."""
    running = sum(one.numel() for name, one in module.named_buffers() if "running" in name)
    return running + sum(one.numel() for one in module.parameters())


@pytest.mark.parametrize("which", range(len(BOOK)))
def test_the_books_networks_have_the_printed_counts(which: int) -> None:
    generator, discriminator, size, made, judged = BOOK[which]
    classes = 2 if isinstance(generator, partial) and generator.func is StyledUNetGenerator else 0
    with torch.device("meta"):
        assert keras_count(discriminator(size, 0)) == judged
        assert keras_count(generator(size, classes)) == made


@pytest.mark.parametrize(
    ("plan", "size", "rows"),
    [
        (parts.PATCH_94_BATCH_NORM, shape(1, 3, 256), 16),
        (parts.PATCH_190, shape(3, 3, 256), 8),
        (parts.PATCH_70, shape(3, 3, 256), 32),
        (parts.PATCH_94_UNPAIRED, shape(3, 3, 128), 8),
        (srgan.DISCRIMINATOR, shape(3, 3, 16, 4), 4),
        (parts.PATCH_SMALL_PAIRED, COLOUR, 16),
        (srgan.DISCRIMINATOR_SMALL, shape(3, 3, 16, 4), 8),
    ],
)
def test_discriminators_score_every_patch(plan: parts.PatchPlan, size: TranslationShape, rows: int) -> None:
    discriminator = PatchDiscriminator(plan, size, 0)
    source = torch.randn(2, size.source.channels, size.source.height, size.source.width)
    image = torch.randn(2, size.target.channels, size.target.height, size.target.width)
    score = discriminator(image, source).score
    assert score.shape == (2, 1, rows, rows)
    score.square().mean().backward()
    assert all(one.grad is not None for one in discriminator.parameters())


def test_a_paired_discriminator_sees_the_source_and_a_labelled_one_the_label() -> None:
    source, image, label = torch.randn(1, 3, 64, 64), torch.randn(1, 3, 64, 64), torch.eye(2)
    paired = PatchDiscriminator(parts.PATCH_SMALL_PAIRED, COLOUR, 0)
    assert not torch.equal(paired(image, source).score, paired(image, -source).score)
    labelled = PatchDiscriminator(parts.PATCH_SMALL, COLOUR, 2)
    assert not torch.equal(labelled(image, None, label[:1]).score, labelled(image, None, label[1:]).score)


def test_paddings_are_those_of_keras() -> None:
    for kernel, stride, side in ((3, 1, 8), (3, 2, 8), (4, 2, 8), (4, 1, 8), (7, 1, 8), (1, 2, 8)):
        *pads, conv = convolution(1, 1, kernel, stride)
        left, right, *_ = same_padding((side, side), kernel=kernel, stride=stride)
        assert (pads[0].padding[:2] if pads else conv.padding * 2)[:2] == (left, right)
        assert nn.Sequential(*pads, conv)(torch.ones(1, 1, side, side)).shape[2:] == (side // stride,) * 2
    ones = nn.Sequential(*doubling(1, 1, 3))
    ones[0].weight.data.fill_(1.0)
    ones[0].bias.data.zero_()
    place = torch.zeros(1, 1, 4, 4)
    place[0, 0, 1, 1] = 1
    assert ones(place)[0, 0].nonzero().tolist() == [[row, column] for row in (2, 3, 4) for column in (2, 3, 4)]


@pytest.mark.parametrize(
    ("plan", "order"),
    [(unet.COLOUR, [nn.Conv2d, nn.LeakyReLU, nn.BatchNorm2d]), (unet.SMALL, [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU])],
)
def test_norm_comes_before_the_activation_but_in_the_book(plan: unet.UNetPlan, order: list[type]) -> None:
    with torch.device("meta"):
        generator = UNetGenerator(plan, shape(3, 3, 256), 0)
        assert [type(layer) for layer in generator.down[1]] == order
        assert type(generator.up[0][1]) is (nn.ReLU if plan.norm_last else nn.BatchNorm2d)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 112), (16, 32)])
def test_small_generators_take_any_size(small: nn.Module, height: int, width: int) -> None:
    assert height % small.multiple == 0
    assert small.open_size
    with torch.no_grad():
        made = call(small, torch.rand(2, 3, height, width) * 2 - 1, classes_from(2, small.classes))
    assert made.shape == (2, 3, height * small.shape.scale, width * small.shape.scale)
    assert made.abs().max() <= 1
    assert made.std() > 0.001


def test_a_place_depends_on_its_context_alone(small: nn.Module) -> None:
    """The middle of a picture is the same whatever lies beyond the context, and however the picture is cut."""
    reach, scale, label = small.context, small.shape.scale, classes_from(1, small.classes)
    assert reach is not None
    multiple = small.multiple
    margin = -(-reach // multiple) * multiple
    side = 2 * margin + 16
    source = torch.rand(1, 3, side + 32, side + 16) * 2 - 1
    mask = square(1, side + 32, side + 16, 16 + margin, margin) if small.takes_mask else None
    part = (slice(None), slice(None), slice(16, 16 + side), slice(0, side))
    with torch.no_grad():
        whole = call(small, source, label, mask)[..., 16 * scale :, :]
        cut = call(small, source[part], label, None if mask is None else mask[part])
    middle = slice(margin * scale, (margin + 16) * scale)
    torch.testing.assert_close(whole[..., middle, middle], cut[..., middle, middle], atol=1e-5, rtol=0)


def test_the_context_is_no_larger_than_needed(small: nn.Module) -> None:
    """Gradients reach as far as the context at some place, and never farther."""
    reach, scale, label = small.context, small.shape.scale, classes_from(1, small.classes)
    assert reach is not None
    half = -(-(reach + 16) // 16) * 16
    source = (0.1 * torch.rand(1, 3, 2 * half, 16)).double().requires_grad_()
    small.double()
    made = call(small, source, None if label is None else label.double(), torch.ones(1, 1, 2 * half, 16).double())
    if small.takes_mask:  # the source behind the mask is not seen, so ask the network below
        made = small.network(torch.cat([source, torch.zeros_like(source[:, :1])], dim=1))
    farthest = 0
    for place in range(half, half + 16):
        (gradient,) = torch.autograd.grad(made[:, :, place * scale : (place + 1) * scale].sum(), source, retain_graph=True)
        seen = gradient.abs().sum(dim=(0, 1, 3)).nonzero()
        farthest = max(farthest, int((seen - place).abs().max()))
    assert reach - 4 <= farthest <= reach


def test_gradients_reach_every_parameter(small: nn.Module) -> None:
    small.train()
    label = torch.full((2, small.classes), 1 / small.classes) if small.classes else None
    call(small, 0.5 * torch.randn(2, 3, 32, 32).clamp(-1, 1), label).sum().backward()
    assert [name for name, one in small.named_parameters() if one.grad is None or not one.grad.abs().sum() > 0] == []


def test_folding_keeps_the_result(small: nn.Module) -> None:
    source, label = torch.rand(2, 3, 32, 32) * 2 - 1, classes_from(2, small.classes)
    plain = folded(small)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in plain.modules())
    with torch.no_grad():
        torch.testing.assert_close(call(plain, source, label), call(small, source, label), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["labelled u-net", "labelled cyclegan", "cartoongan"])
def test_the_label_chooses_and_blends_styles(name: str) -> None:
    build, size, classes = SMALL[name]
    generator = build(size, classes)
    for each, one in generator.named_parameters():
        if each.endswith("gain"):
            nn.init.normal_(one, 1.0, 0.3)
    source = (torch.rand(1, 3, 32, 32) * 2 - 1).expand(3, -1, -1, -1)
    label = torch.eye(classes)[:2]
    with torch.no_grad():
        one, other, blend = generator.eval()(source, torch.cat([label, label.mean(dim=0, keepdim=True)]))
    assert not torch.allclose(one, other, atol=1e-5)
    assert (blend - one).abs().mean() < (other - one).abs().mean()


def test_the_stored_styles_are_weighed_by_the_label() -> None:
    plan = unet.UNetPlan(encoder=(8, 8, 8), bottleneck=8, decoder=(8, 8, 8), style=4)
    generator = StyledUNetGenerator(plan, COLOUR, 3).eval()
    maps, source = torch.randn(3, 4, 8, 8), torch.rand(1, 3, 64, 64)
    assert not generator.open_size
    generator.store(maps)
    with torch.no_grad():
        torch.testing.assert_close(generator(source, torch.eye(3)[1:2]), generator.styled(source, maps[1:2]))
        blended = generator(source, torch.tensor([[0.25, 0.0, 0.75]]))
        torch.testing.assert_close(blended, generator.styled(source, 0.25 * maps[:1] + 0.75 * maps[2:]))
        assert not torch.allclose(blended, generator.styled(source, maps[1:2]))


def test_what_lies_outside_the_holes_stays_and_inside_is_not_seen() -> None:
    source = torch.rand(2, 3, 64, 64) * 2 - 1
    mask = (torch.rand(2, 1, 64, 64) > 0.7).float()
    generator = CompletingGenerator(unet.SMALL, COLOUR, 0).eval()
    with torch.no_grad():
        made = generator(source, mask)
        assert torch.equal(made[mask.expand_as(made) == 0], source[mask.expand_as(made) == 0])
        assert torch.equal(made, generator(torch.where(mask > 0, 0.3, source), mask))


@pytest.mark.parametrize(("top", "left"), [(0, 0), (48, 48), (13, 31)])
def test_the_books_piece_lies_in_the_hole(top: int, left: int) -> None:
    source, mask = torch.rand(2, 3, 64, 64) * 2 - 1, square(2, 64, 64, top, left)
    generator = HoleGenerator(shape(3, 3, 64), 0).eval()
    with torch.no_grad():
        made, piece = generator(source, mask), generator.piece(source, mask)
    assert torch.equal(made[:, :, top : top + 16, left : left + 16], piece)
    assert torch.equal(made[mask.expand_as(made) == 0], source[mask.expand_as(made) == 0])
    assert torch.equal(cut_hole(made, mask), piece)
    discriminator = HoleDiscriminator(shape(3, 3, 64), 0).eval()
    assert discriminator(piece).score.shape == (2, 1)
    assert torch.equal(discriminator(made, mask).score, discriminator(piece).score)


def test_a_small_srgan_starts_near_the_enlarged_source() -> None:
    torch.manual_seed(0)
    generator = SRGANGenerator(srgan.SMALL, shape(3, 3, 16, 4), 0)
    source = 0.5 * torch.rand(1, 3, 16, 24)
    with torch.no_grad():
        rest = generator(source) - source.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    assert 0 < rest.abs().mean() < 0.1


@pytest.mark.parametrize(
    "build",
    [
        partial(ResNetGenerator, resnet_translation.SMALL, from_source=True),
        partial(UNetGenerator, unet.SMALL, from_source=True),
    ],
    ids=["cyclegan", "discogan"],
)
def test_a_small_cycle_starts_near_its_source_and_can_leave_it(build: Build) -> None:
    torch.manual_seed(0)
    source = torch.rand(2, 3, 32, 32) * 2 - 1
    generator = build(COLOUR, 0)
    with torch.no_grad():
        assert 0 < (generator(source) - source).abs().mean() < 0.1
        last = [layer for layer in generator.modules() if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))][-1]
        assert last.bias is not None
        last.weight.zero_()
        last.bias.copy_(torch.tensor([9.0, -9.0, 0.0]))  # red up, green down, blue as it is
        red, green, blue = generator(source).unbind(dim=1)
        assert red.min() > 0.999
        assert green.max() < -0.999
        torch.testing.assert_close(blue, 0.96 * source[:, 2], atol=1e-5, rtol=0)
        assert build(shape(1, 3, 64), 0)(source[:, :1]).shape == source.shape  # grey to colour: nothing to be changed


def test_a_cycle_is_its_first_network() -> None:
    build = partial(ResNetGenerator, resnet_translation.ResNetPlan(width=4, blocks=1, norm=parts.batch_norm))
    there_and_back = cycle(build, shape(1, 3, 32), 2).eval()
    source, label = torch.rand(2, 1, 32, 32), torch.eye(2)
    assert (there_and_back.classes, there_and_back.multiple, there_and_back.context) == (2, 4, there_and_back.there.context)
    with torch.no_grad():
        image = there_and_back(source, label)
        assert torch.equal(image, there_and_back.there(source, label))
        assert there_and_back.back(image).shape == source.shape
    judges = cycle_discriminators(partial(PatchDiscriminator, parts.PATCH_SMALL), shape(1, 3, 32), 2)
    assert torch.equal(judges(image, None, label).score, judges.there(image, None, label).score)
    assert judges.back(source).score.shape == (2, 1, 8, 8)


def test_instance_norm_makes_the_context_the_whole_picture() -> None:
    with torch.device("meta"):
        assert UNetGenerator(unet.FACES, shape(3, 3, 128), 0).context is None


def test_sizes_that_the_scale_does_not_give_are_refused() -> None:
    with pytest.raises(ValueError, match="64x64 pictures made 4 times as large are 256x256, not 128x128"):
        TranslationShape(ImageShape(3, 64, 64), ImageShape(3, 128, 128), 4)
