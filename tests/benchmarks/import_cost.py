"""What imports cost a host: processor time that ``import cganx.runtime`` adds to ``import numpy``, and the command's start.

Fresh processes in alternation, in an environment with the built wheel.
"""

from __future__ import annotations

import os
from argparse import Namespace
from functools import partial

from report import Figure, Target, main
from side_by_side import Spread, alternate, fresh
from subjects import installed, say, users_environment


def measure(arguments: Namespace) -> list[Figure]:
    python, environment, pairs = installed(), users_environment(), arguments.pairs

    def costs(base: list[str], ours: list[str]) -> list[tuple[float, float]]:
        for command in (base, ours):
            fresh(command, environment)
        taken = alternate(partial(fresh, base, environment), partial(fresh, ours, environment), pairs)
        return [(first.cpu, second.cpu) for first, second in taken]

    run = [os.fspath(python), "-c"]
    say(f"import cganx.runtime: {pairs} pairs of fresh processes ...")
    taken = costs([*run, "import numpy"], [*run, "import numpy; import cganx.runtime"])
    added = Spread.of([1000 * (second - first) for first, second in taken])
    figures = [
        Figure(
            "import cganx.runtime adds to import numpy",
            added.median,
            unit="ms",
            spread=added,
            target=Target("<=", 15),
            note="processor time",
        )
    ]
    for option in ("--version", "--help"):
        say(f"cganx {option}: {pairs} pairs of fresh processes ...")
        taken = costs([*run, "import click"], [os.fspath(python), "-m", "cganx_cli", option])
        ratio = Spread.of([second / first for first, second in taken])
        measure_ = f'cganx {option} / python -c "import click"'
        figures.append(Figure(measure_, ratio.median, spread=ratio, target=Target("<=", 1.5), note="processor time"))
    return figures


if __name__ == "__main__":
    main(__doc__ or "", measure, ("--pairs", 20, "pairs of fresh processes"))
