"""The report: one file, all of it inside."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from cganx.card import GeneratorCard
from cganx.data import DataSet
from cganx.evaluation import Oracle
from cganx.evaluation.figures import Evaluation
from cganx.evaluation.metrics import Sample
from cganx.evaluation.metrics.spectrum import spectrum
from cganx.evaluation.report import page
from cganx.evaluation.report.charts import bars, confusion, curves
from cganx.evaluation.report.pictures import alike_pairs, by_class
from cganx.evaluation.suite import evaluate
from cganx.evaluation.table import number, table
from cganx.runtime import Generator

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Which elements there are, and that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def found(generator: Generator, pictures: DataSet, judge: Oracle) -> Evaluation:
    names = ["label-agreement", "frechet-distance", "precision", "class-frechet-distance", "memorisation-distance"]
    return evaluate(generator, pictures, samples=400, metrics=names, judge=judge)


def parsed(text: str) -> Page:
    made = Page()
    made.feed(text)
    assert made.open in ([], ["html"], ["html", "head"])
    return made


def test_it_needs_nothing_else(part: Callable[[str], None], found: Evaluation, generator: Generator) -> None:
    part("PIL")
    text = page(found, generator.card)
    made = parsed(text)
    assert len(made.links) == 5  # made, real, those most alike, and two sheets of nearest pictures
    assert all(link.startswith("data:image/png;base64,") for link in made.links)
    assert not re.search(r"https?://|<script|@import|url\(", text)


def test_it_shows_every_figure_every_class_and_the_card(
    part: Callable[[str], None], found: Evaluation, generator: Generator
) -> None:
    part("PIL")
    made = parsed(page(found, generator.card))
    for figure in found.figures:
        assert figure.name in made.text
        assert figure.note in made.text
        assert figure.real is None or f"{figure.real_samples:,}" in made.text
    for said in ("disc", "cross", found.sha256, found.judge.name, f"{found.judge.accuracy:.4f}", "400 pictures"):
        assert said in made.text
    assert json.dumps(json.loads(generator.card.to_json()), indent=2, ensure_ascii=False) in made.text


def test_names_cannot_break_out(part: Callable[[str], None], found: Evaluation, generator: Generator) -> None:
    part("PIL")
    evil = "<script>alert(1)</script>"
    card = GeneratorCard.from_json(
        json.dumps(json.loads(generator.card.to_json()) | {"name": evil, "classes": [evil, "&amp;"]})
    )
    by_class = tuple(replace(one, name=name) for one, name in zip(found.by_class, card.classes, strict=True))
    text = page(replace(found, model=evil, data=evil, classes=card.classes, by_class=by_class, left_out=(evil,)), card)
    assert "<script" not in text
    parsed(text)


def test_without_classes_there_is_no_table_of_them(
    part: Callable[[str], None], found: Evaluation, generator: Generator
) -> None:
    part("PIL")
    made = found.evidence.made
    plain = Sample(made.pixels, made.features, made.probabilities)
    evidence = replace(found.evidence, made=plain)
    text = page(replace(found, by_class=(), confusion=None, evidence=evidence), generator.card)
    assert "Class by class" not in text
    parsed(text)


def test_pictures_are_from_the_whole_of_a_class() -> None:
    """Neighbours are often alike, such as crops of one texture."""
    levels = np.arange(20, dtype=np.uint8) * 10 + 40
    pixels = np.broadcast_to(levels[:, None, None, None], (20, 8, 8, 1)).copy()
    sample = Sample(pixels, np.zeros((20, 2)), np.ones((20, 1)), np.zeros(20, np.int64))
    (data,) = re.findall(r"base64,([^\"]+)", by_class(sample, ["grey"], "all"))
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        counts = np.bincount(np.asarray(picture.convert("L")).ravel(), minlength=256)
    assert [level for level in levels if counts[level] >= 64] == list(levels[::2])


def test_the_made_pictures_that_are_most_alike_stand_above_each_other() -> None:
    levels = np.array([10, 200, 90, 200, 150, 12], np.uint8)  # the second and the fourth are the same
    pixels = np.broadcast_to(levels[:, None, None, None], (6, 8, 8, 1)).copy()
    sample = Sample(pixels, levels[:, None] / 255.0, np.ones((6, 1)))
    (data,) = re.findall(r"base64,([^\"]+)", alike_pairs(sample))
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        shown = np.asarray(picture.convert("L"))
    left = {level: np.flatnonzero((shown == level).sum(axis=0) >= 8).min() for level in (200, 10, 12)}
    assert left[200] < left[10] == left[12]
    each = alike_pairs(replace(sample, labels=np.array([0, 0, 1, 0, 1, 0]), probabilities=np.full((6, 2), 0.5)))
    assert "Those of each class that are most alike" in each


def test_a_report_has_the_spectra_of_both_sides(part: Callable[[str], None], found: Evaluation, generator: Generator) -> None:
    part("PIL")
    text = page(found, generator.card)
    real, made = re.findall(r'<polyline points="([^"]+)"', text)
    assert real != made
    for side, one in ((found.evidence.mixed, made), (found.evidence.test, real)):
        heights = [float(place.split(",")[1]) for place in one.split()]
        assert len(heights) == 8
        power = 10 * np.log10(spectrum(side))
        assert np.corrcoef(heights, power)[0, 1] == pytest.approx(-1, abs=1e-3)


def test_curves() -> None:
    text = curves("power", "at & at", range(1, 41), [float(one) for one in range(40)], [5.0] * 40)
    assert text.count("<polyline") == 2
    assert "at &amp; at" in text
    ends = [tuple(map(float, place.split(","))) for place in re.findall(r'points="([^"]+)"', text)[1].split()]
    assert ends[0] == (48.0, 274.0)  # the least at the lower left
    assert ends[-1][0] == 548.0
    assert ends[-1][1] >= 34.0
    for flat in ([7.0, 7.0], [-0.25, 0.0]):
        assert curves("flat", "", (1, 2), flat, flat).count("<polyline") == 2
    assert curves("one", "", (1,), [1.0], [1.0]) == ""
    assert curves("none", "", (1, 2), [float("-inf"), 1.0], [1.0, 1.0]) == ""


def test_charts() -> None:
    text = bars("shares", ["a", "b & c"], [0.5, None], [1.0, float("nan")], 1.0)
    assert text.count("<rect") == 2 + 1 + 1  # two grounds, one bar, one mark
    assert "b &amp; c" in text
    assert bars("nothing", ["a"], [None], [None], None) == ""
    cells = confusion(["a", "b"], [[199, 1], [0, 0]])
    assert cells.count("<rect") == 4
    assert ">&lt;1<" in cells
    many = confusion([str(one) for one in range(40)], [[1] * 40] * 40)
    assert many.count('text-anchor="middle"') == 0


def test_a_table_for_people(found: Evaluation) -> None:
    text = table(found)
    for figure in found.figures:
        assert figure.name in text
    row = next(line for line in text.splitlines() if line.startswith("memorisation-distance"))
    assert row.split()[-7:-4] == ["300", "as", "real"]  # the floor's pictures, beside it
    assert found.judge.name in text
    assert "class-frechet-distance: it needs at least 500 pictures" in text
    assert len({len(line) for line in text.splitlines() if line.startswith(("disc", "cross"))}) == 1
    assert (number(None), number(0.123456), number(12345.6), number(-0.0002512)) == ("-", "0.1235", "12,346", "-0.0002512")
