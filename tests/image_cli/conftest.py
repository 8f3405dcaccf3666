"""What the command line's tests share."""

from __future__ import annotations

import pytest


@pytest.fixture
def run():
    """Calls the command with these words, in this process."""
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    return lambda *args: CliRunner().invoke(cganx, [str(one) for one in args], prog_name="cganx")
