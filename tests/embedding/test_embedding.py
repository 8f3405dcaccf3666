"""docs/embedding.md: its code, run as it stands there, makes the latents and the pixels of the runtime."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cganx import runtime
from cganx.runtime import latents

DOCS = Path(__file__).parents[2] / "docs"
SEEDS = [0, 1, 7, 2**32 - 1, 2**32, 2**53 + 1, 2**63, 2**64 - 1, *(number * 0x123456789ABCDEF for number in range(2, 130))]
SIZE = 101  # three values of the last block are dropped
Pixels = NDArray[np.uint8]


def assert_same_latents(made: list[list[str]], seeds: list[int], size: int) -> None:
    """Equal as float32, save about one value in 10^8 by one unit in the last place: of these none or one."""
    wanted = latents.normal(np.array(seeds, np.uint64), size)
    values = np.array([[int(bits, 16) for bits in row] for row in made], np.uint32).view(np.float32)
    assert values.shape == wanted.shape
    np.testing.assert_array_max_ulp(values, wanted, maxulp=1)
    assert np.count_nonzero(values != wanted) <= 1


def assert_same_pixels(made: Pixels, wanted: Pixels) -> None:
    """At most one level apart in 99.9 % of the values, which is what is promised between machines."""
    assert made.shape == wanted.shape
    apart = np.abs(made.astype(int) - wanted)
    assert np.count_nonzero(apart > 1) <= apart.size // 1000
    assert apart.max() <= 8, "far apart is another picture"


def test_latents_in_javascript(node: Callable[[str], str]) -> None:
    code = """
    import { latent } from "./latent.mjs";
    const hex = (values) => Array.from(new Uint32Array(values.buffer), (bits) => bits.toString(16));
    const seeds = JSON.parse(%s).map(BigInt);
    console.log(JSON.stringify({ big: seeds.map((seed) => hex(latent(seed, %d))), number: hex(latent(7, 5)) }));
    """
    made = json.loads(node(code % (json.dumps(json.dumps([str(seed) for seed in SEEDS])), SIZE)))
    assert_same_latents(made["big"], SEEDS, SIZE)
    assert_same_latents([made["number"]], [7], 5)


def test_the_published_vectors_in_javascript(node: Callable[[str], str]) -> None:
    plain = {"distribution": "normal", "stream": 0, "truncation": None}
    vectors = json.loads((DOCS / "latent-vectors.json").read_text("utf-8"))["latents"]
    vectors = [one for one in vectors if plain.items() <= one.items()]
    assert len(vectors) >= 3
    asked = [{"seed": str(one["seed"]), "size": one["size"]} for one in vectors]
    code = """
    import { latent } from "./latent.mjs";
    console.log(JSON.stringify(%s.map(({ seed, size }) => Array.from(latent(BigInt(seed), size)))));
    """
    for made, one in zip(json.loads(node(code % json.dumps(asked))), vectors, strict=True):
        wanted = np.array([float.fromhex(text) for text in one["values"]], np.float32)
        np.testing.assert_array_max_ulp(np.array(made, np.float32), wanted, maxulp=1)


@pytest.mark.parametrize("package", ["onnxruntime-node", "onnxruntime-web"])
@pytest.mark.parametrize("name", ["fashion", "emoji"])
def test_pictures_in_javascript(node: Callable[[str], str], documented: Path, part, package: str, name: str) -> None:
    part("onnxruntime")
    page = (documented / "picture.mjs").read_text("utf-8")
    assert page.count('from "onnxruntime-node"') == 1
    (documented / "picture.mjs").write_text(page.replace('from "onnxruntime-node"', f'from "{package}"'), "utf-8")
    path = shutil.copy(runtime.bundled()[name], documented / "model.onnx")
    generator = runtime.load(path, "cpu")
    (documented / "model.onnx.json").write_text(generator.card.to_json(), "utf-8")

    seeds = [0, 7, 2**64 - 1]
    code = """
    import { load, picture } from "./picture.mjs";
    const generator = await load("model.onnx");
    const made = [];
    for (const name of generator.card.classes)
      for (const seed of %s) {
        const pixels = await picture(generator, name, seed);
        made.push({ type: pixels.type, dims: pixels.dims, data: Buffer.from(pixels.data).toString("hex") });
      }
    console.log(JSON.stringify(made));
    """
    made = json.loads(node(code % f"[{', '.join(f'{seed}n' for seed in seeds)}]"))
    labels = [label for label in generator.card.classes for _ in seeds]
    wanted = np.asarray(generator.generate(labels, seeds * len(generator.card.classes)))
    assert {one["type"] for one in made} == {"uint8"}
    assert all(one["dims"] == [1, *generator.picture_shape] for one in made)
    pixels = np.frombuffer(bytes.fromhex("".join(one["data"] for one in made)), np.uint8)
    assert_same_pixels(pixels.reshape(-1, *generator.picture_shape), wanted)


PROGRAMS = {
    "c++": (
        "test.cpp",
        """
        #include <cstdio>
        #include <cstring>
        #include "latent.hpp"
        int main() {
          for (std::uint64_t seed : {SEEDS}) {
            for (float value : latent(seed, SIZE)) {
              std::uint32_t bits;
              std::memcpy(&bits, &value, 4);
              std::printf("%x ", bits);
            }
            std::printf("\\n");
          }
        }
        """,
        "ull",
        ("-std=c++17", "-Wall", "-Wextra", "-Werror"),
    ),
    "rustc": (
        "test.rs",
        """
        mod latent;
        fn main() {
            for seed in [SEEDS] {
                for value in latent::latent(seed, SIZE) {
                    print!("{:x} ", value.to_bits());
                }
                println!();
            }
        }
        """,
        "u64",
        ("--edition", "2021", "-D", "warnings"),
    ),
}


@pytest.mark.parametrize("compiler", PROGRAMS)
def test_latents_in_compiled_languages(compiled: Callable[..., str], documented: Path, compiler: str) -> None:
    source, program, suffix, options = PROGRAMS[compiler]
    seeds = ", ".join(f"{seed}{suffix}" for seed in SEEDS)
    (documented / source).write_text(program.replace("SEEDS", seeds).replace("SIZE", str(SIZE)), "utf-8")
    made = [line.split() for line in compiled(compiler, source, *options).splitlines()]
    assert_same_latents(made, SEEDS, SIZE)


@pytest.mark.usefixtures("node")
def test_the_cplusplus_program_makes_the_runtimes_picture(compiled: Callable[..., str], documented: Path) -> None:
    """With the library that onnxruntime-node brings. Debian 12 has no package of the headers; 13's libonnxruntime-dev does."""
    include = Path(os.environ.get("CGANX_ONNXRUNTIME_INCLUDE", "/usr/include/onnxruntime"))
    if not (include / "onnxruntime_cxx_api.h").is_file():
        pytest.skip(
            "onnxruntime's C++ headers are not here: apt-get install libonnxruntime-dev, or CGANX_ONNXRUNTIME_INCLUDE=DIR"
        )
    machine = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
    (library,) = (documented / "node_modules" / "onnxruntime-node").glob(f"bin/*/linux/{machine}/libonnxruntime.so.1")
    shutil.copy(runtime.bundled()["fashion"], documented / "fashion.onnx")
    program = (documented / "picture.cpp").read_text("utf-8")
    shown = program.replace("// [1, 28, 28, 1]\n", '\n  for (int i = 0; i < 784; ++i) std::printf("%d ", pixels[i]);\n')
    (documented / "test.cpp").write_text("#include <cstdio>\n" + shown, "utf-8")
    options = ("-std=c++17", f"-I{include}", os.fspath(library), f"-Wl,-rpath,{library.parent}")
    made = np.array(compiled("c++", "test.cpp", *options).split(), np.uint8)
    assert_same_pixels(made.reshape(1, 28, 28, 1), np.asarray(runtime.load("fashion", "cpu").generate("Sneaker", 7)))


def test_the_page_speaks_of_the_bundled_file() -> None:
    """The sizes and the class's place that its C++ has in numbers."""
    card = runtime.read(runtime.bundled()["fashion"]).card
    assert card.latent is not None
    assert (len(card.classes), card.latent.size, card.classes.index("Sneaker")) == (10, 64, 7)
    page = (DOCS / "embedding.md").read_text("utf-8")
    assert "point = latent(7, 64), label(10);\n  label[7] = 1;  // Sneaker" in page
