"""`make bench`: measure servers from outside, and print tables."""

from __future__ import annotations

import argparse
import re
import socket
import sys
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import uvloop

from benchmarks import floor, table
from benchmarks.load import attempt
from benchmarks.row import Measured, Row
from benchmarks.rows import BY_REDIS, ROWS
from benchmarks.served import started
from benchmarks.server import MeasuredServer

BEGIN, END = "<!-- figures of make bench -->", "<!-- end of figures -->"


async def measure(
    rows: list[Row], server: MeasuredServer, peer: MeasuredServer | None
) -> list[list[Measured]]:
    """Measure each row on the server, and right after it on the peer if it can be asked that."""
    measured, pace = [], await floor.slowness()
    for row in rows:
        asked = [server]
        if peer is not None and row.served.is_for_peers:
            asked.append(peer)
        print(row.name, file=sys.stderr)
        several = []
        for one in asked:
            sample, mib = await attempt(row.scenario, one), one.unique_mib()
            before = pace
            pace = await floor.slowness()
            slowness = (before + pace) / 2
            several.append(Measured(row=row, sample=sample, mib=mib, slowness=slowness))
        measured.append(several)
    return measured


def write(page: Path, text: str) -> None:
    """Put the tables on a page, between its two marks."""
    before, rest = page.read_text().split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def has_redis() -> bool:
    try:
        socket.create_connection(("127.0.0.1", 6379), 1).close()
    except OSError:
        return False
    return True


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", default="", help="Only rows whose name has this pattern in it.")
    parser.add_argument("--peer", help="The URL of another server to put the same load on.")
    parser.add_argument("--peer-pid", type=int, help="Its process, for CPU and memory.")
    parser.add_argument("--write", type=Path, help="A page to put the tables on.")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    rows = [row for row in ROWS if re.search(options.rows, row.name)]
    if not has_redis():
        rows = [row for row in rows if row.served is not BY_REDIS]
    peer = options.peer and MeasuredServer(url=options.peer, pid=options.peer_pid, data_dir=None)
    names = {row.floor[0] for row in rows if row.floor}
    plain = floor.measure(names) if names else {}
    measured = []
    for served, some in groupby(rows, attrgetter("served")):
        with started(served) as server:
            measured += uvloop.run(measure(list(some), server, peer))
    tables = [table.ours([own for own, *_ in measured], plain)]
    if peer:
        tables.append(table.peers([(pair[0], pair[1]) for pair in measured if pair[1:]]))
    if plain:
        tables.append(table.floors(plain))
    text = "\n\n".join([*tables, table.circumstances()])
    print(text, *table.errors([one for several in measured for one in several]), sep="\n")
    if options.write:
        write(options.write, text)


if __name__ == "__main__":
    main()
