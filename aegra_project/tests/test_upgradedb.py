from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from common.tests.old_clusters import make_old_cluster, old_server
from common.tests.servers import manage, serving, the_line_of, traceless

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

HELLO = {"assistant_id": "agent", "input": {"messages": [{"role": "user", "content": "hi"}]}}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with traceless(tmp_path):
        yield tmp_path


def test_a_server_goes_on_with_what_an_older_postgresql_held(place: Path) -> None:
    data = place / "data" / "postgres"
    make_old_cluster(data)
    with old_server(data) as socket:
        url = f"postgres://aegra@{quote(str(socket), safe='')}/aegra"
        with serving(place, DATABASE_URL=url) as server, server.client() as client:
            thread = client.post("/threads", json={}).json()["thread_id"]
            client.post(f"/threads/{thread}/runs/wait", json=HELLO).raise_for_status()
            item = {"namespace": ["facts"], "key": "a", "value": {"text": "kept"}}
            client.put("/store/items", json=item).raise_for_status()
            before = client.get(f"/threads/{thread}/state").json()
    assert "manage.py upgradedb" in the_line_of(manage(place, "startup"))

    done = manage(place, "upgradedb")

    assert done.returncode == 0, done.stderr
    assert "are the same" in done.stdout
    with serving(place) as server, server.client() as client:
        assert client.get(f"/threads/{thread}/state").json() == before
        found = client.get("/store/items", params={"namespace": "facts", "key": "a"}).json()
        assert found["value"] == {"text": "kept"}
        values = client.post(f"/threads/{thread}/runs/wait", json=HELLO).json()
        assert len(values["messages"]) > len(before["values"]["messages"])


def test_what_is_new_already_is_left_alone(place: Path) -> None:
    assert manage(place, "startup").returncode == 0

    done = manage(place, "upgradedb")

    assert done.returncode == 0
    assert "nothing to do" in done.stdout


def test_a_running_server_is_not_disturbed(place: Path) -> None:
    with serving(place) as server:
        line = the_line_of(manage(place, "upgradedb"))

        assert "stop it, then upgrade" in line
        assert server.is_up()


def test_a_postgresql_of_ones_own_is_none_of_its_business(place: Path) -> None:
    url = "postgres://somebody@127.0.0.1:1/theirs"

    assert "DATABASE_URL names" in the_line_of(manage(place, "upgradedb", DATABASE_URL=url))
