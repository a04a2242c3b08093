"""The official client for JavaScript, by the types it declares and a network that writes down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tests.compatibility.calls import Call, Parameter, Request
from tests.javascript import install_packages, node


class JavaScriptSdk:
    name = "JavaScript"

    def __init__(self) -> None:
        install_packages()

    async def methods(self) -> Mapping[str, Sequence[Parameter]]:
        found: dict[str, dict[str, bool]] = await _asked("methods")
        return {
            method: [
                Parameter(name=name, is_required=is_required)
                for name, is_required in parameters.items()
            ]
            for method, parameters in found.items()
        }

    async def requests(self, calls: Sequence[Call]) -> Sequence[Request]:
        told = orjson.dumps(calls, default=str)
        return [Request(**each) for each in await _asked("requests", told)]


async def _asked(what: str, told: bytes = b"") -> Any:
    status, answer, errors = await node("sdk.mjs", what, told=told)
    assert status == 0, errors.decode()
    return orjson.loads(answer)
