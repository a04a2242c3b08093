"""The API's description: what each operation is made of besides what its action declares.

An action's docstring is its summary and description. Examples stand in each app's
`examples.json`, by serializer; words for what means the same everywhere in `wording`.
"""

from __future__ import annotations

import inspect
import json
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from drf_spectacular.drainage import get_override
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.serializers import ListSerializer

from aegra_project.wording import ERRORS, FIELDS, PATH_PARAMETERS
from common.serializers import ErrorSerializer

Schema = dict[str, Any]

EVERYWHERE = (400, 413, 422, 503)

# Verbs of operation ids where an action is named as Django REST framework names it.
VERBS = {"retrieve": "get", "partial_update": "update", "destroy": "delete"}


_AutoSchema: Any = AutoSchema  # half of it ships no types


class ApiSchema(_AutoSchema):  # type: ignore[misc]
    """Describes an operation from its action and what that declares."""

    def get_tags(self) -> list[str]:
        tag = getattr(self.view, "tag", "")
        return [tag] if tag else super().get_tags()

    def get_operation_id(self) -> str:
        tag = getattr(self.view, "tag", "")
        if not tag:
            return super().get_operation_id()  # type: ignore[no-any-return]
        verb = VERBS.get(self.view.action, self.view.action)
        return f"{tag.lower().replace(' ', '_')}_{verb}"

    def get_summary(self) -> str | None:
        return self._told()[0] or None

    def get_description(self) -> str:
        return self._told()[1]

    def _told(self) -> tuple[str, str]:
        """Split the action's docstring into its first paragraph and the rest."""
        text = inspect.getdoc(getattr(self.view, self.view.action)) or ""
        summary, _, rest = text.partition("\n\n")
        return " ".join(summary.split()).removesuffix("."), rest

    def _is_list_view(self, serializer: Any = None) -> bool:
        # The library takes an action named `list` for one, whatever it declares.
        return isinstance(serializer, ListSerializer)

    def map_parsers(self) -> list[str]:
        """Name the one form of a body: it is read as JSON whatever its header says."""
        return ["application/json"]

    def get_request_serializer(self) -> Any:
        # Nothing but what an action declares: the library would guess, and complain.
        return None

    def _get_request_body(self, direction: Any = "request") -> Schema | None:
        declared = self.method == "DELETE" and self.get_request_serializer()
        if not declared:
            return super()._get_request_body(direction)  # type: ignore[no-any-return]
        # The library knows no DELETE with a body; the store has one.
        schema, _ = self._get_request_for_media_type(declared, direction)
        return {"content": {"application/json": {"schema": schema}}, "required": True}

    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        bodies = super()._get_response_bodies(direction)
        for status in EVERYWHERE if self.view.is_open else (*EVERYWHERE, 403):
            bodies.setdefault(str(status), self._error(status))
        return {status: bodies[status] for status in sorted(bodies)}

    def _get_response_for_code(
        self,
        serializer: Any,
        status_code: str,
        media_types: Any = None,
        direction: Any = "response",
    ) -> Schema:
        if serializer is ErrorSerializer:
            return self._error(int(status_code))
        described: Schema = super()._get_response_for_code(
            serializer, status_code, media_types, direction
        )
        content = described.get("content", {}).get("application/json", {})
        if getattr(serializer, "may_be_null", False):
            content["schema"] = {"oneOf": [content["schema"], {"type": "null"}]}
        if getattr(serializer, "is_by_name", False):
            content["schema"] = {"type": "object", "additionalProperties": content["schema"]}
        described["description"] = described["description"] or HTTPStatus(int(status_code)).phrase
        return described

    def _error(self, status: int) -> Schema:
        """Return a reference to the one description of an error status."""
        description, detail = ERRORS[status]
        content = {
            "schema": self.resolve_serializer(ErrorSerializer, "response").ref,
            "example": {"detail": detail},
        }
        resolved: Any = ResolvedComponent
        component = resolved(
            name=HTTPStatus(status).phrase.replace(" ", ""),
            type=ResolvedComponent.RESPONSE,
            schema={"description": description, "content": {"application/json": content}},
            object=ErrorSerializer,
        )
        self.registry.register_on_missing(component)
        return component.ref  # type: ignore[no-any-return]

    def _resolve_path_parameters(self, variables: list[str]) -> list[Schema]:
        known = [
            {
                "in": OpenApiParameter.PATH,
                "name": name,
                "required": True,
                "schema": PATH_PARAMETERS[name][0],
                "description": PATH_PARAMETERS[name][1],
            }
            for name in variables
            if name in PATH_PARAMETERS
        ]
        others = [name for name in variables if name not in PATH_PARAMETERS]
        return [*known, *super()._resolve_path_parameters(others)]

    def _get_serializer_field_meta(self, field: Any, direction: Any) -> Schema:
        meta: Schema = super()._get_serializer_field_meta(field, direction)
        if get_override(field, "field") is OpenApiTypes.ANY:
            # Any JSON may be null; the library would write it as one of any and null.
            meta.pop("nullable", None)
        owner = type(field.parent).__name__.removesuffix("Serializer")
        words = FIELDS.get(f"{owner}.{field.field_name}") or FIELDS.get(field.field_name)
        if words:
            meta.setdefault("description", words)
        return meta

    def _postprocess_serializer_schema(
        self, schema: Schema, serializer: Any, direction: Any
    ) -> Schema:
        schema = super()._postprocess_serializer_schema(schema, serializer, direction)
        for described in schema.get("properties", {}).values():
            _without_marks(described)
        if getattr(serializer, "is_selection", False):
            schema.pop("required", None)
        if examples := examples_of(type(serializer)):
            schema["examples"] = examples
        return schema


def examples_of(serializer: type) -> list[Any]:
    """Return the examples of a serializer, which stand beside its module."""
    file = Path(inspect.getfile(serializer)).with_name("examples.json")
    name = serializer.__name__.removesuffix("Serializer")
    return _examples_in(file).get(name, [])


@cache
def _examples_in(file: Path) -> dict[str, list[Any]]:
    return json.loads(file.read_text()) if file.exists() else {}


def _without_marks(described: Schema) -> None:
    """Take away what drf-spectacular notes for itself beside the words of an enumeration."""
    described.pop("x-spec-enum-id", None)
    described.get("items", {}).pop("x-spec-enum-id", None)
