"""Export one of the generators beside this file: python export_one.py NAME OUT. Prints what it measured as JSON."""

from __future__ import annotations

import importlib
import json
import sys

from cganx_export import Convention, export

if __name__ == "__main__":
    name, out = sys.argv[1:]
    foreign = importlib.import_module(name)
    report = export(
        foreign.generator(), foreign.card(), out, convention=getattr(foreign, "CONVENTION", Convention()), rewrite=False
    )
    measured = {"bytes": report.bytes, "parity": report.parity.max_difference, "clipped": report.clipped}
    if hasattr(foreign, "largest_difference"):
        measured["from_the_packages_own_call"] = foreign.largest_difference()
    print(json.dumps(measured))
