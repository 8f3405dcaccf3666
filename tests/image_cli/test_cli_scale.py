"""docs/scale.md: its tables are what the script makes of the rates, and the arithmetic is right."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("make_scale_page", ROOT / "scripts" / "make_scale_page.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_the_page_is_what_the_script_writes(page):
    text = page.PAGE.read_text()
    assert page.filled(text, page.Rates.read(page.DOCS / "scale-rates.json")) == text, "run scripts/make_scale_page.py"


def test_ten_times_the_cores_are_a_tenth_of_the_time(page):
    rates = page.Rates(1000, 9000, 500, 8000, 10_000, 9000, shard_seconds=2.0, ray_seconds=0.001, machine="")
    assert rates.core == pytest.approx(5000 / 12)  # 10 s of pictures and 2 s beside them
    rates = replace(rates, shard_seconds=0.0)
    assert page.span(10**8 / (100 * rates.core)) == "33.3 minutes"
    assert "| 1,000 (32 x 32) | 3.3 minutes | 500,000 | 5,000 / 4,500 MB/s | 1e+02 | 10 % |" in page.by_cores(rates)
    assert "| tars | 1.00 TB | $23 | 100,000 | $0.50 |" in page.storage(rates)
    assert (
        "78,400 to 347,200 pictures a second, 10^8 in\n21.3 minutes to 4.8 minutes, and would need 9 to 39 cores"
        in page.one_gpu(rates)
    )
    assert page.cost(rates).startswith("56 core-hours whatever their number, $2.22 ")


def test_a_page_without_a_place_for_a_table_is_refused(page):
    with pytest.raises(SystemExit, match="no place for measured"):
        page.filled("nothing", page.Rates(1, 1, 1, 1, 1, 1, 1, 1, ""))
