from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from procrastinate.contrib.django import app

from common import background, db

Drain = Callable[[], Awaitable[None]]
done: list[str] = []


@app.task(name="tests.note")
async def note(word: str) -> None:
    done.append(word)


@app.task(name="tests.fail")
async def fail() -> None:
    raise ValueError("as it should")


async def test_a_job_is_done_when_its_transaction_commits(drain: Drain) -> None:
    word = uuid4().hex
    async with db.transaction() as tx:
        await background.defer(tx, "tests.note", {"word": word})

    await drain()

    assert done.count(word) == 1


async def test_a_job_whose_transaction_fails_is_never_done(drain: Drain) -> None:
    word = uuid4().hex

    async def change_its_mind() -> None:
        async with db.transaction() as tx:
            await background.defer(tx, "tests.note", {"word": word})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_its_mind()
    await drain()

    assert word not in done


async def test_a_job_that_is_not_due_waits(drain: Drain) -> None:
    word = uuid4().hex
    async with db.transaction() as tx:
        await background.defer(tx, "tests.note", {"word": word}, after_seconds=3600)

    await drain()

    assert word not in done


async def test_a_job_that_fails_takes_no_other_with_it(drain: Drain) -> None:
    word = uuid4().hex
    async with db.transaction() as tx:
        await background.defer(tx, "tests.fail", {})
        await background.defer(tx, "tests.note", {"word": word})

    await drain()

    assert done.count(word) == 1


async def test_the_job_of_a_dead_process_is_given_to_another(drain: Drain) -> None:
    word = uuid4().hex
    async with db.transaction() as tx:
        await background.defer(tx, "tests.note", {"word": word})
        # As a process leaves it that is killed in the middle of the job.
        worker = await tx.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') "
            "RETURNING id"
        )
        row = await worker.fetchone()
        assert row is not None
        await tx.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s "
            "WHERE args->>'word' = %s",
            [row["id"], word],
        )
        await background.defer(tx, "common.background.retry_stalled_jobs", {"timestamp": 0})

    await drain()
    await drain()

    assert done.count(word) == 1
