from __future__ import annotations

import json
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

KEPT = Path(settings.BASE_DIR) / "docs" / "reference" / "openapi.json"


def test_the_description_is_valid_and_complete_and_the_kept_one_is_in_step(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"

    call_command("spectacular", format="openapi-json", file=file, validate=True, fail_on_warn=True)

    assert json.loads(file.read_text()) == json.loads(KEPT.read_text())


def test_the_description_tells_any_json_from_a_string() -> None:
    schemas = json.loads(KEPT.read_text())["components"]["schemas"]

    fields = schemas["RunCreateRequest"]["properties"]
    assert fields["config"]["type"] == "object"
    assert "type" not in fields["input"]
    assert schemas["ThreadSearchRequest"]["properties"]["ids"]["items"]["format"] == "uuid"
