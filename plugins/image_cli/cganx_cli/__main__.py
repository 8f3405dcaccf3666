"""The ``cganx`` command; ``python -m cganx_cli`` is the same program."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code: 0 done, 1 failed, 2 called wrongly, 130 interrupted."""
    try:
        from cganx_cli.group import cganx
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write('Error: the cganx command needs click, which is not installed: pip install "cganx[cli]"\n')
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    cganx(prog_name="cganx")


if __name__ == "__main__":
    main()
