"""What a request asks of runs: its body, and what of its headers a graph gets."""

from __future__ import annotations

import hashlib
import re

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from common import jsoncodec
from common.errors import Unprocessable, item_named
from common.jsoncodec import Json
from runs.serializers import RunCreateSerializer
from runs.spec import IdempotencyKey, RunSpec

# A batch is written in one transaction, which holds a connection and the threads' locks.
MAX_BATCH = 500

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="A name of the caller's for this request, such as a UUID: sent again with the same "
    "key, path and body, it makes no second run and is answered with the first.",
)

_CAPITAL = re.compile("[A-Z]")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def asked_run(request: Request) -> RunSpec:
    return _asked(request, request.data)


def asked_batch(request: Request) -> list[RunSpec]:
    """Check every run that a request asks for; raises Unprocessable naming the first bad one."""
    body: Json = request.data
    if not isinstance(body, list):
        raise Unprocessable("The request body must be a JSON array of runs.")
    if len(body) > MAX_BATCH:
        raise Unprocessable(f"A batch has at most {MAX_BATCH} runs; this one has {len(body)}.")
    specs = []
    for position, item in enumerate(body):
        with item_named(position):
            specs.append(_asked(request, _snake_cased(item)))
    return specs


def asked_once(request: Request) -> IdempotencyKey | None:
    """Return by what a request is known when it is sent again; None when it must not be."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not _KEY.fullmatch(given):
        raise Unprocessable(
            "Idempotency-Key: must be 1 to 255 visible ASCII characters, such as a UUID; "
            f"this one has {len(given)}."
        )
    asked = jsoncodec.dumps_sorted([request.path, request.data])
    return IdempotencyKey(key=given, digest=hashlib.sha256(asked).hexdigest())


def _asked(request: Request, body: Json) -> RunSpec:
    return RunCreateSerializer.parse(
        body, request_id=getattr(request, "request_id", ""), headers=request.headers
    )


def _snake_cased(item: Json) -> Json:
    """Rename the fields of LangGraph's client for JavaScript, which sends its own names here."""
    if not isinstance(item, dict):
        return item
    return {_CAPITAL.sub(lambda found: f"_{found[0].lower()}", key): item[key] for key in item}
