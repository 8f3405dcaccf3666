"""The presets: one full recipe each, in one table."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import torch

from cganx.errors import TrainingError
from cganx.networks import acgan, cdcgan, cgan, dcgan, dense, infogan, r3gan, resnet, sgan, sngan, wgan
from cganx.objectives import HINGE, LEAST_SQUARES, NON_SATURATING, RELATIVISTIC, WASSERSTEIN, attribute_cross_entropy
from cganx.training.optimizers import rmsprop
from cganx.training.preset import Attributes, Preset
from cganx.training.settings import (
    ClippedCriticSettings,
    EitherTargetSettings,
    InformedSettings,
    LabelTargetSettings,
    PenalisedCriticSettings,
    RelativisticSettings,
    SemiSupervisedSettings,
    TargetTurnsSettings,
    TileableSettings,
    TurnsSettings,
    UnconditionalSettings,
)
from cganx.training.translation.presets import TRANSLATION_PRESETS
from cganx.training.updates import (
    Alternating,
    AlternatingWithClasses,
    ClippedCritic,
    Informed,
    Joint,
    Mixed,
    MixedWithClasses,
    PenalisedCritic,
    Relativistic,
    SemiSupervised,
    Separate,
)

__all__ = ["DEFAULT", "LATENT_PRESETS", "PRESETS", "find_preset"]

DEFAULT = "sngan-small"
BOOK = "Chaudhary, The GAN Book, 2024"
NO_LABEL = "none"
JOINED = "joined to the latent"
PLANE = "embedding, a linear plane concatenated to the {}"
RUNNING = "Fakes for the discriminator are made with batch statistics, as the generator's are; Keras takes running ones."

LATENT_PRESETS: Mapping[str, Preset[Any]] = MappingProxyType(
    {
        # ------------------------------------------------------------------------------------------ the project's own
        "sngan-small": Preset[TileableSettings](
            summary="Small and quick: spectral norm, hinge loss, projection and class head, averaged weights.",
            source="Miyato et al. 2018; Miyato and Koyama 2018; Odena et al. 2017; Yazici et al. 2019 (the average)",
            generator=sngan.SNGANGenerator,
            discriminator=sngan.SNGANDiscriminator,
            generator_label="concatenated to the latent; class-conditional batch norm at every stage",
            discriminator_label="projection; class head",
            update=Joint(HINGE),
            settings=TileableSettings(
                batch_size=64,
                generator_rate=4e-4,
                discriminator_rate=8e-4,
                beta1=0.0,
                beta2=0.99,
                rate_horizon=20_000,
                ema_decay=0.999,
                class_weight=0.1,
            ),
            steps=20_000,
            attributes=Attributes(
                generator=partial(sngan.SNGANGenerator, several=True),
                update=Joint(HINGE, attribute_cross_entropy),
            ),
        ),
        # ------------------------------------------------------------------------------------------ Keras tutorials
        "gan": Preset[UnconditionalSettings](
            summary="The unconditional GAN that a well-known Keras tutorial begins with.",
            source="Brownlee, How to Develop a Conditional GAN (cGAN) From Scratch; Goodfellow et al. 2014",
            generator=cdcgan.CDCGANGenerator,
            discriminator=cdcgan.CDCGANDiscriminator,
            generator_label=NO_LABEL,
            discriminator_label=NO_LABEL,
            update=Alternating(NON_SATURATING),
            settings=UnconditionalSettings(batch_size=128, beta1=0.5, epsilon=1e-7),
            steps=46_800,
            shuffled=False,
        ),
        "cdcgan": Preset[LabelTargetSettings](
            summary="The conditional DCGAN of a well-known Keras tutorial, step for step: a baseline to compare with.",
            source="Brownlee, How to Develop a Conditional GAN (cGAN) From Scratch; Mirza and Osindero 2014",
            generator=cdcgan.CDCGANGenerator,
            discriminator=cdcgan.CDCGANDiscriminator,
            generator_label=PLANE.format("first features"),
            discriminator_label=PLANE.format("picture"),
            update=Alternating(NON_SATURATING),
            settings=LabelTargetSettings(batch_size=128, beta1=0.5, epsilon=1e-7),
            steps=46_800,
            attributes=Attributes(),
            shuffled=False,
        ),
        "acgan": Preset[LabelTargetSettings](
            summary="The auxiliary classifier GAN of a well-known Keras tutorial.",
            source="Brownlee, How to Develop an Auxiliary Classifier GAN (AC-GAN) From Scratch; Odena et al. 2017",
            generator=acgan.ACGANGenerator,
            discriminator=acgan.ACGANDiscriminator,
            generator_label=PLANE.format("first features"),
            discriminator_label="not told; class head",
            update=AlternatingWithClasses(NON_SATURATING),
            settings=LabelTargetSettings(batch_size=64, beta1=0.5, epsilon=1e-7),
            steps=93_700,
            attributes=Attributes(update=AlternatingWithClasses(NON_SATURATING, attribute_cross_entropy)),
            shuffled=False,
            departs=RUNNING,
        ),
        "cgan": Preset[TargetTurnsSettings](
            summary="The conditional GAN of a TensorFlow project book: one plane a class, one-sided smoothing, even latents.",
            source='"Building GANs for Conditional Image Creation" in a TensorFlow project book; Mirza and Osindero 2014',
            generator=cgan.CGANGenerator,
            discriminator=cgan.CGANDiscriminator,
            generator_label=JOINED,
            discriminator_label="one constant plane a class, concatenated to the picture",
            update=Separate(NON_SATURATING),
            settings=TargetTurnsSettings(batch_size=32, beta1=0.35, label_smoothing=0.1),
            steps=30_000,
            attributes=Attributes(),
            latent="uniform",
            departs=(
                "Made pictures come from eval mode; the original leaves dropout and batch statistics on, so that a picture "
                "depends on its batch and differs each time."
            ),
        ),
        # ------------------------------------------------------------------------------------------ the GAN book
        "gan-dense": Preset[UnconditionalSettings](
            summary="The book's first GAN: dense layers alone.",
            source=f"{BOOK}, skill 2; Goodfellow et al. 2014",
            generator=partial(dense.DenseGenerator, dense.FIRST),
            discriminator=partial(dense.DenseDiscriminator, dense.FIRST),
            generator_label=NO_LABEL,
            discriminator_label=NO_LABEL,
            update=Mixed(NON_SATURATING),
            settings=UnconditionalSettings(
                batch_size=100, generator_rate=5e-5, discriminator_rate=5e-5, beta1=0.5, epsilon=1e-7
            ),
            steps=100_000,
            shuffled=False,
            departs=RUNNING,
        ),
        "dcgan": Preset[UnconditionalSettings](
            summary="The book's DCGAN at 28 pixels: large kernels without strides, swish.",
            source=f"{BOOK}, skill 4; Radford et al. 2016",
            generator=dcgan.DCGANGenerator,
            discriminator=dcgan.DCGANDiscriminator,
            generator_label=NO_LABEL,
            discriminator_label=NO_LABEL,
            update=Mixed(NON_SATURATING),
            settings=UnconditionalSettings(
                batch_size=100, generator_rate=1e-4, discriminator_rate=1e-4, beta1=0.5, epsilon=1e-7
            ),
            steps=35_000,
            shuffled=False,
            fixed_size=(28, 28),
            departs=RUNNING,
        ),
        "dcgan-anime": Preset[UnconditionalSettings](
            summary="The book's DCGAN for anime faces at 56 pixels.",
            source=f"{BOOK}, skill 4; Radford et al. 2016",
            generator=dcgan.AnimeGenerator,
            discriminator=dcgan.AnimeDiscriminator,
            generator_label=NO_LABEL,
            discriminator_label=NO_LABEL,
            update=Mixed(NON_SATURATING),
            settings=UnconditionalSettings(
                batch_size=100, generator_rate=1e-4, discriminator_rate=1e-4, beta1=0.5, epsilon=1e-7
            ),
            steps=50_000,
            shuffled=False,
            fixed_size=(56, 56),
            departs=RUNNING,
        ),
        "dcgan-face": Preset[UnconditionalSettings](
            summary="The book's DCGAN for faces at 56 pixels.",
            source=f"{BOOK}, skill 4; Radford et al. 2016",
            generator=dcgan.FaceGenerator,
            discriminator=dcgan.FaceDiscriminator,
            generator_label=NO_LABEL,
            discriminator_label=NO_LABEL,
            update=Mixed(NON_SATURATING),
            settings=UnconditionalSettings(batch_size=100, beta1=0.5, epsilon=1e-7),
            steps=19_000,
            shuffled=False,
            fixed_size=(56, 56),
            departs=(
                f"{RUNNING} The network is that of the printed summary, with one transposed convolution less than the printed "
                "code; the rate is the code's 2e-4, where the text says 1e-4."
            ),
        ),
        "cgan-planes": Preset[LabelTargetSettings](
            summary="The book's conditional GAN: the label as one more plane from a dense layer.",
            source=f"{BOOK}, skill 6; Mirza and Osindero 2014",
            generator=cgan.PlanesGenerator,
            discriminator=cgan.PlanesDiscriminator,
            generator_label="dense layer, a plane concatenated to the first features",
            discriminator_label="dense layer, a plane concatenated to the picture",
            update=Mixed(NON_SATURATING),
            settings=LabelTargetSettings(batch_size=100, generator_rate=1e-4, discriminator_rate=1e-4, beta1=0.5, epsilon=1e-7),
            steps=15_000,
            attributes=Attributes(),
            shuffled=False,
            fixed_size=(28, 28),
            departs=RUNNING,
        ),
        "acgan-book": Preset[LabelTargetSettings](
            summary="The book's auxiliary classifier GAN.",
            source=f"{BOOK}, skill 6; Odena et al. 2017",
            generator=acgan.BookACGANGenerator,
            discriminator=acgan.BookACGANDiscriminator,
            generator_label="dense layer, joined to the latent's",
            discriminator_label="not told; class head",
            update=MixedWithClasses(NON_SATURATING),
            settings=LabelTargetSettings(batch_size=100, generator_rate=1e-4, discriminator_rate=1e-4, beta1=0.5, epsilon=1e-7),
            steps=25_000,
            attributes=Attributes(update=MixedWithClasses(NON_SATURATING, attribute_cross_entropy)),
            shuffled=False,
            fixed_size=(28, 28),
            departs=RUNNING,
        ),
        "sgan": Preset[SemiSupervisedSettings](
            summary="Semi-supervised: a classifier that learns from a few labels and from all pictures.",
            source=f"{BOOK}, skill 6; Salimans et al. 2016",
            generator=sgan.SGANGenerator,
            discriminator=sgan.SGANDiscriminator,
            generator_label=NO_LABEL,
            discriminator_label="names the class of labelled pictures; the class logits say also how real a picture is",
            update=SemiSupervised(NON_SATURATING),
            settings=SemiSupervisedSettings(
                batch_size=100, generator_rate=3e-4, discriminator_rate=3e-4, beta1=0.5, epsilon=1e-7, feature_matching=1.0
            ),
            steps=30_000,
            shuffled=False,
            fixed_size=(28, 28),
            departs=(
                "The book's learns from all labels, fakes among the classes, and has a head for real or fake of its own. Here "
                "the labels may be few (--labels-per-class), half of each batch of reals are labelled ones, the class logits "
                "alone say how real a picture is, and the generator matches features: Salimans et al. 2016, sections 3.1 and "
                "5, at the rate of their code (3e-4, the book has 1e-4). The discriminator has 258 parameters less. Labelled "
                "pictures are moved a little, the classifier's weights are averaged, and the fakes that the discriminator has "
                "seen serve the generator's turn too."
            ),
        ),
        "infogan": Preset[InformedSettings](
            summary="Finds classes and directions without labels: codes that the picture must show.",
            source=f"{BOOK}, skill 6; Chen et al. 2016",
            generator=infogan.InfoGANGenerator,
            discriminator=infogan.InfoGANDiscriminator,
            generator_label="codes drawn evenly, a dense layer joined to the latent's",
            discriminator_label="not told; a head guesses the code",
            update=Informed(NON_SATURATING),
            settings=InformedSettings(batch_size=100, generator_rate=1e-4, discriminator_rate=1e-4, beta1=0.5, epsilon=1e-7),
            steps=29_000,
            shuffled=False,
            fixed_size=(28, 28),
            departs=(
                f"{RUNNING} The layers under the code's head learn of the code too, as in the paper (section 6), in a turn "
                "of their own; the book freezes them, and its head is long in finding the code. Continuous codes "
                "(--set continuous=2; --set categories=0 leaves the categorical one out) are the paper's, not the book's."
            ),
        ),
        "lsgan": Preset[EitherTargetSettings](
            summary="Least squares instead of cross-entropy, on the book's dense networks.",
            source=f"{BOOK}, skill 7; Mao et al. 2017",
            generator=partial(dense.DenseGenerator, dense.LEAST_SQUARES),
            discriminator=partial(dense.DenseDiscriminator, dense.LEAST_SQUARES),
            generator_label=JOINED,
            discriminator_label="joined to the flattened picture",
            update=Alternating(LEAST_SQUARES),
            settings=EitherTargetSettings(batch_size=100, beta1=0.5, epsilon=1e-7),
            steps=25_000,
            attributes=Attributes(),
            shuffled=False,
            departs=f"The book's has no label: --set conditional=false. {RUNNING}",
        ),
        "wgan": Preset[ClippedCriticSettings](
            summary="A critic with clipped weights.",
            source=f"{BOOK}, skill 7; Arjovsky et al. 2017",
            generator=wgan.WGANGenerator,
            discriminator=wgan.WGANCritic,
            generator_label=PLANE.format("first features"),
            discriminator_label=PLANE.format("picture"),
            update=ClippedCritic(WASSERSTEIN),
            settings=ClippedCriticSettings(
                batch_size=32, generator_rate=5e-5, discriminator_rate=5e-5, beta2=0.9, epsilon=1e-7
            ),
            steps=20_000,
            attributes=Attributes(),
            shuffled=False,
            optimizer=rmsprop,
            departs=(
                "The book's has no label: --set conditional=false. It clips all that batch norm has, running statistics "
                "included, which leaves its critic nearly dead; here layers are clipped, batch norm and the label's plane are "
                "not."
            ),
        ),
        "wgan-gp": Preset[PenalisedCriticSettings](
            summary="A critic whose gradient is held to norm 1.",
            source=f"{BOOK}, skill 7; Gulrajani et al. 2017",
            generator=wgan.WGANGPGenerator,
            discriminator=wgan.WGANGPCritic,
            generator_label=PLANE.format("first features"),
            discriminator_label=PLANE.format("picture"),
            update=PenalisedCritic(WASSERSTEIN),
            settings=PenalisedCriticSettings(
                batch_size=32, generator_rate=1e-4, discriminator_rate=1e-4, beta1=0.0, beta2=0.9, epsilon=1e-7
            ),
            steps=11_000,
            attributes=Attributes(),
            shuffled=False,
            departs=(
                "The book's has no label: --set conditional=false. It keeps batch norm in the critic, against the paper, and "
                "RMSprop; here layer norm and the paper's Adam (0, 0.9)."
            ),
        ),
        "mode-collapse": Preset[UnconditionalSettings](
            summary="Fails on purpose: two latent numbers and a small generator collapse to a few pictures.",
            source=f"{BOOK}, skill 3",
            generator=partial(dense.DenseGenerator, dense.COLLAPSING),
            discriminator=partial(dense.DenseDiscriminator, dense.COLLAPSING),
            generator_label=NO_LABEL,
            discriminator_label=NO_LABEL,
            update=Mixed(NON_SATURATING),
            settings=UnconditionalSettings(
                batch_size=60, generator_rate=1e-4, discriminator_rate=1e-4, beta1=0.5, epsilon=1e-7
            ),
            steps=75_000,
            shuffled=False,
        ),
        "convergence-failure": Preset[UnconditionalSettings](
            summary="Fails on purpose: the discriminator wins at once, and no pixel can be darker than middle grey.",
            source=f"{BOOK}, skill 3",
            generator=partial(dense.DenseGenerator, dense.FAILING),
            discriminator=partial(dense.DenseDiscriminator, dense.FAILING),
            generator_label=NO_LABEL,
            discriminator_label=NO_LABEL,
            update=Mixed(NON_SATURATING),
            settings=UnconditionalSettings(
                batch_size=60, generator_rate=1e-4, discriminator_rate=1e-4, beta1=0.5, epsilon=1e-7
            ),
            steps=40_000,
            shuffled=False,
        ),
        # ------------------------------------------------------------------------------------------ papers
        "sngan-projection": Preset[TurnsSettings](
            summary="Residual networks with spectral norm and projection, at CIFAR's size.",
            source="Miyato et al. 2018; Miyato and Koyama 2018; the settings of StudioGAN's CIFAR-10 row",
            generator=resnet.ResNetGenerator,
            discriminator=resnet.ResNetDiscriminator,
            generator_label="class-conditional batch norm",
            discriminator_label="projection",
            update=Separate(HINGE),
            settings=TurnsSettings(batch_size=64, beta1=0.5, discriminator_steps=5),
            steps=100_000,
            attributes=Attributes(generator=partial(resnet.ResNetGenerator, several=True)),
        ),
        "biggan-small": Preset[TurnsSettings](
            summary="BigGAN's parts at widths for two CPU cores: shared embedding, skip-z, self-attention, averaged weights.",
            source=f"Brock et al. 2019; {BOOK}, skill 9",
            generator=resnet.BigGANGenerator,
            discriminator=resnet.BigGANDiscriminator,
            generator_label="shared embedding, conditional batch norm",
            discriminator_label="projection",
            update=Separate(HINGE),
            settings=TurnsSettings(
                batch_size=50,
                beta1=0.0,
                epsilon=1e-6,
                discriminator_steps=2,
                orthogonal_weight=1e-4,
                ema_decay=0.999,
            ),
            steps=50_000,
            attributes=Attributes(),
            departs="Widths of 32 to 128 and small batches; the paper's are 64 to 1,536 and up to 2,048 pictures.",
        ),
        "r3gan": Preset[RelativisticSettings](
            summary="Relativistic pairing with both gradient penalties; residual networks without normalisation.",
            source="Huang et al. 2024, The GAN is dead; long live the GAN! A modern GAN baseline",
            generator=r3gan.R3GANGenerator,
            discriminator=r3gan.R3GANDiscriminator,
            generator_label="embedding, joined to the latent",
            discriminator_label="projection",
            update=Relativistic(RELATIVISTIC),
            settings=RelativisticSettings(
                batch_size=32, beta1=0.0, beta2=0.99, rate_horizon=16_000, ema_decay=0.999, gamma=0.5
            ),
            steps=16_000,
            layout=torch.contiguous_format,
            attributes=Attributes(),
            departs="Widths are for two CPU cores; the rates fall linearly and gamma stays, where the paper's follow cosines.",
        ),
    }
)
"""Those that make pictures of a latent."""

PRESETS: Mapping[str, Preset[Any]] = MappingProxyType({**LATENT_PRESETS, **TRANSLATION_PRESETS})


def find_preset(name: str) -> Preset[Any]:
    """The preset of that name. Raises TrainingError with the nearest name, or all of them."""
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(PRESETS)}."
        raise TrainingError(f"there is no preset {name!r}; {hint}")
    return PRESETS[name]
