"""LangChain's client of OpenAI-compatible endpoints, as strict with a stream as with a whole answer.

Knows LangChain's client. Must not know settings or the environment.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI

from ...memory.errors import RetryError
from ...memory.foreign import clean


class EndpointChatModel(ChatOpenAI):
    """A chat model behind an endpoint.

    LangChain completes the arguments of a call that a stream leaves unfinished, so that half a batch would look like a
    whole one, and drops a refusal. Here the former is an error and the latter stands where a whole answer has it.
    """

    def _stream(self, *arguments: Any, **more: Any) -> Iterator[ChatGenerationChunk]:
        calls: defaultdict[object, list[str]] = defaultdict(lambda: ["", ""])
        for chunk in super()._stream(*arguments, **more):
            for piece in chunk.message.tool_call_chunks if isinstance(chunk.message, AIMessageChunk) else ():
                call = calls[piece["index"]]
                call[0], call[1] = call[0] + (piece["name"] or ""), call[1] + (piece["args"] or "")
            yield chunk
        for name, given in calls.values():
            try:
                json.loads(given or "{}")
            except ValueError as error:
                raise RetryError(f"the arguments of {clean(name, 40)} are no valid JSON: {error}") from error

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        made = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        deltas = [choice.get("delta") or {} for choice in chunk.get("choices") or ()]
        refused = deltas[0].get("refusal") if deltas else None
        if made and refused:
            made.message.additional_kwargs["refusal"] = refused
        return made
