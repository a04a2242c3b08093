from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpResponse

from common import jsoncodec


class Response(HttpResponse):
    """A JSON answer, or an empty one for 202 and 204."""

    def __init__(
        self,
        body: object = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        content = b"" if status in (202, 204) else jsoncodec.dumps(body)
        super().__init__(content, status=status, headers=headers, content_type="application/json")
        if status == 204:
            # RFC 9110: an answer without content has neither length nor type.
            del self["content-type"]
        else:
            self["content-length"] = str(len(content))


def error_response(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response({"detail": detail}, status=status, headers=headers)
