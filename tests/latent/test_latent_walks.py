"""Walks: what frames show, that loops close, and files that others can read."""

from __future__ import annotations

import io

import numpy as np
import pytest

from cganx import latent
from cganx.errors import LabelError, RequestError
from cganx.runtime.testing import tiny


@pytest.fixture(autouse=True)
def _parts(part):
    part("onnxruntime")


@pytest.fixture(scope="module")
def generator():
    return tiny()


@pytest.fixture(scope="module")
def stops(generator):
    return latent.through_latents(generator, latent.of_seeds(generator, range(3)), ["disc", "cross"])


def test_a_loop_closes_to_the_bit(generator, stops):
    route = latent.walk(generator, stops, frames=5)
    assert (len(route), route.tiles) == (15, 2)
    for one, other in ((route.at(0), route.at(15)), (route.at(4), route.at(19))):
        np.testing.assert_array_equal(one.latents, other.latents)
    frames = list(route)
    assert len(frames) == 15
    steps = [np.abs(one.astype(int) - other).mean() for one, other in zip(frames, frames[1:] + frames[:1], strict=True)]
    assert steps[-1] <= 2 * max(steps[:-1])


def test_a_walk_that_ends_has_its_last_stop(generator, stops):
    route = latent.walk(generator, stops, frames=4, loop=False)
    assert len(route) == 9
    frames = list(route)
    np.testing.assert_array_equal(frames[0], generator.generate(["disc", "cross"], [0, 0]))
    np.testing.assert_array_equal(frames[4], generator.generate(["disc", "cross"], [1, 1]))
    np.testing.assert_array_equal(frames[-1], generator.generate(["disc", "cross"], [2, 2]))
    np.testing.assert_array_equal(np.stack(frames), np.stack(list(route)))
    with pytest.raises(IndexError):
        route[9]


def test_classes_are_blended_evenly(generator):
    points = latent.of_seeds(generator, [7])
    route = latent.walk(generator, latent.through_classes(generator, points, ["disc", "cross"]), frames=2)
    np.testing.assert_array_equal(list(route)[1], generator.generate({"disc": 0.5, "cross": 0.5}, latents=points))


def test_directions_go_out_and_back_and_truncation_too(generator):
    points = latent.of_seeds(generator, [0])
    vector = np.eye(8)[:1]
    out = latent.along_directions(generator, points, vector, ["disc"], reach=2.0)
    np.testing.assert_allclose([one.latents[0, 0] - points[0, 0] for one in out], [0, 2, 0, -2], atol=1e-6)
    cut = latent.through_truncation(generator, points, ["disc"], bounds=[0.5, 0.2])
    np.testing.assert_allclose([np.abs(one.latents).max() for one in cut][1:], [0.5, 0.2, 0.5], atol=1e-6)


def test_what_cannot_be_walked(generator, stops):
    with pytest.raises(RequestError, match="at least two stops"):
        latent.walk(generator, stops[:1])
    with pytest.raises(RequestError, match="at least 1"):
        latent.walk(generator, stops, frames=0)
    with pytest.raises(RequestError, match="same tiles"):
        latent.walk(generator, [stops[0], latent.through_latents(generator, np.zeros((1, 8)), ["disc"])[0]])
    with pytest.raises(RequestError, match="no codes"):
        latent.through_codes(generator, np.zeros((1, 8)))
    with pytest.raises(LabelError, match="square"):
        latent.through_classes(generator, np.zeros((1, 8)), ["disc", "square"])


# ---------------------------------------------------------------------------------------------------------------- files


def frames(count, channels=1, side=15):
    ramp = np.arange(side * side * channels).reshape(side, side, channels)
    return [((ramp * 3 + 9 * number) % 256).astype(np.uint8) for number in range(count)]


def movie(count=7, channels=1, fps=12, loop=True):
    return latent.Movie(iter(frames(count, channels)), count, fps, loop, {"cganx.model": "tïny"})


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ending", [".gif", ".apng", ".png", ".webp"])
def test_pillow_reads_every_frame_back(part, tmp_path, ending, channels):
    part("PIL")
    from PIL import Image

    path = tmp_path / f"walk{ending}"
    latent.write_movie(path, movie(channels=channels))
    with Image.open(path) as image:
        assert image.n_frames == 7
        assert image.info.get("loop") == 0
        durations = []
        for number, frame in enumerate(frames(7, channels)):
            image.seek(number)
            image.load()
            durations.append(image.info["duration"])
            shown = np.asarray(image.convert("RGB"))
            off = np.abs(shown.astype(int) - frame).max()
            assert off <= (40 if ending == ".gif" and channels == 3 else 0)
        assert sum(durations) == pytest.approx(1000 * 7 / 12, abs=10)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_once_is_once(part, tmp_path):
    part("PIL")
    from PIL import Image

    for ending, loops in ((".gif", None), (".apng", 1), (".webp", 1)):
        latent.write_movie(tmp_path / f"a{ending}", movie(loop=False))
        with Image.open(tmp_path / f"a{ending}") as image:
            assert image.info.get("loop") == loops


def test_mp4(part, tmp_path):
    part("av")
    import av

    latent.write_movie(tmp_path / "a.mp4", movie(channels=3))
    with av.open(io.BytesIO((tmp_path / "a.mp4").read_bytes())) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert float(container.streams.video[0].average_rate) == 12
    assert [one.shape for one in shown] == [(16, 16, 3)] * 7


def test_a_folder_of_frames(part, tmp_path):
    part("PIL")
    from PIL import Image

    latent.write_movie(tmp_path / "frames", movie(3))
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert names == ["0000.png", "0001.png", "0002.png"]
    with Image.open(tmp_path / "frames/0002.png") as image:
        np.testing.assert_array_equal(np.asarray(image), frames(3)[2][..., 0])
    with pytest.raises(RequestError, match="holds frames already"):
        latent.write_movie(tmp_path / "frames", movie(3))


def test_files_that_cannot_be_leave_nothing(tmp_path):
    with pytest.raises(RequestError, match=r"ends in \.avi; animations are \.gif, \.apng"):
        latent.write_movie(tmp_path / "a.avi", movie())
    with pytest.raises(RequestError, match="at most 50 frames a second"):
        latent.write_movie(tmp_path / "a.gif", movie(fps=60))
    for wrong in (frames(2) + frames(1, 3), frames(1)):
        with pytest.raises(RequestError, match=r"a frame is|there were 1 frames"):
            latent.write_movie(tmp_path / "a.apng", latent.Movie(iter(wrong), 3))
    with pytest.raises(RequestError, match="fps"):
        movie(fps=0)
    assert not list(tmp_path.iterdir())


def test_a_screen_holds_all_tiles():
    screen = latent.Screen.of(5, (4, 6, 1), columns=3, scale=2)
    tiles = np.arange(1, 6, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 6, 1), np.uint8)
    frame = screen.frame(tiles)
    assert frame.shape == (20, 44, 1)
    assert set(np.unique(frame)) == {1, 2, 3, 4, 5, 255}
    with pytest.raises(RequestError, match="too large"):
        latent.Screen.of(400, (256, 256, 3), scale=8)
