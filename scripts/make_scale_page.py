"""Write the tables of docs/scale.md from measured rates, so that the page's numbers can be made again.

    python tests/benchmarks/scale_rates.py     # measures docs/scale-rates.json
    python scripts/make_scale_page.py [--check]

With --check nothing is written; the exit code is 1 where the page is not what this script would write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "scale.md"

PICTURES = 10**8
CORES = (10, 100, 1000)
SHARD = 5000  # pictures
# What others ask or allow, as they publish it; see the page.
CORE_HOUR = 0.04  # dollars
MONTH = 0.023  # dollars for a GB of an object store
PUTS = 0.005  # dollars for a thousand
PUTS_A_SECOND = 3500  # into one prefix
NETWORK = 10e9 / 8  # bytes a second of a machine
MACHINE = 32  # cores
H200 = (4.9, 21.7)  # times as fast as the 16 cores beside it, two generators at batches of 64 to 1,024: docs/runtime.md


@dataclass(frozen=True)
class Rates:
    """What was measured: pictures a core-second of each part, bytes a picture, seconds a shard."""

    session: float
    encoding: float
    command: float
    files: float
    webdataset: float
    parquet: float
    shard_seconds: float
    ray_seconds: float
    machine: str

    @classmethod
    def read(cls, path: Path) -> Rates:
        """From what scale_rates.py wrote."""
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            **found["pictures_a_core_second"],
            **found["bytes"],
            shard_seconds=found["shard_seconds"],
            ray_seconds=found["ray_seconds"],
            machine=found["machine"],
        )

    @property
    def core(self) -> float:
        """Pictures a second of a core that makes shards, the shards' own cost included."""
        return 1 / (1 / self.command + self.shard_seconds / SHARD)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown."""
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def span(seconds: float) -> str:
    """Seconds as people say them."""
    for name, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} seconds"


def measured(rates: Rates) -> str:
    """The rates themselves."""
    return table(
        ("64 px, colour, one core", "measured"),
        (
            ("session alone", f"{rates.session:,.0f} pictures/s"),
            ("PNG and shard alone", f"{rates.encoding:,.0f} pictures/s"),
            ("both, as the command does it", f"{rates.command:,.0f} pictures/s"),
            (
                "a picture as a PNG file / in a tar / in Parquet",
                f"{rates.files:,.0f} / {rates.webdataset:,.0f} / {rates.parquet:,.0f} bytes",
            ),
            ("a shard, beside its pictures", f"{1000 * rates.shard_seconds:.1f} ms"),
            ("to hand a shard to a worker of Ray's", f"{1000 * rates.ray_seconds:.1f} ms of the command's own core"),
        ),
    )


def by_cores(rates: Rates) -> str:
    """Time, and what flows meanwhile."""
    rows = []
    for cores in CORES:
        rate = cores * rates.core
        rows.append(
            (
                f"{cores:,} ({-(-cores // MACHINE)} x {MACHINE if cores >= MACHINE else cores})",
                span(PICTURES / rate),
                f"{rate:,.0f}",
                f"{rate * rates.webdataset / 1e6:,.0f} / {rate * rates.parquet / 1e6:,.0f} MB/s",
                f"{rate / SHARD:.2g}",
                f"{100 * rate / SHARD * rates.ray_seconds:.2g} %",
            )
        )
    return table(
        (
            "cores (machines x cores)",
            "time",
            "pictures/s",
            "tars / Parquet written",
            "shards/s",
            "of one core, to hand them out",
        ),
        rows,
    )


def storage(rates: Rates) -> str:
    """What the set weighs and costs."""
    rows = []
    for form, size, puts in (
        ("a file each", rates.files, PICTURES),
        ("tars", rates.webdataset, PICTURES / SHARD * parts(SHARD * rates.webdataset)),
        ("Parquet", rates.parquet, PICTURES / SHARD * parts(SHARD * rates.parquet)),
    ):
        total = PICTURES * size
        rows.append(
            (form, f"{total / 1e12:.2f} TB", f"${total / 1e9 * MONTH:,.0f}", f"{puts:,.0f}", f"${puts / 1000 * PUTS:,.2f}")
        )
    return table((f"{PICTURES:.0e} pictures".replace("1e+08", "10^8"), "size", "a month", "requests", "once"), rows)


def parts(size: float) -> int:
    """Requests of a multipart upload in blocks of 16 MiB: begin, each part, complete."""
    return 2 + -int(-size // (16 * 2**20))


def limits(rates: Rates) -> str:
    """At how many cores each thing is full."""
    per_core = rates.core
    return table(
        ("what", "is full at", "so that"),
        (
            (
                "the core itself",
                "always",
                f"{100 * rates.command / rates.session:.0f} % of its time is the session, the rest PNG and writing",
            ),
            (
                "a machine's network of 10 Gbit/s, tars to a URL",
                f"{NETWORK / (per_core * rates.webdataset):,.0f} cores in one machine",
                "it never is, on CPUs",
            ),
            (
                f"an object store's {PUTS_A_SECOND:,} puts a second into one prefix, a file each",
                f"{PUTS_A_SECOND / per_core:,.0f} cores",
                "a set of single files stops growing faster there; Ray writes shards only",
            ),
            (
                "the same, shards",
                f"{PUTS_A_SECOND / (per_core / SHARD * parts(SHARD * rates.webdataset)):,.0f} cores",
                "shards are far from it",
            ),
            (
                "the process that hands shards out on Ray",
                f"{SHARD / rates.ray_seconds / per_core:,.0f} cores",
                "larger shards move it further out",
            ),
        ),
    )


def gpus(rates: Rates) -> str:
    """A GPU's pictures must be encoded by the cores beside it."""
    rows = [
        (
            f"{cores}",
            f"{cores * rates.encoding:,.0f}",
            span(PICTURES / (cores * rates.encoding)),
            span(PICTURES / (8 * cores * rates.encoding)),
        )
        for cores in (2, 4, 8)
    ]
    return table(("cores beside a GPU", "pictures/s that they encode", "10^8 on one GPU, at least", "on eight such"), rows)


def one_gpu(rates: Rates) -> str:
    """A sentence on a GPU that was measured with other generators."""
    slow, fast = (times * 16 * rates.session for times in H200)
    return (
        f"An H200 ran two generators of 28 px {H200[0]} to {H200[1]} times as fast as 16 cores "
        "([runtime.md](runtime.md)). Were it so\n"
        f"for this one and 16 cores as above, it would make {slow:,.0f} to {fast:,.0f} pictures a second, 10^8 in\n"
        f"{span(PICTURES / slow)} to {span(PICTURES / fast)}, and would need {slow / rates.encoding:.0f} to "
        f"{fast / rates.encoding:.0f} cores to encode them, where one process keeps eight busy."
    )


def cost(rates: Rates) -> str:
    """A sentence on the cores' price."""
    hours = PICTURES / rates.core / 3600
    return f"{hours:,.0f} core-hours whatever their number, ${hours * CORE_HOUR:,.2f} at ${CORE_HOUR} each."


SECTIONS = {
    "measured": measured,
    "cores": by_cores,
    "cost": cost,
    "storage": storage,
    "limits": limits,
    "gpus": gpus,
    "one_gpu": one_gpu,
}


def filled(page: str, rates: Rates) -> str:
    """The page with each table between its marks."""
    for name, section in SECTIONS.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, found, rest = page.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise SystemExit(f"the page has no place for {name}")
        page = f"{before}{start}{section(rates)}\n{end}{after}"
    return page


def main() -> None:
    """Write, or check."""
    page = PAGE.read_text(encoding="utf-8")
    made = filled(page, Rates.read(DOCS / "scale-rates.json"))
    if "--check" in sys.argv[1:]:
        sys.exit(made != page)
    PAGE.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
