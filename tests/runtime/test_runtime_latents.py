import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cganx.errors import RequestError
from cganx.runtime import latents

DOCS = Path(__file__).parents[2] / "docs"
SEEDS = st.integers(0, 2**64 - 1)


def philox4x32(counter: tuple[int, ...], key: tuple[int, int]) -> tuple[int, ...]:
    """Philox4x32-10 as in the paper's section 3.3, in whole numbers."""
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(10):
        p0, p1 = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c3 ^ k1, p0 & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def normals(seed: int, size: int, round_: int = 0, stream: int = 0) -> list[float]:
    """The rule of the latents, one value at a time."""
    values: list[float] = []
    for block in range(math.ceil(size / 4)):
        words = philox4x32((block, round_, stream, 0), (seed & 0xFFFFFFFF, seed >> 32))
        u = [(word + 0.5) * 2.0**-32 for word in words]
        for first, second in ((u[0], u[1]), (u[2], u[3])):
            radius = math.sqrt(-2.0 * math.log(first))
            values += [radius * math.cos(2.0 * math.pi * second), radius * math.sin(2.0 * math.pi * second)]
    return values[:size]


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_the_reference_is_philox(counter: tuple[int, ...], key: tuple[int, int], words: str) -> None:
    assert " ".join(f"{word:08x}" for word in philox4x32(counter, key)) == words


@given(st.lists(SEEDS, min_size=1, max_size=4), st.integers(1, 9), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_words_are_those_of_the_reference(seeds: list[int], blocks: int, round_: int, stream: int) -> None:
    even, odd = latents.philox(np.array(seeds, np.uint64), blocks, round_, stream)
    made = np.stack([even[0], odd[0], even[1], odd[1]], axis=-1).reshape(len(seeds), blocks, 4)
    for row, seed in enumerate(seeds):
        for block in range(blocks):
            wanted = philox4x32((block, round_, stream, 0), (seed & 0xFFFFFFFF, seed >> 32))
            assert tuple(int(word) for word in made[row, block]) == wanted


@given(SEEDS, st.sampled_from([1, 2, 25, 127, 128, 129]), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_one_seed_has_the_words_that_it_has_among_others(seed: int, blocks: int, round_: int, stream: int) -> None:
    alone = latents.philox(np.array([seed], np.uint64), blocks, round_, stream)
    among = latents.philox(np.array([seed ^ 1, seed], np.uint64), blocks, round_, stream)
    assert alone.dtype == among.dtype
    np.testing.assert_array_equal(alone, among[:, :, blocks:])


@given(st.lists(SEEDS, min_size=1, max_size=3), st.integers(1, 40), st.integers(0, 5))
def test_normals_follow_the_rule(seeds: list[int], size: int, stream: int) -> None:
    made = latents.normal(np.array(seeds, np.uint64), size, stream=stream)
    assert made.dtype == np.float32
    assert made.shape == (len(seeds), size)
    wanted = np.array([normals(seed, size, stream=stream) for seed in seeds], np.float64)
    np.testing.assert_allclose(made, wanted, rtol=1.2e-7, atol=1e-30)


def test_a_latent_does_not_depend_on_its_neighbours() -> None:
    seeds = np.arange(50, dtype=np.uint64) * np.uint64(0x123456789ABCDEF)
    together = latents.normal(seeds, 100)
    for row in (0, 7, 49):
        assert together[row].tobytes() == latents.normal(seeds[row : row + 1], 100)[0].tobytes()
    assert together[:, :10].tobytes() == np.ascontiguousarray(latents.normal(seeds, 10)).tobytes()


def test_they_are_standard_normal_and_uniform() -> None:
    seeds = np.arange(4000, dtype=np.uint64)
    values = latents.normal(seeds, 64).astype(np.float64)
    assert abs(values.mean()) < 0.01
    assert abs(values.std() - 1) < 0.01
    assert abs((np.abs(values) < 1.0).mean() - 0.6827) < 0.005
    flat = latents.uniform(seeds, 63).astype(np.float64)
    assert abs(flat.mean()) < 0.01
    assert -1.0 <= flat.min() < -0.999
    assert 0.999 < flat.max() <= 1.0


@given(SEEDS, st.floats(0.05, 3.0), st.integers(1, 20))
def test_truncation_redraws_from_the_same_place_of_the_next_round(seed: int, bound: float, size: int) -> None:
    made = latents.normal(np.array([seed], np.uint64), size, truncation=np.array([bound]))[0]
    assert (np.abs(made.astype(np.float64)) <= bound).all()
    rounds = [np.float32(normals(seed, size, round_)) for round_ in range(60)]
    for place in range(size):
        drawn = [values[place] for values in rounds if abs(float(values[place])) <= bound]
        if drawn and abs(abs(float(drawn[0])) - bound) > 1e-6:
            assert made[place] == pytest.approx(drawn[0], rel=2e-7)


def test_truncation_too_small_is_refused() -> None:
    with pytest.raises(RequestError, match=r"0\.01"):
        latents.normal(np.zeros(1, np.uint64), 4, truncation=np.array([0.001]))


def test_the_published_vectors_hold() -> None:
    vectors = json.loads((DOCS / "latent-vectors.json").read_text())
    assert len(vectors["latents"]) >= 8
    for one in vectors["words"]:
        counter = tuple(int(word, 16) for word in one["counter"])
        key = tuple(int(word, 16) for word in one["key"])
        assert [f"{word:08x}" for word in philox4x32(counter, key)] == one["words"]
    draw = {"normal": latents.normal, "uniform": latents.uniform}
    for one in vectors["latents"]:
        bound = {} if one["truncation"] is None else {"truncation": np.array([one["truncation"]])}
        made = draw[one["distribution"]](np.array([int(one["seed"])], np.uint64), one["size"], stream=one["stream"], **bound)
        wanted = np.array([float.fromhex(text) for text in one["values"]], np.float32)
        # Maths libraries may differ by one ulp in about one value of 10**8.
        np.testing.assert_array_max_ulp(made[0], wanted, maxulp=1)
