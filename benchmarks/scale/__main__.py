"""`python -m benchmarks.scale`: what grows with what, as figures and as plots.

Figures of the parts that are wanted replace those in the file.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.scale import parts
from benchmarks.scale.plots import PLOTS
from benchmarks.served import Served, started
from benchmarks.server import ROOT
from benchmarks.table import circumstances

RESULTS = Path(__file__).with_name("results.json")
IMAGES = ROOT / "docs" / "images"
SLOTS = {"ENGINE_SLOTS": "2000"}

PARTS: dict[str, tuple[Served, parts.Part]] = {
    "processes-1": (Served(), parts.concurrency("1 process")),
    "processes-2": (Served(options=("--processes", "2")), parts.concurrency("2 processes")),
    "processes-4": (Served(options=("--processes", "4")), parts.concurrency("4 processes")),
    "streams": (Served(env=SLOTS), parts.streams("a token each 250 ms", 40, 0.25)),
    "fast-streams": (Served(env=SLOTS), parts.streams("a token each 50 ms", 50, 0.05)),
    "threads": (Served(), parts.many_threads),
    "checkpoints": (Served(), parts.checkpoints),
    "state": (Served(), parts.state_sizes),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--parts", default="", help="Only parts with this pattern in their name.")
    wanted = parser.parse_args().parts
    for name, (served, part) in PARTS.items():
        if not re.search(wanted, name):
            continue
        with started(served) as server:
            curves = uvloop.run(part(server))
        results = _results() | {name: {"taken": circumstances(), "curves": curves}}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        print(name, *(f"{curve}: {points}" for curve, points in curves.items()), sep="\n")
    for file, plot in PLOTS.items():
        # Parts that were never measured have no figures.
        if (chart := plot(_results())).lines:
            (IMAGES / file).write_text(chart.svg())


def _results() -> dict[str, Any]:
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


if __name__ == "__main__":
    main()
