"""A span for each step of a run: nodes, and the models and tools that they call."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult
from langgraph.errors import GraphBubbleUp
from opentelemetry.context import Context
from opentelemetry.trace import Span

from common import jsoncodec, tracing
from common.tracing import Tracing

# LangGraph's mark on a node's own call, not on what it is made of.
NODE_TAG = "graph:step:"


class StepSpans(BaseCallbackHandler):
    """The steps of one attempt, below the span in which this is made.

    Attributes follow OpenTelemetry's `gen_ai` and OpenInference, for what reads only one of them.
    """

    # On the loop of the run, in order, and in the context in which the step goes on.
    run_inline = True

    def __init__(self, tracing: Tracing, thread_id: str) -> None:
        self._tracing = tracing
        self._thread_id = thread_id
        self._here: Context = tracing.context.get_current()
        self._above: dict[UUID, Context] = {}
        """By LangChain's run: in which context its children are."""
        self._open: dict[UUID, Span] = {}

    def close(self) -> None:
        """End what a cancelled run has left open."""
        for span in self._open.values():
            span.set_attributes({"aegra.cancelled": True})
            span.end()
        self._open.clear()

    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not any(tag.startswith(NODE_TAG) for tag in tags or ()):
            self._above[run_id] = self._context_of(parent_run_id)
            return
        known = metadata or {}
        name = str(known.get("langgraph_node", kwargs.get("name")))
        attributes = {
            "openinference.span.kind": "CHAIN",
            "langgraph.node": name,
            "langgraph.step": known.get("langgraph_step", 0),
            "langgraph.checkpoint_ns": known.get("langgraph_checkpoint_ns", ""),
        }
        self._begin(run_id, parent_run_id, f"node {name}", attributes, inputs)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self._end(run_id, outputs)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._fail(run_id, error)

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[Any]], **kwargs: Any
    ) -> None:
        self._begin_model("chat", messages[0] if messages else [], **kwargs)

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], **kwargs: Any) -> None:
        self._begin_model("text_completion", prompts, **kwargs)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        generations = response.generations[0] if response.generations else []
        messages = [getattr(one, "message", one.text) for one in generations]
        if (span := self._open.get(run_id)) is not None:
            for message in messages:
                span.set_attributes(_usage(getattr(message, "usage_metadata", None) or {}))
        self._end(run_id, messages)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._fail(run_id, error)

    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        name = str(kwargs.get("name") or (serialized or {}).get("name", "tool"))
        attributes = {
            "openinference.span.kind": "TOOL",
            "tool.name": name,
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
        }
        asked = kwargs.get("inputs") or input_str
        self._begin(run_id, parent_run_id, f"execute_tool {name}", attributes, asked)

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self._end(run_id, output)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._fail(run_id, error)

    def _begin_model(
        self,
        operation: str,
        asked: Sequence[Any],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **_kwargs: Any,
    ) -> None:
        known = metadata or {}
        model = str(known.get("ls_model_name", "model"))
        attributes = {
            "openinference.span.kind": "LLM",
            "llm.model_name": model,
            "gen_ai.operation.name": operation,
            "gen_ai.request.model": model,
            "gen_ai.provider.name": str(known.get("ls_provider", "unknown")),
        }
        self._begin(run_id, parent_run_id, f"{operation} {model}", attributes, asked)

    def _begin(
        self,
        run_id: UUID,
        parent_run_id: UUID | None,
        name: str,
        attributes: Mapping[str, Any],
        asked: object,
    ) -> None:
        context = self._context_of(parent_run_id)
        given = tracing.content(lambda: jsoncodec.dumps(asked), "input")
        span = self._tracing.tracer.start_span(
            name, context=context, attributes={**attributes, "session.id": self._thread_id, **given}
        )
        inside = self._tracing.trace.set_span_in_context(span, context)
        self._open[run_id], self._above[run_id] = span, inside
        # What the step's own code and its libraries tell of stands below it.
        self._tracing.context.attach(inside)

    def _context_of(self, run_id: UUID | None) -> Context:
        return self._here if run_id is None else self._above.get(run_id, self._here)

    def _end(self, run_id: UUID, answered: object) -> None:
        self._above.pop(run_id, None)
        if (span := self._open.pop(run_id, None)) is not None:
            span.set_attributes(tracing.content(lambda: jsoncodec.dumps(answered), "output"))
            span.end()

    def _fail(self, run_id: UUID, error: BaseException) -> None:
        self._above.pop(run_id, None)
        if (span := self._open.pop(run_id, None)) is None:
            return
        # An interrupt asks somebody, and who cancels a run wants its end: nothing has failed.
        if isinstance(error, GraphBubbleUp):
            span.set_attributes({"aegra.interrupted": True})
        elif isinstance(error, CancelledError):
            span.set_attributes({"aegra.cancelled": True})
        else:
            tracing.failed(span, type(error).__name__)
        span.end()


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    names = {
        "input_tokens": ("gen_ai.usage.input_tokens", "llm.token_count.prompt"),
        "output_tokens": ("gen_ai.usage.output_tokens", "llm.token_count.completion"),
        "total_tokens": ("llm.token_count.total",),
    }
    return {attribute: int(usage[key]) for key in names if key in usage for attribute in names[key]}
