from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from cganx.training.chart import chart

points = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=700).map(lambda values: list(enumerate(values, start=1)))


@given(st.dictionaries(st.text("ab<&", min_size=1), points, min_size=1, max_size=9))
def test_a_chart_is_well_formed_and_every_line_lies_within_it(series: dict[str, list[tuple[int, float]]]) -> None:
    root = ET.fromstring(chart("<losses>", series))
    lines = root.findall("polyline")
    assert len(lines) == len(series)
    for line in lines:
        places = [tuple(map(float, place.split(","))) for place in line.attrib["points"].split()]
        assert len(places) <= 300
        assert all(60 <= x <= 550 and 47 <= y <= 239 for x, y in places)


def test_a_chart_of_nothing_is_no_chart() -> None:
    assert chart("empty", {"a": []}) == ""


def test_the_axis_is_round_and_holds_what_it_is_told_to() -> None:
    text = chart("accuracy", {"a": [(100, 0.7), (200, 0.8)]}, low=0.5, high=1.0)
    labels = [one.text for one in ET.fromstring(text).findall("text")]
    assert labels[:2] == ["accuracy", "0.5"]
    assert {"0", "100", "200"} <= set(labels)
    assert "1" in labels
