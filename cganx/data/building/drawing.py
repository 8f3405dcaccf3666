"""Pictures in the middle of a flat square."""

from __future__ import annotations

import importlib.util
import io
import math
from typing import TYPE_CHECKING

from cganx.data.picture import Unusable
from cganx.errors import BackendMissing

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["centred", "need_renderer", "on_white", "rendered"]

SEEN = 8
"""How far a pixel has to be from the background to count as part of the subject."""


def on_white(image: Image) -> Image:
    """RGB, on white where it is transparent."""
    from PIL import Image

    picture = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def need_renderer() -> None:
    """Raises BackendMissing where SVG cannot be drawn."""
    if importlib.util.find_spec("resvg_py") is None:
        raise BackendMissing("emoji are drawn with the package resvg-py: pip install resvg-py")


def rendered(svg: str, width: int) -> Image:
    """An SVG picture as RGB on white. Raises Unusable."""
    import resvg_py
    from PIL import Image

    try:
        png = resvg_py.svg_to_bytes(svg_string=svg, width=width)
    except ValueError as error:
        raise Unusable(f"its SVG cannot be drawn ({error})") from error
    with Image.open(io.BytesIO(bytes(png)), formats=("PNG",)) as image:
        return on_white(image)


def centred(image: Image, side: int, share: float) -> Image:
    """What is not background in the middle of a square of ``side`` pixels; its longer side takes ``share`` of that.

    An L picture is on black, an RGB one on white. Raises Unusable where nothing is to be seen.
    """
    from PIL import Image, ImageChops

    ground = "black" if image.mode == "L" else "white"
    difference = ImageChops.difference(image, Image.new(image.mode, image.size, ground))
    box = difference.convert("L").point([0] * SEEN + [255] * (256 - SEEN)).getbbox()
    if box is None:
        raise Unusable("there is nothing to see on it")
    subject = image.crop(box)
    whole = max(subject.size) / share
    square = Image.new(image.mode, (math.ceil(whole), math.ceil(whole)), ground)
    square.paste(subject, ((square.width - subject.width) // 2, (square.height - subject.height) // 2))
    return square.resize((side, side), Image.Resampling.HAMMING, reducing_gap=3)
