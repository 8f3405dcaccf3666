"""Image-to-image files judged: known translators reach known figures, and what falls short is said."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from translating import Function, a_set, card, reduced, soft

from cganx.errors import CganxError, DataError, ModelError, RequestError
from cganx.evaluation.backbones import Backbone, Stages
from cganx.evaluation.translation import suite
from cganx.evaluation.translation.figures import TranslationEvaluation
from cganx.evaluation.translation.measures import HIGHEST_PSNR, psnr
from cganx.evaluation.translation.suite import are_normals, evaluate_translation
from cganx.evaluation.translation.table import translation_table

STAGES = Stages("none", "00", lambda pictures: [pictures, torch.nn.functional.avg_pool2d(pictures, 2)])
"""The picture itself and half of it: enough to see how figures are put together."""

COLOURS = Backbone("colours", "00", 6, lambda *_: 32, lambda x: torch.cat([x.mean((2, 3)), x.std((2, 3))], 1) / 64)


def inverted(pictures: Any, _label: Any, _mask: Any) -> Any:
    return 255 - pictures


def same(pictures: Any, _label: Any, _mask: Any) -> Any:
    return pictures


WITH_MASK = ("source", "mask")
PICTURES = soft(80)
INVERTED = a_set(PICTURES, 255 - PICTURES)


@pytest.fixture(scope="module")
def found() -> TranslationEvaluation:
    return evaluate_translation(Function(card(), inverted), INVERTED, stages=STAGES, backbones=[COLOURS])


def test_a_perfect_translator(found: TranslationEvaluation) -> None:
    assert found["psnr"].figure.value == pytest.approx(HIGHEST_PSNR)
    assert found["ssim"].figure.value == pytest.approx(1)
    assert found["lpips-efflite0"].figure.value == pytest.approx(0, abs=1e-6)
    assert found.samples == found["psnr"].figure.samples == 40
    assert found.shortcomings == ()
    assert all(one.verdict == "beaten" for one in found["psnr"].beside)


def test_baselines_stand_beside_it_on_the_same_pictures(found: TranslationEvaluation) -> None:
    assert [one.name for one in found["psnr"].beside] == ["identity", "blur", "mean-colour"] == list(found.baselines)
    held_out = INVERTED.test
    identity = psnr(held_out.source, held_out.target)
    assert found["psnr"]["identity"].value == pytest.approx(identity.mean())
    low, high = found["psnr"]["identity"].low, found["psnr"]["identity"].high
    assert low is not None
    assert high is not None
    reach = 2.09 * identity.std(ddof=1) / math.sqrt(len(identity))
    assert high - low == pytest.approx(2 * reach, rel=0.5)


def test_the_identity_does_not_beat_itself() -> None:
    found = evaluate_translation(Function(card(), same), INVERTED, stages=STAGES)
    assert found["psnr"]["identity"].verdict == "not beaten"
    assert any(one.startswith("psnr: ") and "does not beat identity" in one for one in found.shortcomings)


def test_what_is_hardly_better_cannot_be_told_apart() -> None:
    """Better by a little on most pictures, and worse by much on one."""
    source = soft(20)
    target = source + np.uint8(8)

    def nearly(pictures: Any, _label: Any, _mask: Any) -> Any:
        made = pictures + np.uint8(1)
        bad = (pictures == source[1::2][3]).all(axis=(1, 2, 3))
        made[bad] = pictures[bad] - np.uint8(7)
        return made

    found = evaluate_translation(Function(card(), nearly), a_set(source, target), metrics=["psnr"])
    assert found["psnr"]["identity"].verdict == "too close"
    assert "cannot be told from" in found.shortcomings[0]


def test_distances_of_sets_have_a_floor(found: TranslationEvaluation) -> None:
    figure = found["kid-colours"].figure
    assert figure.value is None  # 40 pictures
    assert "at least 50" in figure.note
    many = soft(400)
    judged = evaluate_translation(Function(card(), inverted), a_set(many, 255 - many // 2), metrics=[], backbones=[COLOURS])
    kid = judged["kid-colours"]
    assert kid.figure.value > kid.figure.real
    assert kid.figure.reference_samples == 200
    assert [one.figure.name for one in judged.comparisons] == ["fid-colours", "kid-colours"]
    assert judged["fid-colours"].figure.value is None  # it needs 256


def test_super_resolution_beside_bicubic(part: Callable[[str], None]) -> None:
    part("PIL")
    target = soft(20, side=64)
    data = a_set(reduced(target, 2), target, task="superresolve")
    doubled = Function(card(scale=2), lambda pictures, *_: pictures.repeat(2, axis=1).repeat(2, axis=2))
    found = evaluate_translation(doubled, data)
    assert [one.name for one in found["psnr"].beside] == ["bicubic", "identity"]
    assert found["psnr"]["bicubic"].verdict == "not beaten"
    assert found["psnr"]["identity"].value == pytest.approx(found["psnr"].figure.value)
    assert found["psnr"]["identity"].verdict == "not beaten"
    assert found.examples.columns["source"].shape == found.examples.columns["made"].shape


def test_of_holes_only_what_is_filled_counts_and_it_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "opencv_is_there", lambda: False)
    pictures = soft(20) // 2  # no grey of 128 anywhere
    data = a_set(pictures, pictures, task="inpaint")
    seen = []

    def white(source: Any, _label: Any, mask: Any) -> Any:
        seen.append((source.copy(), mask))
        return np.full_like(source, 255)

    found = evaluate_translation(Function(card(), white, inputs=WITH_MASK), data)
    sources, masks = (np.concatenate(one) for one in zip(*seen, strict=True))
    assert (sources[masks] == 128).all()
    held_out = data.test.target
    np.testing.assert_array_equal(sources[~masks], held_out[~masks])
    np.testing.assert_array_equal(found.examples.columns["made"], np.where(masks[..., None], 255, held_out))
    assert found["psnr"].figure.value == pytest.approx(psnr(np.full_like(held_out, 255), held_out, masks).mean())
    assert found["psnr"]["border-mean"].verdict == "not beaten"
    assert found.missing == (
        "telea and navier-stokes are left out: OpenCV is not installed: pip install opencv-python-headless",
    )


def test_normal_maps_are_seen_and_have_angles() -> None:
    random = np.random.default_rng(0)
    slopes = random.normal(size=(40, 32, 32, 2)) * 0.4
    vectors = np.concatenate([slopes, np.ones((40, 32, 32, 1))], axis=3)
    vectors /= np.linalg.norm(vectors, axis=3, keepdims=True)
    normals = np.rint((vectors + 1) * 127.5).astype(np.uint8)
    assert are_normals(normals)
    assert not are_normals(soft(40))
    assert not are_normals(normals[..., :1])
    data = a_set(soft(40, 1), normals)
    flat = Function(card((1, 3)), lambda one, *_: np.broadcast_to([[[[128, 128, 255]]]], (*one.shape[:3], 3)).astype(np.uint8))
    with pytest.raises(ModelError, match="of one colour all over"):
        evaluate_translation(flat, data)
    truth = Function(card((1, 3)), lambda one, *_: normals[1::2][: len(one)])
    found = evaluate_translation(truth, replace(data, test=replace_first(data.test, 16)))
    assert found["normal-angle"].figure.value == 0
    tilt = np.degrees(np.arctan(np.linalg.norm(slopes[1::2][:16], axis=3))).mean()
    assert found["normal-angle"]["flat-normal"].value == pytest.approx(tilt, abs=0.5)
    assert list(found.baselines) == ["flat-normal", "identity"]


def replace_first(pictures: Any, count: int) -> Any:
    return replace(pictures, source=pictures.source[:count], target=pictures.target[:count])


def test_unpaired_beside_untranslated_sources_with_a_round_trip() -> None:
    source, target = soft(400), 255 - soft(400, seed=1) // 2
    data = a_set(source, target, paired=False)
    there = Function(card(), lambda pictures, *_: 255 - pictures // 2)
    back = Function(card(), lambda pictures, *_: (255 - pictures) * 2)
    found = evaluate_translation(there, data, back=back, stages=STAGES, backbones=[COLOURS])
    names = [one.figure.name for one in found.comparisons]
    assert names == ["content-efflite0", "round-trip-psnr", "round-trip-ssim", "fid-colours", "kid-colours"]
    kid = found["kid-colours"]
    assert kid["identity"].value > 100 * abs(kid.figure.value)
    assert kid["identity"].verdict == "beaten"
    assert kid.figure.real is not None
    assert found["round-trip-psnr"].figure.value > 45
    assert found["round-trip-psnr"]["one-way"].value == pytest.approx(
        psnr(data.test.source, 255 - data.test.source // 2).mean()
    )
    assert found["content-efflite0"]["random-target"].value is not None
    assert set(found.baselines) == {"identity", "random-target", "one-way"}
    assert list(found.examples.columns) == ["source", "made", "round trip"]
    assert len(found.examples.worst) == 0


STYLES = ("dark", "light")


def styled(pictures: Any, label: Any, _mask: Any) -> Any:
    return np.where(np.array([one == "light" for one in label])[:, None, None, None], pictures // 2 + 127, pictures // 2)


def of_styles() -> Any:
    labels = np.repeat(np.arange(200) % 2, 2)
    target = soft(400, seed=1) // 2
    target[labels == 1] += np.uint8(127)
    return a_set(soft(400), target, paired=False, labels=labels, classes=STYLES)


def test_styles_do_what_their_labels_say() -> None:
    found = evaluate_translation(Function(card(classes=STYLES), styled), of_styles(), backbones=[COLOURS])
    dark, light = found.styles
    assert (dark.name, dark.nearest, light.nearest) == ("dark", "dark", "light")
    assert dark.distances["dark"] < dark.untranslated < dark.distances["light"]
    assert abs(dark.real) < dark.untranslated
    assert (dark.samples, dark.reference_samples) == (200, 100)
    assert found["kid-colours"].figure.samples == 400
    assert found.samples == 200
    assert list(found.examples.columns) == ["source", "dark", "light"]
    np.testing.assert_array_equal(found.examples.columns["light"], found.examples.columns["source"] // 2 + 127)
    assert found.shortcomings == ()

    def swapped(pictures: Any, label: Any, mask: Any) -> Any:
        return styled(pictures, ["dark" if one == "light" else "light" for one in label], mask)

    found = evaluate_translation(Function(card(classes=STYLES), swapped), of_styles(), backbones=[COLOURS])
    assert "dark: pictures asked for in this style are nearer to light" in found.shortcomings
    assert "nearest" in translation_table(found)


def test_with_few_of_a_style_its_distances_are_empty() -> None:
    data = of_styles()
    few = replace(data, test=replace(data.test, target=data.test.target[:30], labels=data.test.labels[:30]))
    found = evaluate_translation(Function(card(classes=STYLES), styled), few, backbones=[COLOURS])
    assert found.styles[0].distances == {"dark": None, "light": None}
    assert found.styles[0].nearest is None
    assert "-" in translation_table(found)


def test_paired_styles_are_asked_for_row_by_row() -> None:
    labels = np.arange(40) // 2 % 2
    source = soft(40)
    target = styled(source, [STYLES[label] for label in labels], None)
    data = a_set(source, target, labels=labels, classes=STYLES)
    found = evaluate_translation(Function(card(classes=STYLES), styled), data)
    assert found["psnr"].figure.value == pytest.approx(HIGHEST_PSNR)
    assert found.styles == ()


def test_it_is_json_and_short_enough_for_a_card(found: TranslationEvaluation) -> None:
    said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert said["kind"] == "image-to-image"
    assert said["figures"][0]["beside"][0]["name"] == "identity"
    assert "examples" not in said
    kept = json.loads(json.dumps(found.for_card(), allow_nan=False))
    assert kept["figures"]["psnr"]["value"] == 48.131
    assert kept["figures"]["psnr"]["baselines"].keys() == {"identity", "blur", "mean-colour"}
    assert "kid-colours" not in kept["figures"]
    assert len(json.dumps(kept)) < 2000


def test_equal_seeds_give_equal_figures(found: TranslationEvaluation) -> None:
    again = evaluate_translation(Function(card(), inverted), INVERTED, stages=STAGES, backbones=[COLOURS])
    assert again.to_dict() == found.to_dict()


def test_the_table_says_it_all(found: TranslationEvaluation) -> None:
    text = translation_table(found)
    assert "turns judged by pictures (pairs): 40 held-out pictures, seed 0" in text
    assert "mean-colour: the source's luma" in text
    assert "falls short" not in text
    assert "kid-colours: it needs at least 50 pictures" in text


def test_seeds_are_given_where_there_is_noise() -> None:
    class Seeded(Function):
        def translate(self, pictures: Any, *, seeds: Any = None, **_: Any) -> Any:
            assert len(seeds) == len(pictures)
            return (255 - pictures) ^ (seeds[:, None, None, None] % 2 * 4).astype(np.uint8)

    found = evaluate_translation(Seeded(card(), same, inputs=("source", "noise.0")), INVERTED, seed=5, metrics=["psnr"])
    odd = 20 * np.log10(255 / 4)
    assert found["psnr"].figure.value == pytest.approx((HIGHEST_PSNR + odd) / 2)


@pytest.mark.parametrize(
    ("translator", "data", "said"),
    [
        (Function(card((1, 3)), same), INVERTED, "it takes grey pictures, and those of pictures were loaded in colour"),
        (Function(card((3, 1)), same), INVERTED, "it makes grey pictures"),
        (Function(card(scale=2), same), INVERTED, "2 times as large as its source, and in pictures 1 times"),
        (Function(card(height=32, width=32), same), a_set(soft(8, side=16), soft(8, side=16)), "32 x 32, and those .* 16 x 16"),
        (Function(card(), same, inputs=WITH_MASK), INVERTED, "it fills holes, so it is judged by --data DATA --task inpaint"),
        (Function(card(), same), replace(INVERTED, task="inpaint"), "takes no mask"),
        (Function(card(), same), of_styles(), "has styles such as 'dark', and turns has none"),
        (Function(card(classes=("ink", "dark")), same), of_styles(), "has the style 'light', and turns knows ink, dark"),
        (Function(card(classes=STYLES), same), INVERTED, "turns has the styles dark, light, and pictures has none"),
        (
            Function(card(), same),
            a_set(PICTURES[:3], PICTURES[:3]),
            "1 held-out pictures are too few to judge by, give at least 2",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(translator: Function, data: Any, said: str) -> None:
    with pytest.raises((ModelError, DataError), match=said):
        evaluate_translation(translator, data)


def test_other_wrong_calls() -> None:
    right = Function(card(), inverted)
    with pytest.raises(RequestError, match="there is no figure 'coverage' of image-to-image generators"):
        evaluate_translation(right, INVERTED, metrics=["coverage"])
    with pytest.raises(RequestError, match="at least 2"):
        evaluate_translation(right, INVERTED, samples=1)
    for back, said in (
        (card((1, 3)), "does not take what turns makes"),
        (card(scale=2), "does not take what turns makes"),
        (card(classes=STYLES), "way back is judged of files without"),
    ):
        with pytest.raises(CganxError, match=said):
            evaluate_translation(right, INVERTED, back=Function(back, same))


def test_few_of_many_are_taken_at_even_steps() -> None:
    found = evaluate_translation(Function(card(), inverted), INVERTED, samples=8, metrics=["psnr"])
    assert found.samples == 8
    np.testing.assert_array_equal(found.examples.columns["target"], INVERTED.test.target[::5])
