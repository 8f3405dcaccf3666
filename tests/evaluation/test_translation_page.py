"""The report of image-to-image files: one file, all of it inside."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from translating import Function, a_set, card, soft

from cganx.evaluation.backbones import Backbone
from cganx.evaluation.translation.figures import TranslationEvaluation
from cganx.evaluation.translation.page import translation_page
from cganx.evaluation.translation.suite import evaluate_translation

COLOURS = Backbone("colours", "00", 6, lambda *_: 32, lambda x: torch.cat([x.mean((2, 3)), x.std((2, 3))], 1) / 64)
STYLES = ("dark", "<light>")


@pytest.fixture(scope="module")
def found() -> TranslationEvaluation:
    pictures = soft(40)
    back = Function(card(), lambda made, *_: made)
    return evaluate_translation(Function(card(), lambda made, *_: 255 - made), a_set(pictures, 255 - pictures), back=back)


def sheets(text: str) -> list[np.ndarray]:
    from PIL import Image

    found = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in found]


def test_it_needs_nothing_else_and_is_closed(part: Callable[[str], None], found: TranslationEvaluation) -> None:
    part("PIL")
    text = translation_page(found, card())
    assert not re.search(r"https?://|<script|@import|url\(", text)
    for element in ("section", "table", "tr", "td", "th", "ul", "li", "p", "figure", "pre"):
        assert len(re.findall(rf"<{element}[ >]", text)) == text.count(f"</{element}>"), element


def test_it_shows_examples_and_the_worst(part: Callable[[str], None], found: TranslationEvaluation) -> None:
    part("PIL")
    examples, worst = sheets(translation_page(found, card()))
    assert examples.shape[0] > 12 * 128
    assert 4 * 128 < worst.shape[0] < 6 * 128
    assert examples.shape[1] == worst.shape[1] > 6 * 128  # source, made, target, round trip, two baselines
    source = found.examples.columns["source"][0].repeat(4, axis=0).repeat(4, axis=1)
    places = np.argwhere((examples[:, :, :3] == source[0, 0]).all(axis=2))
    assert any((examples[y : y + 128, x : x + 128] == source).all() for y, x in places if y + 128 <= examples.shape[0])


def test_it_says_what_is_beaten_and_what_is_not(part: Callable[[str], None], found: TranslationEvaluation) -> None:
    part("PIL")
    text = translation_page(found, card())
    assert "Where it falls short" in text
    assert "round-trip-psnr: " in text
    assert "does not beat one-way" in text
    assert text.count('<td class="n r">not beaten</td>') == 2
    assert "<b>mean-colour</b>: the source's luma".replace("'", "&#x27;") in text
    fine = replace(found, comparisons=found.comparisons[:1])
    assert "It beats its baselines in each of 3 comparisons." in translation_page(fine, card())


def test_styles_have_a_table_and_a_column_each(part: Callable[[str], None]) -> None:
    part("PIL")
    labels = np.repeat(np.arange(60) % 2, 2)
    data = a_set(soft(120), soft(120, seed=1), paired=False, labels=labels, classes=STYLES)
    judged = evaluate_translation(Function(card(classes=STYLES), lambda made, *_: made), data, backbones=[COLOURS])
    text = translation_page(judged, card(classes=STYLES))
    assert "<td>&lt;light&gt;</td>" in text
    assert "<light>" not in text
    assert list(judged.examples.columns) == ["source", *STYLES]
    (sheet,) = sheets(text)
    assert 3 * 128 < sheet.shape[1] < 5 * 128
