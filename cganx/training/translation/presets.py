"""The presets for image-to-image: one full recipe each, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import torch

from cganx.networks import cartoongan, context_encoder, resnet_translation, srgan, translation, unet
from cganx.networks.translation import PatchDiscriminator, cycle, cycle_discriminators
from cganx.objectives import LEAST_SQUARES, NON_SATURATING
from cganx.training.translation.preset import TranslationPreset
from cganx.training.translation.settings import (
    CycleSettings,
    FillingSettings,
    FreePairSettings,
    PairSettings,
    SmallCycleSettings,
    SmallPairSettings,
    StyleSettings,
)
from cganx.training.updates import Cyclic, Paired, Stylised
from cganx.training.updates.translating import nothing, the_mask

__all__ = ["TRANSLATION_PRESETS"]

BOOK = "Chaudhary, The GAN Book, 2024"
NO_STYLE = "none"
CONDITIONAL_NORM = "gain and bias of every batch norm"
PLANES = "one plane a style, concatenated to the picture"
NORM_LAST = "Norm comes after the activation, as in the book; the paper has it before."
PIX2PIX = "Isola et al. 2017"
CYCLEGAN = "Zhu et al. 2017"


def _unet(plan: unet.UNetPlan) -> Any:
    return partial(unet.UNetGenerator, plan)


def _resnet(plan: resnet_translation.ResNetPlan) -> Any:
    return partial(resnet_translation.ResNetGenerator, plan)


def _patches(plan: translation.PatchPlan) -> Any:
    return partial(PatchDiscriminator, plan)


TRANSLATION_PRESETS: Mapping[str, TranslationPreset[Any]] = MappingProxyType(
    {
        # ------------------------------------------------------------------------------------------ pairs
        "pix2pix-small": TranslationPreset[SmallPairSettings](
            summary="From pairs: a small U-Net for two CPU cores, which takes pictures of any size.",
            source=PIX2PIX,
            generator=_unet(unet.SMALL),
            discriminator=_patches(translation.PATCH_SMALL_PAIRED),
            generator_label=CONDITIONAL_NORM,
            discriminator_label=PLANES,
            update=Paired(LEAST_SQUARES),
            settings=SmallPairSettings(batch_size=8, beta1=0.5, l1_weight=100.0, ema_decay=0.999, rate_horizon=12_000),
            steps=12_000,
            size=64,
            multiple=16,
            paired=True,
            styles=True,
        ),
        "pix2pix": TranslationPreset[FreePairSettings](
            summary="From pairs: the book's U-Net with batch norm, which colours black and white pictures of 256 pixels.",
            source=f"{BOOK}, skill 8; {PIX2PIX}",
            generator=_unet(unet.COLOUR),
            discriminator=_patches(translation.PATCH_94_BATCH_NORM),
            generator_label=NO_STYLE,
            discriminator_label=NO_STYLE,
            update=Paired(LEAST_SQUARES),
            settings=FreePairSettings(batch_size=8, beta1=0.5, epsilon=1e-7, l1_weight=100.0),
            steps=40_000,
            size=256,
            multiple=256,
            paired=True,
            departs=f"{NORM_LAST} The book does not print its batch size.",
        ),
        "pix2pix-maps": TranslationPreset[FreePairSettings](
            summary="From pairs: the book's large U-Net with instance norm, for aerial pictures and maps of 256 pixels.",
            source=f"{BOOK}, skill 8; {PIX2PIX}",
            generator=_unet(unet.MAPS),
            discriminator=_patches(translation.PATCH_94),
            generator_label=NO_STYLE,
            discriminator_label=NO_STYLE,
            update=Paired(LEAST_SQUARES),
            settings=FreePairSettings(batch_size=1, beta1=0.5, epsilon=1e-7, l1_weight=100.0),
            steps=100_000,
            size=256,
            multiple=256,
            paired=True,
            departs=NORM_LAST,
        ),
        "srgan-small": TranslationPreset[PairSettings](
            summary="Four times as large: a small residual network without norms for two CPU cores.",
            source="Ledig et al. 2017; Lim et al. 2017 (no batch norm); Shi et al. 2016 (pixel shuffle)",
            generator=partial(srgan.SRGANGenerator, srgan.SMALL),
            discriminator=_patches(srgan.DISCRIMINATOR_SMALL),
            generator_label=NO_STYLE,
            discriminator_label=NO_STYLE,
            update=Paired(NON_SATURATING, sees=nothing),
            settings=PairSettings(
                batch_size=8,
                beta1=0.9,
                l1_weight=1.0,
                content_weight=0.05,
                adversarial_weight=0.005,
                pretrain_steps=4_000,
                ema_decay=0.999,
                rate_horizon=12_000,
                crop_from=2.0,
            ),
            steps=12_000,
            size=96,
            multiple=1,
            paired=True,
            scale=4,
            layout=torch.contiguous_format,
        ),
        "srgan": TranslationPreset[PairSettings](
            summary="Four times as large: the book's SRGAN of 16 blocks, 64 to 256 pixels.",
            source=f"{BOOK}, skill 9; Ledig et al. 2017",
            generator=partial(srgan.SRGANGenerator, srgan.BOOK),
            discriminator=_patches(srgan.DISCRIMINATOR),
            generator_label=NO_STYLE,
            discriminator_label=NO_STYLE,
            update=Paired(NON_SATURATING, sees=nothing),
            settings=PairSettings(
                batch_size=1,
                beta1=0.5,
                epsilon=1e-7,
                content_weight=1.0,
                l1_weight=1.0,
                adversarial_weight=1e-3,
                pretrain_steps=10_000,
            ),
            steps=100_000,
            size=256,
            multiple=1,
            paired=True,
            scale=4,
            departs=(
                "The book's begins with the adversarial loss at once, takes VGG19's maps of pictures in a range that VGG19 was "
                "not trained on, and its discriminator pays squares behind a sigmoid. Here the generator learns by absolute "
                "differences first, as in the paper, maps are EfficientNet-Lite0's, and the discriminator pays cross-entropy."
            ),
        ),
        "context-encoder-small": TranslationPreset[FillingSettings](
            summary="Fills holes of any form: a small U-Net for two CPU cores, which takes pictures of any size.",
            source="Pathak et al. 2016; Yu et al. 2019, section 3.4 (free-form holes)",
            generator=partial(context_encoder.CompletingGenerator, unet.SMALL),
            discriminator=_patches(translation.PATCH_SMALL),
            generator_label=CONDITIONAL_NORM,
            discriminator_label=PLANES,
            update=Paired(LEAST_SQUARES, sees=nothing),
            settings=FillingSettings(
                batch_size=8, beta1=0.5, l1_weight=1.0, adversarial_weight=0.01, ema_decay=0.999, rate_horizon=12_000
            ),
            steps=12_000,
            size=64,
            multiple=16,
            paired=True,
            tasks=("inpaint",),
        ),
        "context-encoder": TranslationPreset[FillingSettings](
            summary="Fills one hole of 16 pixels: the book's context encoder, at 64 pixels.",
            source=f"{BOOK}, skill 9; Pathak et al. 2016",
            generator=context_encoder.HoleGenerator,
            discriminator=context_encoder.HoleDiscriminator,
            generator_label=NO_STYLE,
            discriminator_label=NO_STYLE,
            update=Paired(NON_SATURATING, sees=the_mask),
            settings=FillingSettings(
                batch_size=64,
                beta1=0.5,
                epsilon=1e-7,
                l2_weight=0.999,
                adversarial_weight=0.001,
                hole=16,
                free_form=False,
            ),
            steps=50_000,
            size=64,
            multiple=64,
            paired=True,
            tasks=("inpaint",),
            departs="The mask is an input beside the picture, which says where the hole is; in the book that is grey alone.",
        ),
        # ------------------------------------------------------------------------------------------ two heaps
        "cyclegan-small": TranslationPreset[SmallCycleSettings](
            summary="From two heaps, there and back: small residual networks for two CPU cores; several styles by label.",
            source=f"{CYCLEGAN}; Dumoulin et al. 2017 (styles)",
            generator=partial(cycle, _resnet(resnet_translation.SMALL)),
            discriminator=partial(cycle_discriminators, _patches(translation.PATCH_SMALL)),
            generator_label=CONDITIONAL_NORM,
            discriminator_label=PLANES,
            update=Cyclic(LEAST_SQUARES),
            settings=SmallCycleSettings(
                batch_size=4, beta1=0.5, cycle_weight=10.0, identity_weight=2.0, ema_decay=0.999, rate_horizon=12_000
            ),
            steps=12_000,
            size=64,
            multiple=4,
            paired=False,
            styles=True,
        ),
        "cyclegan": TranslationPreset[CycleSettings](
            summary="From two heaps, there and back: the book's ResNets of nine blocks (horse and zebra), 256 pixels.",
            source=f"{BOOK}, skill 8; {CYCLEGAN}",
            generator=partial(cycle, _resnet(resnet_translation.HORSES)),
            discriminator=partial(cycle_discriminators, _patches(translation.PATCH_70)),
            generator_label=NO_STYLE,
            discriminator_label=NO_STYLE,
            update=Cyclic(LEAST_SQUARES),
            settings=CycleSettings(batch_size=1, beta1=0.5, epsilon=1e-7, cycle_weight=10.0, identity_weight=5.0),
            steps=200_000,
            size=256,
            multiple=16,
            paired=False,
            departs="Discriminators are shown older pictures too, as in the paper; the book's only the newest.",
        ),
        "cyclegan-unet": TranslationPreset[CycleSettings](
            summary="From two heaps, there and back: the book's U-Nets (apple and orange), 256 pixels.",
            source=f"{BOOK}, skill 8; {CYCLEGAN}",
            generator=partial(cycle, _unet(unet.APPLES)),
            discriminator=partial(cycle_discriminators, _patches(translation.PATCH_190)),
            generator_label=NO_STYLE,
            discriminator_label=NO_STYLE,
            update=Cyclic(LEAST_SQUARES),
            settings=CycleSettings(batch_size=1, beta1=0.5, epsilon=1e-7, cycle_weight=10.0, identity_weight=3.0),
            steps=200_000,
            size=256,
            multiple=256,
            paired=False,
            departs=f"{NORM_LAST} Discriminators are shown older pictures too, as in the paper; the book's only the newest.",
        ),
        "discogan-small": TranslationPreset[SmallCycleSettings](
            summary="From two heaps, there and back: small U-Nets for two CPU cores.",
            source="Kim et al. 2017",
            generator=partial(cycle, _unet(unet.SMALL)),
            discriminator=partial(cycle_discriminators, _patches(translation.PATCH_SMALL)),
            generator_label=CONDITIONAL_NORM,
            discriminator_label=PLANES,
            update=Cyclic(LEAST_SQUARES),
            settings=SmallCycleSettings(
                batch_size=8, beta1=0.5, cycle_weight=10.0, pool=0, ema_decay=0.999, rate_horizon=12_000
            ),
            steps=12_000,
            size=64,
            multiple=16,
            paired=False,
            styles=True,
        ),
        "discogan": TranslationPreset[CycleSettings](
            summary="From two heaps, there and back: the book's U-Nets at 128 pixels, all losses of equal weight.",
            source=f"{BOOK}, skill 9; Kim et al. 2017",
            generator=partial(cycle, _unet(unet.FACES)),
            discriminator=partial(cycle_discriminators, _patches(translation.PATCH_94_UNPAIRED)),
            generator_label=NO_STYLE,
            discriminator_label=NO_STYLE,
            update=Cyclic(LEAST_SQUARES),
            settings=CycleSettings(batch_size=1, beta1=0.5, epsilon=1e-7, cycle_weight=1.0, pool=0),
            steps=90_000,
            size=128,
            multiple=128,
            paired=False,
            departs=(
                f"{NORM_LAST} The book also asks what is made to be near a picture of the other heap that is drawn at random, "
                "which draws all to the heap's mean; that is left out."
            ),
        ),
        # ------------------------------------------------------------------------------------------ styles
        "cartoongan-small": TranslationPreset[StyleSettings](
            summary="Draws photographs in one of several styles: a small residual network for two CPU cores.",
            source="Chen et al. 2018; Dumoulin et al. 2017 (styles)",
            generator=_resnet(resnet_translation.CARTOON_SMALL),
            discriminator=_patches(translation.PATCH_SMALL),
            generator_label=CONDITIONAL_NORM,
            discriminator_label=PLANES,
            update=Stylised(LEAST_SQUARES),
            settings=StyleSettings(
                batch_size=8,
                generator_rate=5e-4,
                discriminator_rate=5e-4,
                beta1=0.5,
                content_weight=0.15,
                adversarial_weight=1.0,
                pretrain_steps=500,
                ema_decay=0.999,
                rate_horizon=12_000,
                crop_from=1.5,
            ),
            steps=12_000,
            size=64,
            multiple=4,
            paired=False,
            styles=True,
            maps=(4, 8, 16),
        ),
        "cartoongan": TranslationPreset[StyleSettings](
            summary="Draws photographs in one of several styles: the book's U-Net at 128 pixels, which keeps their maps.",
            source=f"{BOOK}, skill 9; Chen et al. 2018",
            generator=partial(cartoongan.StyledUNetGenerator, cartoongan.EFFLITE0),
            discriminator=_patches(translation.PATCH_94_UNPAIRED),
            generator_label="maps of each style's pictures, joined to the third layer's",
            discriminator_label=PLANES,
            update=Stylised(LEAST_SQUARES),
            settings=StyleSettings(batch_size=1, beta1=0.5, epsilon=1e-7, content_weight=1.0, style_weight=0.1, crop_from=1.0),
            steps=50_000,
            size=128,
            multiple=128,
            paired=False,
            styles=True,
            maps=(8,),
            departs=(
                f"{NORM_LAST} Maps are EfficientNet-Lite0's, not VGG19's; the file keeps the mean map of each style's "
                "pictures, so that a style is chosen, or blended, by label; the book's takes a style picture with every call."
            ),
        ),
    }
)
