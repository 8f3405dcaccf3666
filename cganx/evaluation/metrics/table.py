"""Every figure that one number says, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cganx.evaluation.metrics.am_score import am_score
from cganx.evaluation.metrics.authenticity import authentic, authenticity
from cganx.evaluation.metrics.bins import different_share
from cganx.evaluation.metrics.birthday import birthday
from cganx.evaluation.metrics.class_frechet import class_frechet
from cganx.evaluation.metrics.colour import colour_distance
from cganx.evaluation.metrics.density_coverage import coverage, crowds, density
from cganx.evaluation.metrics.frechet_distance import frechet_distance
from cganx.evaluation.metrics.inception_score import inception_score
from cganx.evaluation.metrics.interval import interval
from cganx.evaluation.metrics.kernel_distance import kernel_distance
from cganx.evaluation.metrics.label_agreement import agreeing, label_agreement
from cganx.evaluation.metrics.memorisation import angles_to_training, memorisation_distance
from cganx.evaluation.metrics.metric import Metric
from cganx.evaluation.metrics.mode_score import mode_score
from cganx.evaluation.metrics.precision_recall import precise, precision, recall
from cganx.evaluation.metrics.sharpness import relative_sharpness, sharpness_ratio
from cganx.evaluation.metrics.spectrum import spectrum_distance
from cganx.evaluation.metrics.two_sample import two_sample

__all__ = ["METRICS", "Metric", "interval"]

SHARE = (0.0, 1.0)
ANY = (float("-inf"), float("inf"))
FROM_ONE = (1.0, float("inf"))

_ALL = (
    Metric(
        name="label-agreement",
        title="Label agreement",
        better="higher",
        least=50,
        needs_labels=True,
        compute=label_agreement,
        by_class=True,
        each=agreeing,
        bounds=SHARE,
        source="Shmelkov et al. 2018, section 3 (GAN-test)",
    ),
    Metric(
        name="frechet-distance",
        title="Frechet distance",
        better="lower",
        least=256,
        needs_labels=False,
        compute=frechet_distance,
        source="Heusel et al. 2017, section 4",
    ),
    Metric(
        name="class-frechet-distance",
        title="Frechet distance within classes",
        better="lower",
        least=500,
        needs_labels=True,
        compute=class_frechet,
        by_class=True,
        source="Miyato and Koyama 2018, section 4 (intra FID)",
    ),
    Metric(
        name="kernel-distance",
        title="Kernel distance",
        better="lower",
        least=100,
        needs_labels=False,
        compute=kernel_distance,
        bounds=ANY,
        per_feature=True,
        source="Binkowski et al. 2018, section 4 (KID)",
    ),
    Metric(
        name="inception-score",
        title="Inception Score",
        better="higher",
        least=500,
        needs_labels=False,
        compute=inception_score,
        bounds=FROM_ONE,
        source="Salimans et al. 2016, section 4",
    ),
    Metric(
        name="mode-score",
        title="Mode Score",
        better="higher",
        least=500,
        needs_labels=False,
        compute=mode_score,
        source="Che et al. 2017 (MODE score), as in Xu et al. 2018, section 2",
    ),
    Metric(
        name="am-score",
        title="AM Score",
        better="lower",
        least=500,
        needs_labels=False,
        compute=am_score,
        source="Zhou et al. 2018 (AM Score)",
    ),
    Metric(
        name="precision",
        title="Precision",
        better="higher",
        least=200,
        needs_labels=False,
        compute=precision,
        each=precise,
        bounds=SHARE,
        source="Kynkaanniemi et al. 2019, section 2",
    ),
    Metric(
        name="recall",
        title="Recall",
        better="higher",
        least=200,
        needs_labels=False,
        compute=recall,
        bounds=SHARE,
        source="Kynkaanniemi et al. 2019, section 2",
    ),
    Metric(
        name="density",
        title="Density",
        better="higher",
        least=200,
        needs_labels=False,
        compute=density,
        each=crowds,
        source="Naeem et al. 2020, section 3",
    ),
    Metric(
        name="coverage",
        title="Coverage",
        better="higher",
        least=200,
        needs_labels=False,
        compute=coverage,
        bounds=SHARE,
        source="Naeem et al. 2020, section 3",
    ),
    Metric(
        name="two-sample-accuracy",
        title="Told from real ones by the nearest neighbour (0.5 is ideal)",
        better="neither",
        least=100,
        needs_labels=False,
        compute=two_sample,
        bounds=SHARE,
        source="Lopez-Paz and Oquab 2017, section 3; Xu et al. 2018, section 2",
    ),
    Metric(
        name="different-bins",
        title="Share of statistically different bins (NDB)",
        better="lower",
        least=400,
        needs_labels=False,
        compute=different_share,
        bounds=SHARE,
        source="Richardson and Weiss 2018 (NDB)",
    ),
    Metric(
        name="birthday-support",
        title="Different pictures by the birthday paradox (real ones: 10,000)",
        better="higher",
        least=1000,
        needs_labels=False,
        compute=birthday,
        bounds=FROM_ONE,
        source="Arora, Risteski and Zhang 2018 (birthday paradox test)",
    ),
    Metric(
        name="memorisation-distance",
        title="Angle to the nearest training picture (0: copies)",
        better="neither",
        least=50,
        needs_labels=False,
        compute=memorisation_distance,
        each=angles_to_training,
        reference="training",
        bounds=SHARE,
        source="Bai et al. 2021 (the distance of MiFID)",
    ),
    Metric(
        name="authenticity",
        title="No nearer to a training picture than those to each other (0: copies)",
        better="neither",
        least=50,
        needs_labels=False,
        compute=authenticity,
        each=authentic,
        reference="training",
        bounds=SHARE,
        source="Alaa et al. 2022 (authenticity)",
    ),
    Metric(
        name="spectrum-distance",
        title="Power spectrum, distance in decibels",
        better="lower",
        least=20,
        needs_labels=False,
        compute=spectrum_distance,
        source="Durall et al. 2020 (azimuthal average of the spectrum)",
    ),
    Metric(
        name="colour-distance",
        title="Brightness and contrast, distance in levels of 255",
        better="lower",
        least=50,
        needs_labels=False,
        compute=colour_distance,
        source="Borji 2019 (low-level image statistics)",
    ),
    Metric(
        name="sharpness-ratio",
        title="Sharpness over that of real pictures (1 is ideal)",
        better="neither",
        least=20,
        needs_labels=False,
        compute=sharpness_ratio,
        each=relative_sharpness,
        source="Pech-Pacheco et al. 2000 (variance of the Laplacian)",
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Every metric by its name, in the order of a report."""
