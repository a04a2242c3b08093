"""What an operator does in the admin to runs and threads: by the verbs of the API."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from access.caller import ANONYMOUS
from common.bulk import run_apart
from common.ids import uuid7
from common.tests.admin_pages import logged_in, page
from runs.models import Run
from runs.spec import RunSpec
from runs.submission import submit_run
from threads.queries import NewThread, create_thread

# Pages take their time on a machine that has much to do.
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("served"),
    pytest.mark.timeout(60),
]

LONG = RunSpec(assistant_id="sleeper", input={"seconds": 60})
OPERATOR = ["view_run", "change_run", "view_thread", "change_thread"]


def started(spec: RunSpec = LONG) -> Run:
    """Start a run on a thread of its own, for everybody to see."""
    thread_id = uuid7()
    run_apart(create_thread(NewThread(thread_id=thread_id, metadata={})))
    submitted = run_apart(submit_run(spec, thread_id=thread_id, caller=ANONYMOUS))
    return Run.objects.get(pk=submitted.run_id)


def act(client: Client, model: str, action: str, *keys: UUID) -> str:
    """Choose an action for some records, and return the page that follows."""
    url = reverse(f"admin:{model}_changelist")
    data = {"action": action, "_selected_action": [str(key) for key in keys]}
    answer = client.post(url, data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def has_status(run: Run, status: str) -> Callable[[], bool]:
    return lambda: Run.objects.filter(pk=run.pk, status=status).exists()


def test_runs_are_cancelled_and_tried_again() -> None:
    client, run = logged_in("operator", permissions=OPERATOR), started()

    assert f"by process {run.claimed_by}" in page(client, "runs_run")
    assert "1: is told to stop." in act(client, "runs_run", "cancel_runs", run.pk)
    wait_for(has_status(run, "interrupted"))
    assert "1: is pending again." in act(client, "runs_run", "retry_runs", run.pk)
    wait_for(has_status(run, "running"))
    assert "is told to stop" in act(client, "runs_run", "roll_back_runs", run.pk)
    wait_for(lambda: not Run.objects.filter(pk=run.pk).exists())


def test_what_cannot_be_done_is_told_by_id() -> None:
    run = started(RunSpec(assistant_id="echo", input={"messages": []}))
    wait_for(has_status(run, "success"))
    client = logged_in()

    shown = act(client, "runs_run", "cancel_runs", run.pk)
    again = act(client, "runs_run", "retry_runs", run.pk)

    assert f"{run.pk}: No runs found to cancel" in shown
    assert f"{run.pk} is success" in again


def test_a_thread_is_repaired() -> None:
    thread = run_apart(create_thread(NewThread(thread_id=uuid7(), metadata={})))
    assert thread is not None

    shown = act(logged_in(), "threads_thread", "repair_threads", thread["thread_id"])

    assert "1: is well: nothing was changed." in shown


@pytest.mark.parametrize("model", ["runs_run", "threads_thread"])
def test_who_may_only_look_is_offered_nothing(model: str) -> None:
    started_run = started(RunSpec(assistant_id="echo", input={"messages": []}))
    client = logged_in("reader", permissions=["view_run", "view_thread"])

    assert 'name="action"' not in page(client, model)
    act(client, "runs_run", "retry_runs", started_run.pk)
    assert Run.objects.get(pk=started_run.pk).attempt == 1


def test_the_first_page_tells_of_the_queue() -> None:
    run = started()

    shown = logged_in().get("/admin/").content.decode()

    assert "Running runs" in shown
    assert "Pending runs" in shown
    assert "threads without a run" in shown
    act(logged_in(), "runs_run", "cancel_runs", run.pk)
    wait_for(has_status(run, "interrupted"))
