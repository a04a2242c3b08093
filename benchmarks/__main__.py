"""`make bench`: measure a server from outside, and print a table."""

from __future__ import annotations

import argparse
import asyncio
from statistics import median

from benchmarks import engine, many_threads, scenarios
from benchmarks.baseline import Baseline, in_process
from benchmarks.client import Client
from benchmarks.figure import Figure
from benchmarks.scenarios import TOKENS, load
from benchmarks.server import MeasuredServer, serving


async def measure(server: MeasuredServer) -> list[Figure]:
    """Measure everything, in an order that keeps one figure out of the next one's way."""
    client = Client(server.port)
    await scenarios.echo(client)
    memory = server.unique_mib()
    await load(server, scenarios.tokens, clients=8, operations=16)
    firsts = [await scenarios.first_token(client) for _ in range(31)]
    client.close()
    return [
        Figure(name="memory after one run", value=memory, unit="MiB USS", bound=220),
        Figure(name="first token, 1 client", value=median(firsts), unit="ms p50", bound=20),
        *await _requests(server),
        *await _runs(server),
        *await _streams(server),
        Figure(name="memory after all of it", value=server.unique_mib(), unit="MiB USS"),
        *await _threads(server),
    ]


async def _requests(server: MeasuredServer) -> list[Figure]:
    up = await load(server, scenarios.is_up, clients=1, operations=500)
    made = await load(server, scenarios.create_thread, clients=1, operations=300)
    row, state = await scenarios.read_thread(server)
    return [
        Figure(name="/ok", value=up.cpu_ms, unit="ms CPU"),
        Figure(name="thread create", value=made.cpu_ms, unit="ms CPU"),
        Figure(name="thread get", value=row.cpu_ms, unit="ms CPU"),
        Figure(name="thread state", value=state.cpu_ms, unit="ms CPU", bound=3),
    ]


async def _runs(server: MeasuredServer) -> list[Figure]:
    alone = await load(server, scenarios.echo, clients=1, operations=150)
    many = await load(server, scenarios.echo, clients=16, operations=400)
    crowd = await load(server, scenarios.echo, clients=64, operations=640)
    steps = await load(server, scenarios.supersteps, clients=16, operations=96)
    return [
        Figure(name="thread + echo run, 1 client", value=alone.p50_ms, unit="ms p50"),
        Figure(name="thread + echo run, 1 client", value=alone.cpu_ms, unit="ms CPU", bound=15),
        Figure(name="thread + echo run, 16 clients", value=many.per_second, unit="runs/s"),
        Figure(name="thread + echo run, 16 clients", value=many.cpu_ms, unit="ms CPU", bound=15),
        Figure(name="thread + echo run, 64 clients", value=crowd.per_second, unit="runs/s"),
        Figure(name="20 supersteps, 16 clients", value=steps.per_second, unit="runs/s"),
        Figure(name="20 supersteps, 16 clients", value=steps.cpu_ms, unit="ms CPU"),
    ]


async def _streams(server: MeasuredServer) -> list[Figure]:
    streams = await load(server, scenarios.tokens, clients=64, operations=128)
    per_second, cpu_us = streams.per_second * TOKENS, streams.cpu_ms / TOKENS * 1000
    name = "tokens, 64 streams"
    return [
        Figure(name=name, value=per_second, unit="tokens/s", bound=2500, at_least=True),
        Figure(name=name, value=cpu_us, unit="µs CPU"),
    ]


async def _threads(server: MeasuredServer) -> list[Figure]:
    history = await many_threads.history(server)
    await many_threads.fill(server.data_dir)
    searches = {
        name: await many_threads.search(server, body)
        for name, body in many_threads.SEARCHES.items()
    }
    return [
        Figure(name="history of 200", value=history.p50_ms, unit="ms p50"),
        Figure(name="history of 200", value=history.cpu_ms, unit="ms CPU", bound=60),
        *(
            Figure(
                name=name,
                value=found.p50_ms,
                unit="ms p50",
                bound=None if name.endswith("old") else 10,
            )
            for name, found in searches.items()
        ),
    ]


def ratios(figures: list[Figure], plain: Baseline) -> list[str]:
    """Compare the server's runs with the same graph in a program, on the stock saver."""
    echo = next(figure for figure in figures if figure.name.endswith("echo run, 16 clients"))
    cpu = [figure for figure in figures if figure.name == echo.name][1]
    return [
        f"echo in-process, stock saver: {plain.per_second:.1f} runs/s, {plain.cpu_ms:.1f} ms CPU",
        f"the server: {echo.value / plain.per_second:.2f} of its runs/s, "
        f"{cpu.value / plain.cpu_ms:.2f} times its CPU",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.parse_args()
    plain = in_process()
    with serving() as server:
        figures = asyncio.run(measure(server))
    figures += engine.measure()
    print(*figures, "", *ratios(figures, plain), sep="\n")


if __name__ == "__main__":
    main()
