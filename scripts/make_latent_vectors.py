"""Write the test vectors of the latents: ``python scripts/make_latent_vectors.py``. Other hosts are held to them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cganx.runtime import latents

CASES = [
    ("normal", 0, 8, 0, None),
    ("normal", 1, 5, 0, None),
    ("normal", 7, 64, 0, None),
    ("normal", 2**32, 4, 0, None),
    ("normal", 2**64 - 1, 6, 0, None),
    ("normal", 7, 8, 1, None),
    ("normal", 7, 8, 0, 0.5),
    ("normal", 123456789, 8, 0, 0.1),
    ("uniform", 0, 8, 0, None),
    ("uniform", 987654321987654321, 5, 0, None),
]
WORDS = [
    (["0", "0", "0", "0"], ["0", "0"], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    (["ffffffff"] * 4, ["ffffffff"] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        ["243f6a88", "85a308d3", "13198a2e", "03707344"],
        ["a4093822", "299f31d0"],
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def vectors() -> dict[str, object]:
    """Philox's own vectors, and latents as hexadecimal floats."""
    drawn = []
    for distribution, seed, size, stream, truncation in CASES:
        seeds = np.array([seed], np.uint64)
        if distribution == "uniform":
            values = latents.uniform(seeds, size, stream=stream)[0]
        else:
            bound = None if truncation is None else np.array([truncation])
            values = latents.normal(seeds, size, stream=stream, truncation=bound)[0]
        drawn.append(
            {
                "distribution": distribution,
                "seed": str(seed),
                "size": size,
                "stream": stream,
                "truncation": truncation,
                "values": [float(value).hex() for value in values],
            }
        )
    words = [{"counter": counter, "key": key, "words": text.split()} for counter, key, text in WORDS]
    return {"words": words, "latents": drawn}


if __name__ == "__main__":
    out = Path(__file__).parent.parent / "docs" / "latent-vectors.json"
    out.write_text(json.dumps(vectors(), indent=1) + "\n")
    print(out.name)
