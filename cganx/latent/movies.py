"""Animations of frames that come one at a time: GIF, APNG, WebP, MP4, or a folder of PNG files.

What is written is chosen by the file's ending. Frames are compressed as they come, so the length of an animation costs no
memory, save that libwebp keeps its compressed frames to the end. Pillow and PyAV are imported when they are needed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, sqrt
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from cganx.errors import BackendMissing, RequestError
from cganx.whole_file import whole_file

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["FORMATS", "Movie", "Screen", "columns_for", "require_writable", "write_movie"]

MOST_FPS = 100
GIF_FPS = 50  # browsers slow down what is faster
MOST_PIXELS = 1 << 25  # of one frame
GAP = 2  # between tiles, before they are enlarged
PAPER = 255
SIDE = 448  # a frame of few tiles is enlarged to about this
TILE_SIDE = 56  # and of many to about this a tile


@dataclass(frozen=True, eq=False)
class Movie:
    """Frames uint8 [height, width, 1 or 3], ``count`` of them, all of one size, shown ``fps`` a second.

    loop: shown for ever; else once, where the format can say so. about: texts that are kept in the file.
    """

    frames: Iterable[NDArray[np.uint8]] = field(repr=False)
    count: int
    fps: int = 24
    loop: bool = True
    about: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.fps, int) or not 1 <= self.fps <= MOST_FPS:
            raise RequestError(f"fps is {self.fps!r}; it is a whole number of 1 to {MOST_FPS}")
        if self.count < 1:
            raise RequestError("an animation needs at least one frame")

    def each(self) -> Iterator[NDArray[np.uint8]]:
        """The frames, held to what was said of them."""
        shape, number = None, 0
        for frame in self.frames:
            if (
                frame.dtype != np.uint8
                or frame.ndim != 3
                or frame.shape[2] not in (1, 3)
                or frame.shape != (shape or frame.shape)
            ):
                raise RequestError(
                    f"a frame is {frame.dtype} {list(frame.shape)}, not uint8 [height, width, 1 or 3] as the first"
                )
            shape, number = frame.shape, number + 1
            yield frame
        if number != self.count:
            raise RequestError(f"there were {number} frames, not the {self.count} that the animation was said to have")

    def durations(self, second: int) -> list[int]:
        """Of each frame, in parts of a second, rounded so that the whole is right."""
        ends = [round(frame * second / self.fps) for frame in range(self.count + 1)]
        return [end - start for start, end in pairwise(ends)]

    @property
    def comment(self) -> str:
        """``about`` as one line."""
        return "; ".join(f"{name}={text}" for name, text in self.about.items())


@dataclass(frozen=True)
class Screen:
    """How the tiles of a frame lie: ``columns`` side by side, pixels repeated ``scale`` times."""

    columns: int
    scale: int

    @classmethod
    def of(
        cls, tiles: int, picture_shape: tuple[int, int, int], *, columns: int | None = None, scale: int | None = None
    ) -> Screen:
        """Columns and scale where they are not given: nearly square, and small pictures enlarged."""
        across = columns or columns_for(tiles)
        height, width, _ = picture_shape
        usual = max(1, round(max(TILE_SIDE, SIDE // max(across, ceil(tiles / across))) / sqrt(height * width)))
        screen = cls(across, usual if scale is None else scale)
        if screen.columns < 1 or screen.scale < 1:
            raise RequestError(f"columns and scale are at least 1, not {screen.columns} and {screen.scale}")
        rows = ceil(tiles / across)
        if rows * height * across * width * screen.scale**2 > MOST_PIXELS:
            raise RequestError(
                f"a frame of {tiles} tiles at scale {screen.scale} is too large; take fewer tiles or a smaller scale"
            )
        return screen

    def frame(self, tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 [tiles, height, width, channels] -> [height, width, channels] of the whole frame."""
        count, height, width, channels = tiles.shape
        rows = ceil(count / self.columns)
        gap = GAP if count > 1 else 0
        paper = np.full((rows * (height + gap) - gap, self.columns * (width + gap) - gap, channels), PAPER, np.uint8)
        for number, tile in enumerate(tiles):
            top, left = (number // self.columns) * (height + gap), (number % self.columns) * (width + gap)
            paper[top : top + height, left : left + width] = tile
        return paper.repeat(self.scale, axis=0).repeat(self.scale, axis=1)


def columns_for(tiles: int) -> int:
    """Columns for so many tiles: those that leave no hole where the frame is not too wide, else nearly as many as rows."""
    least = ceil(sqrt(tiles))
    return next((columns for columns in range(least, 2 * least + 1) if tiles % columns == 0), least)


def write_movie(path: str | Path, movie: Movie) -> None:
    """Write an animation as ``path`` ends, whole or not at all; where it has no ending, a folder of numbered PNG files.

    Raises RequestError for an ending that is none of FORMATS, BackendMissing without Pillow or, for MP4, PyAV; OSError.
    """
    path = Path(path)
    require_writable(path, movie.fps)
    write = FORMATS.get(path.suffix.lower())
    if write is None:
        _write_folder(path, movie)
        return
    with whole_file(path, durable=False) as file:
        write(file, movie)


def require_writable(path: Path, fps: int) -> None:
    """Raise what :func:`write_movie` would raise for this path before the first frame."""
    ending = path.suffix.lower()
    if ending and ending not in FORMATS:
        raise RequestError(
            f"{path.name} ends in {ending}; animations are {', '.join(FORMATS)}, or a folder: a name without ending"
        )
    if ending == ".gif" and fps > GIF_FPS:
        raise RequestError(f"GIF shows at most {GIF_FPS} frames a second, not {fps}: take fewer, or .apng, .webp or .mp4")
    if ending == ".mp4":
        _av()
    elif ending != ".apng":
        _pillow()
    if not ending and path.is_dir() and any(path.glob("[0-9]*.png")):
        raise RequestError(f"{path} holds frames already: name another folder, or empty this one")


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise BackendMissing('animations need Pillow, which is not installed: pip install "cganx[cli]"') from None
    return Image


def _av() -> Any:
    try:
        import av
    except ImportError:
        raise BackendMissing(
            'MP4 needs PyAV, which is not installed: pip install "cganx[video]". Or write .webp, .apng or .gif'
        ) from None
    return av


def _image(frame: NDArray[np.uint8]) -> Image.Image:
    from PIL import Image

    return Image.fromarray(frame[:, :, 0] if frame.shape[2] == 1 else frame)


def _write_folder(folder: Path, movie: Movie) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    digits = max(4, len(str(movie.count - 1)))
    for number, frame in enumerate(movie.each()):
        with whole_file(folder / f"{number:0{digits}}.png", durable=False) as file:
            _image(frame).save(file, format="PNG")


def _write_gif(file: BinaryIO, movie: Movie) -> None:
    """Grey levels as they are; colours by a palette of 256 for each frame. Pillow's own writer would hold all frames."""
    from PIL import GifImagePlugin, Image

    first = True
    for frame, hundredths in zip(movie.each(), movie.durations(100), strict=False):
        grey = frame.shape[2] == 1
        image = _image(frame) if grey else _image(frame).quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        if first:
            about = {"optimize": False, "comment": movie.comment.encode()[:MOST_COMMENT]} | ({"loop": 0} if movie.loop else {})
            parts, _ = GifImagePlugin.getheader(image.copy(), info={key: one for key, one in about.items() if one != b""})
            file.write(b"".join(parts))
            first = False
        for part in GifImagePlugin.getdata(image, duration=10 * hundredths, include_color_table=not grey):
            file.write(part)
    file.write(b";")


MOST_COMMENT = 4000


def _write_apng(file: BinaryIO, movie: Movie) -> None:
    """Source: PNG, third edition (W3C 2025), sections 5 and 11.3.2.1 to 11.3.2.3. Rows are filtered by the one above."""
    sequence = 0

    def chunk(kind: bytes, data: bytes) -> None:
        file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))

    file.write(b"\x89PNG\r\n\x1a\n")
    for number, frame in enumerate(movie.each()):
        height, width, channels = frame.shape
        if not number:
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0))
            for name, text in movie.about.items():
                chunk(b"iTXt", name.encode("latin-1") + b"\0\0\0\0\0" + text.encode())
            chunk(b"acTL", struct.pack(">II", movie.count, 0 if movie.loop else 1))
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, width, height, 0, 0, 1, movie.fps, 0, 0))
        rows = frame.reshape(height, width * channels)
        up = np.concatenate([rows[:1], rows[1:] - rows[:-1]])  # modulo 256; enlarged pictures repeat rows: zeros
        data = zlib.compress(np.insert(up, 0, 2, axis=1).tobytes(), 6)
        if number:
            chunk(b"fdAT", struct.pack(">I", sequence + 1) + data)
        else:
            chunk(b"IDAT", data)
        sequence += 2 if number else 1
    chunk(b"IEND", b"")


def _write_webp(file: BinaryIO, movie: Movie) -> None:
    """Lossless. Pillow asks a picture of several frames for one after the other, so none is kept."""
    from PIL import Image

    frames = movie.each()
    first = next(frames)

    class Lazy(Image.Image):
        """The frames as one picture that is read forwards, as Pillow's writer does."""

        n_frames = movie.count
        place = 0

        def seek(self, frame: int) -> None:
            if frame != self.place and frame:  # the writer goes back to 0 in the end, and reads nothing there
                self.im = _image(next(frames)).convert("RGB").im
                self.place = frame

        def tell(self) -> int:
            return 0

    lazy = Lazy()
    start = _image(first).convert("RGB")
    lazy.im, lazy._mode, lazy._size = start.im, start.mode, start.size
    exif = Image.Exif()
    if movie.about:
        exif[IMAGE_DESCRIPTION] = movie.comment
    lazy.save(
        file,
        format="WEBP",
        save_all=True,
        duration=movie.durations(1000),
        loop=0 if movie.loop else 1,
        lossless=True,
        exif=exif,
    )
    for _ in frames:  # so that a frame too many is noticed
        pass


IMAGE_DESCRIPTION = 270


def _write_mp4(file: BinaryIO, movie: Movie) -> None:
    """H.264, 4:2:0, which every browser and player shows; an odd side is made even by repeating its last row."""
    av = _av()
    frames = movie.each()
    with av.open(file, "w", format="mp4") as container:
        if movie.about:
            container.metadata["comment"] = movie.comment
        stream = container.add_stream("libx264", rate=movie.fps, options={"crf": "16", "preset": "medium"})
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(frames):
            even = np.pad(frame, [(0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)], mode="edge")
            if not number:
                stream.height, stream.width = even.shape[:2]
            shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(even.repeat(3 // even.shape[2], axis=2)), format="rgb24")
            container.mux(stream.encode(shown))
        container.mux(stream.encode())


FORMATS: Mapping[str, Callable[[BinaryIO, Movie], None]] = MappingProxyType(
    {".gif": _write_gif, ".apng": _write_apng, ".png": _write_apng, ".webp": _write_webp, ".mp4": _write_mp4}
)
"""Ending -> what writes it; .png is an animated PNG too."""
