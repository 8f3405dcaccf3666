"""Every file of the corpus is refused with one sentence, soon, in little memory, and touches nothing; mutants too."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("resource", reason="limits on a process are POSIX's")
pytest.importorskip("onnx")

import numpy as np
from click.testing import CliRunner
from corpus import ATTACKS, BAIT, CARD, CARD_BYTES, DATA, GRAPH_BYTES, PLACES, Attack, Place, unsealed, without_card
from good_files import good_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import mutant
from page import PAGE, rows, shown
from single_nodes import MAKERS
from trial import OURS, THEIRS, Answer, Outcome, Trials
from wire import field, fields, model, raw_field, varint

from cganx import runtime
from cganx.card import GeneratorCard
from cganx.errors import CardMismatch, ModelError, UnsafeModel
from cganx_cli.group import cganx

SECONDS, MEGABYTES, LETTERS = 2.0, 500, 1500
MUTANTS = 500
SINGLE_NODES = 2500


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    with Trials() as started:
        yield started


def check(outcomes: Sequence[Outcome], answer: Answer, error: type[ModelError], word: str, late: bool = False) -> None:
    """All were refused as they must be, and nothing else happened."""
    assert answer.ended == ""
    assert answer.printed == ""
    for one in outcomes:
        about = f"{one.file}, {one.way}: {one}"
        assert one.touched == [], about
        assert one.seconds < SECONDS, about
        assert one.megabytes < MEGABYTES, about
        if late and one.way.startswith("read"):
            continue
        assert one.leaf, about
        assert error is ModelError or one.error == error.__name__, about
        assert re.search(word, one.message), about
        assert len(one.message) < LETTERS, about
        assert one.message.isprintable(), about


def test_the_corpus_is_as_large_as_it_says() -> None:
    names = [one.name for one in (*ATTACKS, *PLACES)]
    assert len(names) == len(set(names)) >= 60
    assert all(one.tries and "\n" not in one.tries for one in (*ATTACKS, *PLACES))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.name)
def test_a_hostile_file_is_refused(attack: Attack, trials: Trials, tmp_path: Path) -> None:
    made = attack.files()
    (tmp_path / BAIT).write_bytes(bytes(8192))
    names = [f"{index}.onnx" for index in range(len(made))]
    for name, data in zip(names, made, strict=True):
        (tmp_path / name).write_bytes(data)
    before = sorted(tmp_path.rglob("*"))
    outcomes, answer = trials.files(tmp_path, names, OURS)
    assert len(outcomes) == len(OURS) * len(names)
    check(outcomes, answer, attack.error, attack.word, attack.late)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("attack", [one for one in ATTACKS if one.foreign], ids=lambda one: one.name)
def test_a_hostile_file_of_another_maker_is_refused(attack: Attack, trials: Trials, tmp_path: Path) -> None:
    (data,) = attack.files()
    (tmp_path / BAIT).write_bytes(bytes(8192))
    (tmp_path / "theirs.onnx").write_bytes(without_card(data))
    outcomes, answer = trials.files(tmp_path, ["theirs.onnx"], THEIRS)
    assert len(outcomes) == len(THEIRS)
    check(outcomes, answer, attack.error, attack.word)


def test_with_another_hash_they_are_refused_too(trials: Trials, tmp_path: Path) -> None:
    """Either for what they are, or for the hash, whichever is looked at first."""
    names = []
    for attack in ATTACKS:
        data = attack.files()[0]
        if unsealed(data) != data and len(data) < 100_000:
            names.append(f"{attack.name}.onnx")
            (tmp_path / names[-1]).write_bytes(unsealed(data))
    assert len(names) > 60
    outcomes, answer = trials.files(tmp_path, names, ("load path",))
    assert len(outcomes) == len(names)
    check(outcomes, answer, ModelError, "")
    assert sum(one.error == "CardMismatch" and "damaged" in one.message for one in outcomes) > 30


@pytest.mark.parametrize("place", PLACES, ids=lambda one: one.name)
def test_what_is_no_file_is_refused(place: Place, trials: Trials, tmp_path: Path) -> None:
    path = place.path(tmp_path)
    if path is None:
        pytest.skip("this machine has no such thing")
    outcomes, answer = trials.files(tmp_path, [path], ("read path", "load path"))
    assert len(outcomes) == 2
    check(outcomes, answer, place.error, place.word)


def test_the_trial_sees_what_it_is_there_to_see(trials: Trials, tmp_path: Path) -> None:
    """A good file gives a picture, and what a file may not do is told."""
    (tmp_path / "good.onnx").write_bytes(DATA)
    outcomes, answer = trials.files(tmp_path, ["good.onnx"], (*OURS, "touch path"))
    assert (answer.ended, answer.printed) == ("", "")
    assert [one.error for one in outcomes[:4]] == [""] * 4
    assert not any(one.touched for one in outcomes[:4])
    assert outcomes[4].error == "OSError"  # the limit on what may be written is 0 bytes
    assert any("opened for writing" in one or "beside.txt" in one for one in outcomes[4].touched)
    assert any("socket" in one for one in outcomes[4].touched)
    _, answer = trials.files(tmp_path, ["good.onnx"], ("crash path",))
    assert answer.ended == "ended by signal 11"
    _, answer = trials.files(tmp_path, ["good.onnx"], ("wait path",), patience=1.0)
    assert answer.ended == "ended by signal 14"


def test_the_page_says_what_is_in_the_corpus() -> None:
    said = [one[:3] for one in rows(PAGE.read_text(encoding="utf-8"))]
    there = [[one.group, f"`{one.name}`", shown(one.tries)] for one in (*ATTACKS, *PLACES)]
    assert said == there, "write it anew: python tests/attacks/page.py"


def test_the_same_numbers_are_the_same_mutants() -> None:
    assert [mutant(index) for index in range(20)] == [mutant(index) for index in range(20)]
    assert len({mutant(index) for index in range(200)}) > 190


def test_mutants_are_refused_or_make_pictures(trials: Trials) -> None:
    lines, answer = trials.mutants(0, MUTANTS)
    assert (answer.ended, answer.printed) == ("", ""), f"mutant {lines[-1]['index']}"
    done = [one for one in lines if "faults" in one]
    assert len(done) == MUTANTS
    assert [one for one in done if one["faults"]] == []
    assert max(one["seconds"] for one in done) < SECONDS
    assert max(one["megabytes"] for one in done) < MEGABYTES
    assert 20 < sum(not one["refused"] for one in done) < MUTANTS / 2


def test_onnxruntime_makes_the_shapes_that_the_reader_says(trials: Trials) -> None:
    lines, answer = trials.single_nodes(0, SINGLE_NODES)
    assert (answer.ended, answer.printed) == ("", ""), f"graph {lines[-1]['index']}"
    done = [one for one in lines if "faults" in one]
    assert len(done) == SINGLE_NODES
    assert [one for one in done if one["faults"]] == []
    assert {one["operator"] for one in done} >= MAKERS.keys()


# ----------------------------------------------------------------------------------------------------------------------
# Properties

quick = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
messages: st.SearchStrategy[bytes] = st.recursive(
    st.binary(max_size=12),
    lambda inner: st.lists(
        st.one_of(
            st.builds(field, st.integers(1, 26), st.integers(-(1 << 63), (1 << 63) - 1)),
            st.builds(field, st.integers(1, 26), inner),
        ),
        max_size=6,
    ).map(b"".join),
    max_leaves=12,
)


def refused_or_read(data: bytes) -> runtime.ModelFile | None:
    try:
        return runtime.read(data)
    except ModelError as error:
        check_sentence(error)
        return None


def check_sentence(error: ModelError) -> None:
    assert type(error) is not ModelError
    assert str(error).isprintable()
    assert len(str(error)) < LETTERS


@quick
@given(messages)
def test_any_message_is_refused(message: bytes) -> None:
    assert refused_or_read(message) is None
    assert refused_or_read(model(message, CARD_BYTES)) is None


@quick
@given(messages, st.sampled_from([1, 5, 11, 12, 13]))
def test_one_more_message_in_the_graph_never_ends_in_another_error(message: bytes, number: int) -> None:
    file = refused_or_read(model(GRAPH_BYTES + field(number, message), CARD_BYTES))
    assert file is None or dict(file.outputs) == {"image": (1, 16, 16), "pixels": (16, 16, 1)}


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=8,
)


@quick
@given(st.sampled_from(sorted(CARD)), json_values)
def test_any_value_in_a_card_is_refused_or_kept(key: str, value: Any) -> None:
    try:
        card = GeneratorCard.from_json(json.dumps(CARD | {key: value}))
    except ModelError as error:
        check_sentence(error)
        return
    assert GeneratorCard.from_json(card.to_json()) == card


@quick
@given(st.lists(st.integers(0, (1 << 64) - 1), max_size=20))
def test_fields_written_by_hand_are_read_back(numbers: list[int]) -> None:
    data = b"".join(field(index + 1, number) for index, number in enumerate(numbers))
    assert [one.value for one in fields(data)] == numbers
    assert b"".join(raw_field(*one[:3]) for one in fields(data)) == data
    assert all(len(varint(number)) <= 10 for number in numbers)


# ----------------------------------------------------------------------------------------------------------------------
# What is allowed


@pytest.mark.parametrize("name", good_files())
def test_the_files_that_mutants_come_from_are_good(name: str) -> None:
    generator = runtime.load(good_files()[name], device="cpu", threads=1)
    pixels = generator.generate(0, seeds=range(3))
    assert pixels.shape == (3, *generator.picture_shape)
    assert np.ptp(pixels) > 10


def test_names_may_look_like_paths_and_lead_nowhere(tmp_path: Path) -> None:
    names = ["../../outside", "/etc/outside", "C:\\outside", "..", "CON", "T-shirt/top", "a" * 400]
    for pair in zip(names[::2], names[1::2], strict=False):
        file = tmp_path / "g.onnx"
        file.write_bytes(model(GRAPH_BYTES, json.dumps(CARD | {"classes": pair, "name": "../../name"})))
        out = tmp_path / "deep" / "er" / "out"
        done = CliRunner().invoke(cganx, ["generate", os.fspath(file), "--seeds", "0", "-o", os.fspath(out), "--device", "cpu"])
        assert done.exit_code == 0, done.output
        made = set(tmp_path.rglob("*.png"))
        assert len(made) >= 2
        assert all(out in path.parents for path in made)


def test_what_a_card_says_reaches_no_terminal_as_an_order(tmp_path: Path) -> None:
    file = tmp_path / "g.onnx"
    said = {"method": {"summary\x1b[31m": "\x1b]0;owned\x07\x9b2J"}, "licences": {"weights": "MIT\r\nsize  0 bytes"}}
    file.write_bytes(model(GRAPH_BYTES, json.dumps(CARD | said)))
    done = CliRunner().invoke(cganx, ["inspect", os.fspath(file)])
    assert done.exit_code == 0
    assert all(line.isprintable() for line in done.output.split("\n"))
    assert "owned" in done.output


def test_limits_are_the_host_s(tmp_path: Path) -> None:
    path = tmp_path / "g.onnx"
    path.write_bytes(good_files()["convolutional"])
    for limits, word in (
        (runtime.Limits(work=1000), "multiply-adds"),
        (runtime.Limits(alive_elements=100), "in memory at once"),
        (runtime.Limits(made_elements=1000), "values made"),
        (runtime.Limits(drawn_elements=3), "random values"),
        (runtime.Limits(file_bytes=1000), "larger than"),
        (runtime.Limits(nodes=5), "nodes"),
    ):
        with pytest.raises(UnsafeModel, match=word):
            runtime.load(path, limits=limits)
        with pytest.raises(UnsafeModel, match=word):
            runtime.card_of(path, runtime.Tensors(), name="theirs", classes=("a", "b", "c"), limits=limits)
    assert runtime.load(path, device="cpu", limits=runtime.Limits(work=1 << 20)).generate("a", seeds=0).shape == (1, 8, 8, 3)


def test_a_card_s_text_has_a_bound() -> None:
    with pytest.raises(CardMismatch, match="characters"):
        GeneratorCard.from_json(" " * (1 << 20) + "{}")
