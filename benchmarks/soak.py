"""`python -m benchmarks.soak --minutes 30`: a server under half its load, and what of it grows."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import psycopg
from psycopg import sql

from benchmarks.conversation import Load
from benchmarks.growth import Growth, growth
from common.embedded_postgres import connection_settings
from common.tests.servers import serving

CLIENTS = 4
SAMPLE_SECONDS = 10.0
ENVIRONMENT = {
    "DATABASE_URL": "",
    "LOG_LEVEL": "WARNING",
    # So soon, events of one minute are gone in the next, as they are of one hour in a day.
    "EVENT_RETENTION_SECONDS": "20",
}
# What may be more at the end than before, and is no growth.
SLACK = {"uss_mib": 3.0, "rss_mib": 3.0, "fds": 8.0, "threads": 4.0, "connections": 4.0}
ROWS_SLACK = 100.0
SHARE = {"uss_mib": 0.02, "rss_mib": 0.02}
OTHER_SHARE = 0.25
# A server that has served for a few minutes has not needed yet what it will need at most.
WARM_MINUTES = 10.0
WARMING_MIB = 8.0
# What goes once a minute comes and goes within each third of three of them.
JUDGED_MINUTES = 3.0
# They tell of the machine as much as of the server.
TOLD_ONLY = ("p50_ms", "p99_ms")

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"

Sample = Mapping[str, float]


class Watch:
    """Looks at a server from outside."""

    def __init__(self, pid: int, data_dir: Path) -> None:
        self._process = psutil.Process(pid)
        named = connection_settings(data_dir / "postgres")
        self._database = psycopg.connect(
            dbname=named["NAME"],
            user=named["USER"],
            host=named["HOST"],
            port=named["PORT"],
            autocommit=True,
        )
        self._tables = [str(name) for (name,) in self._database.execute(TABLES)]

    def sample(self, took_ms: list[float]) -> Sample:
        memory = self._process.memory_full_info()
        return {
            "uss_mib": memory.uss / 2**20,
            "rss_mib": memory.rss / 2**20,
            "fds": float(self._process.num_fds()),
            "threads": float(self._process.num_threads()),
            "connections": self._number(sql.SQL(CONNECTIONS)),
            "p50_ms": took_ms[len(took_ms) // 2],
            "p99_ms": took_ms[len(took_ms) * 99 // 100],
            **{f"rows of {table}": self._rows(table) for table in self._tables},
        }

    def close(self) -> None:
        self._database.close()

    def _rows(self, table: str) -> float:
        return self._number(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))

    def _number(self, query: sql.SQL | sql.Composed) -> float:
        row = self._database.execute(query).fetchone()
        assert row is not None
        return float(row[0])


async def soak(url: str, watch: Watch, minutes: float) -> tuple[Load, list[Sample]]:
    """Load a server, and look at it every ten seconds."""
    load, samples = Load(url), list[Sample]()
    clients = [asyncio.create_task(load.go_on()) for _ in range(CLIENTS)]
    began = time.monotonic()
    while len(samples) * SAMPLE_SECONDS < minutes * 60:
        await asyncio.sleep(began + (len(samples) + 1) * SAMPLE_SECONDS - time.monotonic())
        samples.append(await asyncio.to_thread(watch.sample, load.took_ms()))
        print(line(len(samples), load, samples[-1]), flush=True)
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    return load, samples


def line(number: int, load: Load, sample: Sample) -> str:
    rows = sum(value for name, value in sample.items() if name.startswith("rows of "))
    told = "".join(
        f" {name}={value:g}" if value == int(value) else f" {name}={value:.1f}"
        for name, value in sample.items()
        if not name.startswith("rows of ")
    )
    return (
        f"{number * SAMPLE_SECONDS:6.0f} s  conversations={load.conversations}{told} rows={rows:g}"
    )


def growths(samples: list[Sample]) -> dict[str, Growth]:
    """Return what became of each quantity."""
    is_short = len(samples) * SAMPLE_SECONDS < WARM_MINUTES * 60
    return {
        name: growth(
            [sample[name] for sample in samples],
            slack=WARMING_MIB if is_short and name in SHARE else SLACK.get(name, ROWS_SLACK),
            share=SHARE.get(name, OTHER_SHARE),
        )
        for name in samples[0]
    }


def grown(found: Mapping[str, Growth]) -> list[str]:
    """Return what has grown, a line each."""
    return [
        f"GREW: {name}, from {one.before:.1f} to {one.after:.1f}"
        for name, one in found.items()
        if not one.is_flat and name not in TOLD_ONLY
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    minutes = parser.parse_args().minutes
    with TemporaryDirectory() as name, serving(Path(name), "serve", **ENVIRONMENT) as server:
        watch = Watch(server.process.pid, Path(name) / "data")
        load, samples = asyncio.run(soak(server.url, watch, minutes))
        watch.close()
        said = server.said()
    found = growths(samples)
    print("\nmedians of the second and of the last third:")
    for quantity, one in found.items():
        print(f"{quantity:<42}{one.before:>10.1f}{one.after:>10.1f}")
    wrong = [f"FAILED: {failure}" for failure in load.failures]
    wrong += [f"LOGGED: {told}" for told in said.splitlines() if " ERROR " in told]
    told = "too short to tell of growth"
    if minutes >= JUDGED_MINUTES:
        wrong, told = wrong + grown(found), "FLAT"
    done = f"{load.conversations} conversations in {minutes:g} minutes"
    print(*(wrong or [told]), done, sep="\n")
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
