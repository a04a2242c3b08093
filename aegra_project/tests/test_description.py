from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command

from tests.conforming import description, resolved, validator

KEPT = Path(settings.BASE_DIR) / "docs" / "reference" / "openapi.json"


def test_the_description_is_valid_and_complete_and_the_kept_one_is_in_step(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"

    call_command("spectacular", format="openapi-json", file=file, validate=True, fail_on_warn=True)

    assert json.loads(file.read_text()) == json.loads(KEPT.read_text())


def test_the_description_tells_any_json_from_a_string() -> None:
    schemas = json.loads(KEPT.read_text())["components"]["schemas"]

    fields = schemas["RunCreateRequest"]["properties"]
    assert fields["config"]["type"] == ["object", "null"]
    assert "type" not in fields["input"]
    assert schemas["ThreadSearchRequest"]["properties"]["ids"]["items"]["format"] == "uuid"


def operations() -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for path in description()["paths"].values()
        for operation in path.values()
    }


def test_each_operation_is_told_in_words() -> None:
    described = operations().items()

    untold = [
        f"{name}.{part}"
        for name, operation in described
        for part in ("summary", "tags")
        if not operation.get(part)
    ]
    unexplained = [
        f"{name}({parameter['name']})"
        for name, operation in described
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    assert untold + unexplained == []


def test_each_field_is_told_in_words() -> None:
    schemas = description()["components"]["schemas"]

    untold = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, told in schema.get("properties", {}).items()
        if not told.get("description")
    ]
    assert untold == []


def test_each_operation_tells_the_errors_that_all_have_and_those_of_a_thing_by_its_id() -> None:
    wanting = [
        (name, status)
        for name, operation in operations().items()
        for status in ("400", "413", "422", "503", "404")
        if status not in operation["responses"]
        and not (status == "404" and not _is_of_one_thing(operation))
    ]

    assert wanting == []


def test_each_body_has_an_example() -> None:
    without = [
        (name, status)
        for name, operation in operations().items()
        for status, part in [("request", operation.get("requestBody", {})), *_answers(operation)]
        for kind in part.get("content", {}).values()
        if not _has_example(kind)
    ]

    assert without == []


def test_examples_are_as_their_schemas_say() -> None:
    schemas = description()["components"]["schemas"]

    wrong = [
        f"{name}: {error}"
        for name, schema in schemas.items()
        for example in schema.get("examples", [])
        for error in validator(schema).iter_errors(example)
    ]
    assert wrong == []


def test_operation_ids_begin_with_their_tag() -> None:
    strange = [
        name
        for name, operation in operations().items()
        if not name.startswith(operation["tags"][0].lower().replace(" ", "_") + "_")
    ]

    assert strange == []


def _is_of_one_thing(operation: dict[str, Any]) -> bool:
    return any(parameter["in"] == "path" for parameter in operation.get("parameters", []))


def _answers(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(status, resolved(answer)) for status, answer in operation["responses"].items()]


def _has_example(content: dict[str, Any]) -> bool:
    schema = content["schema"]
    inner = [schema.get("items", {}), schema.get("additionalProperties", {})]
    alternatives = [schema, *inner, *resolved(schema).get("oneOf", [])]
    return "example" in content or any("examples" in resolved(one) for one in alternatives)
