"""How far made pictures are from wanted ones, and what smooths them: pure functions, means over all values.

Pictures are [n, c, h, w] in -1..1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "absolute_error",
    "content",
    "edge_smoothed",
    "perceptual_distance",
    "squared_error",
    "total_variation",
]

RED_GREEN_BLUE = (0.299, 0.587, 0.114)  # the luma of ITU-R BT.601, as OpenCV's grey
SPREAD, NEAR = 1.1, 5  # OpenCV's own spread for a Gaussian of 5 x 5


def absolute_error(made: Tensor, wanted: Tensor) -> Tensor:
    """mean |made - wanted| (Isola et al. 2017, equation 3; Zhu et al. 2017, equation 2)."""
    return (made - wanted).abs().mean()


def squared_error(made: Tensor, wanted: Tensor) -> Tensor:
    """mean (made - wanted)^2 (Ledig et al. 2017, equation 4; Pathak et al. 2016, equation 1)."""
    return (made - wanted).square().mean()


def total_variation(image: Tensor) -> Tensor:
    """mean |x_i+1,j - x_i,j| + mean |x_i,j+1 - x_i,j|, anisotropic (Rudin et al. 1992; Johnson et al. 2016, section 3.2)."""
    down = (image[:, :, 1:] - image[:, :, :-1]).abs().mean()
    return down + (image[..., 1:] - image[..., :-1]).abs().mean()


def content(
    features: Callable[[Tensor], Tensor],
    made: Tensor,
    wanted: Tensor,
    error: Callable[[Tensor, Tensor], Tensor] = absolute_error,
) -> Tensor:
    """``error`` between the feature maps of made and wanted pictures; gradients reach the made ones alone.

    With absolute errors the content loss of Chen et al. 2018 (equation 4), with squared ones that of Ledig et al. 2017
    (equation 5).
    """
    with torch.no_grad():
        target = features(wanted)
    return error(features(made), target)


def perceptual_distance(maps: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    """Distances [n] of feature maps [n, c, h, w], stage by stage: the mean over places of |f / |f| - g / |g||^2, summed.

    Zhang et al. 2018, equation 1, with all weights 1: it is like LPIPS, and not LPIPS.
    """
    stages = zip(maps, others, strict=True)
    distances = [(_unit(one) - _unit(other)).square().sum(dim=1).mean(dim=(1, 2)) for one, other in stages]
    return torch.stack(distances).sum(dim=0)


def _unit(maps: Tensor) -> Tensor:
    return F.normalize(maps, dim=1, eps=1e-6)


def edge_smoothed(image: Tensor, threshold: float = 200.0) -> Tensor:
    """The pictures blurred around their edges and left as they are elsewhere (Chen et al. 2018, section 3.2.1).

    An edge is where Sobel's |dx| + |dy| of the grey picture exceeds ``threshold`` levels; it is widened to 5 x 5 and blurred by
    a Gaussian of 5 x 5. That is Canny's measure and upper threshold in the original, without its thinning and its following
    of weaker edges, which the widening nearly undoes.
    """
    # Canny works on levels 0..255, half of which is one of -1..1
    edges = (_slope(_grey(image)) > threshold / 127.5).to(image.dtype)
    near = F.max_pool2d(edges, NEAR, stride=1, padding=NEAR // 2)
    return torch.where(near > 0, _blurred(image), image)


def _grey(image: Tensor) -> Tensor:
    if image.shape[1] == 1:
        return image
    return (image * image.new_tensor(RED_GREEN_BLUE)[:, None, None]).sum(dim=1, keepdim=True)


def _slope(grey: Tensor) -> Tensor:
    """[n, 1, h, w] -> |dx| + |dy| by Sobel, the edge rows and columns repeated outside."""
    across = grey.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    slopes = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), torch.stack([across, across.T])[:, None])
    return slopes.abs().sum(dim=1, keepdim=True)


def _blurred(image: Tensor) -> Tensor:
    offsets = torch.arange(NEAR, device=image.device, dtype=image.dtype) - NEAR // 2
    line = torch.exp(-offsets.square() / (2 * SPREAD**2))
    line = line / line.sum()
    kernel = torch.outer(line, line).expand(image.shape[1], 1, NEAR, NEAR)
    padded = F.pad(image, (NEAR // 2,) * 4, mode="reflect")
    return F.conv2d(padded, kernel, groups=image.shape[1])
