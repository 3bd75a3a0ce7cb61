"""From settings to a chat model: an OpenAI-compatible endpoint through LangChain, or a scripted one.

Knows LangChain's client and the environment. Must not know what is asked.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ...memory.errors import UserError
from ...memory.foreign import clean

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from .settings import ChatModelSettings

_SCRIPTED = "scripted:"
_OPENAI = "https://api.openai.com/v1"


def connect(settings: ChatModelSettings) -> BaseChatModel:
    """Make the client of a chat model; nothing is asked yet.

    Raises:
        UserError: No chat model is named, no scripted one of that name is there, or a key is missing or none.
    """
    if not settings.name:
        raise UserError(
            "no chat model is named: write chat_model: {model: NAME} in the campaign file, or set ATHANOR_MODEL"
        )
    is_scripted = settings.name.startswith(_SCRIPTED)
    model = _scripted(settings) if is_scripted else _endpoint(settings)
    if settings.has_tool_calls:
        return model
    from .text_tools import TextToolsChatModel

    return TextToolsChatModel(inner=model)


def without_key(text: str) -> str:
    """A text without the key: servers have been seen to repeat it in their errors, and errors are recorded."""
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    return text.replace(key, "…") if key else text


def _scripted(settings: ChatModelSettings) -> BaseChatModel:
    from .obedient import obedient
    from .scripted import ScriptedChatModel
    from .text_script import in_text

    if settings.name != f"{_SCRIPTED}obedient":
        raise UserError(f"chat_model: no scripted model {clean(settings.name, 40)!r}; {_SCRIPTED}obedient is allowed")
    return ScriptedChatModel(script=obedient if settings.has_tool_calls else in_text(obedient))


def _endpoint(settings: ChatModelSettings) -> BaseChatModel:
    from pydantic import SecretStr

    from .endpoint import EndpointChatModel

    base_url = settings.base_url or os.environ.get("OPENAI_BASE_URL")
    key = _key(is_needed=not base_url)
    return EndpointChatModel(
        model=settings.name,
        # Always named, or LangChain reads further variables of the environment, and the key could go elsewhere.
        base_url=base_url or _OPENAI,
        api_key=SecretStr(key),
        temperature=settings.temperature,
        timeout=settings.timeout_seconds,
        # Tries are counted and recorded one by one where the question is asked, not hidden in the client.
        max_retries=0,
        # Not every endpoint knows the option; where it is left out, the tokens of a stream are estimated.
        stream_usage=not base_url,
        # LangChain picks OpenAI's newer interface by a model's name; other endpoints have only the older one.
        use_responses_api=False if base_url else None,
    )


def _key(is_needed: bool) -> str:
    """The key of the environment; a word in its place where an endpoint wants none, for the client wants one."""
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key and is_needed:
        raise UserError("chat_model: OPENAI_API_KEY is not set, and no base_url names an endpoint that needs none")
    if not (key.isascii() and key.isprintable()):
        # The client would say so only with the first question, and show the key.
        raise UserError("OPENAI_API_KEY holds characters that no key has; printable ASCII on one line is allowed")
    return key or "none"
