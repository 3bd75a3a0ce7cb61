"""A local endpoint with OpenAI's chat completions over real HTTP, which answers badly as often as it is told to.

Knows HTTP and the shape of chat completions. Must not know campaigns; any chat model of LangChain can answer.
Try Athanor against it without a key:

    python -m athanor.agent.chat_model.test_server --port 8901 --faults 0.3 --seed 1
    OPENAI_BASE_URL=http://127.0.0.1:8901/v1 ATHANOR_MODEL=test athanor run campaign.yaml

What a client sees of each fault through connect.py, which tries once. `…Error` are exceptions of openai, raised as
LangChain's subclasses of them.

    fault               whole answer                            stream
    slow                APITimeoutError                         the same
    rate_limit          RateLimitError, Retry-After: 0          the same
    server_error        InternalServerError                     the same
    broken_json         json.JSONDecodeError                    the same, after some chunks
    cut_stream          APIConnectionError                      the same, after some chunks
    wrong_tool          a call of a tool that is not offered    the same
    wrong_arguments     a call with arguments of wrong types    the same
    bad_arguments_json  invalid_tool_calls                      RetryError of endpoint.py
    empty               content "" and no call                  the same
    refusal             additional_kwargs["refusal"]            the same
    nonsense            content that has nothing to do with it  the same
    endless             the last call once more, for as long    the same
                        as the conversation goes on

Faults of tools befall only questions with tools.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from langchain_core.messages import BaseMessage, convert_to_messages, convert_to_openai_messages

from .faults import Done, Faults, spoiled
from .usage import estimated_tokens

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Json = dict[str, Any]
_PIECE = 24
"""Characters in one event of a stream."""


class ChatServer:
    """Serves a chat model on this machine for as long as the `with` block lasts.

    Attributes:
        base_url: For the client.
        done: What was done with each question, in order of arrival.
    """

    def __init__(
        self, model: BaseChatModel, faults: Faults | None = None, port: int = 0, slow_seconds: float = 600.0
    ) -> None:
        """Take a port.

        Args:
            model: Answers.
            faults: Which questions are answered badly; None for none of them.
            port: On 127.0.0.1; 0 for a free one.
            slow_seconds: How long a slow answer takes.
        """
        self.done: list[Done] = []
        self._model, self._faults, self._slow_seconds = model, faults or Faults(), slow_seconds
        self._stuck: set[str] = set()
        self._lock, self._closing = Lock(), Event()
        outer = self

        class Exchange(_Exchange):
            server_of = outer

        self._http = _Server(("127.0.0.1", port), Exchange)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.base_url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def counts(self) -> Counter[Done]:
        """How often each was done."""
        return Counter(self.done)

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, once all requests have ended; slow ones end at once."""
        self._closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def wait(self) -> None:
        """Serve until the process is interrupted."""
        self._closing.wait()

    def draw(self, request: Json) -> Done:
        """What to do with a request; a conversation that has become endless stays so."""
        start = json.dumps(_opening(request["messages"]))
        with self._lock:
            drawn = self._faults.draw(bool(request.get("tools")))
            if drawn == "endless":
                self._stuck.add(start)
            fault: Done = "endless" if start in self._stuck and request.get("tools") else drawn
            self.done.append(fault)
        if fault == "slow":
            self._closing.wait(self._slow_seconds)
        return fault

    def answer(self, request: Json, fault: Done) -> tuple[Json, Json]:
        """The assistant's message and what it cost."""
        messages, tools = convert_to_messages(_readable(request["messages"])), request.get("tools") or []
        last = _last_call(request["messages"]) if fault == "endless" else None
        if last:
            said: Json = {"role": "assistant", "content": None, "tool_calls": [last | {"id": f"call-{len(messages)}"}]}
            answered: Sequence[BaseMessage] = convert_to_messages([said])
        else:
            bound = self._model.bind_tools(tools) if tools else self._model
            reply = bound.invoke(messages)
            answered, said = [reply], convert_to_openai_messages(reply)
        asked, told = estimated_tokens(messages), estimated_tokens(answered)
        usage = {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}
        return spoiled(fault, said | {"content": said["content"] or None}, tools), usage


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for all requests
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Exchange(BaseHTTPRequestHandler):
    """One request and its answer."""

    protocol_version = "HTTP/1.1"
    timeout = 10
    server_of: ChatServer

    def do_GET(self) -> None:
        """List the one model there is."""
        if self.path.rstrip("/") != "/v1/models":
            return self._send_error(404, f"there is no {self.path}; /v1/models is")
        return self._send({"object": "list", "data": [{"id": "test", "object": "model", "owned_by": "athanor"}]})

    def do_POST(self) -> None:
        """Answer a chat completion."""
        if self.path.rstrip("/") != "/v1/chat/completions":
            return self._send_error(404, f"there is no {self.path}; /v1/chat/completions is")
        try:
            request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            is_stream, model = bool(request.get("stream")), str(request["model"])
            fault = self.server_of.draw(request)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return self._send_error(400, f"the request cannot be read: {error!r}")
        if fault == "rate_limit":
            return self._send_error(429, "too many requests", {"Retry-After": "0"})
        if fault == "server_error":
            return self._send_error(500, "the server had an error")
        try:
            message, usage = self.server_of.answer(request, fault)
        except Exception as error:  # noqa: BLE001 - whatever the model raises is the server's error
            return self._send_error(500, f"{type(error).__name__}: {error}")
        if is_stream:
            wants_usage = bool((request.get("stream_options") or {}).get("include_usage"))
            return self._send_events([*_events(model, message, usage if wants_usage else None)], fault)
        choice = {"index": 0, "message": message, "finish_reason": _finish(message)}
        return self._send(_head(model, "chat.completion") | {"choices": [choice], "usage": usage}, fault=fault)

    def _send_error(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        self._send({"error": {"message": message, "type": "error", "code": str(status)}}, status, headers)

    def _send(
        self, content: Json, status: int = 200, headers: Mapping[str, str] | None = None, fault: Done = "none"
    ) -> None:
        body = json.dumps(content).encode()
        body = body[: len(body) // 2] if fault == "broken_json" else body
        self._begin(status, "application/json", {"Content-Length": str(len(body)), **(headers or {})})
        self.wfile.write(body[: len(body) // 2] if fault == "cut_stream" else body)

    def _send_events(self, events: Sequence[Json], fault: Done) -> None:
        self._begin(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        for at, event in enumerate(events):
            is_middle = at == len(events) // 2
            if fault == "cut_stream" and is_middle:
                return
            text = json.dumps(event)
            self._chunk(
                f"data: {text[: len(text) // 2] if fault == 'broken_json' and is_middle else text}\n\n".encode()
            )
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _chunk(self, body: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
        self.wfile.flush()

    def _begin(self, status: int, kind: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing of each request; `done` tells."""


def _head(model: str, kind: str) -> Json:
    return {"id": "chatcmpl-test", "object": kind, "created": 0, "model": model}


def _finish(message: Mapping[str, Any]) -> str:
    return "tool_calls" if message.get("tool_calls") else "stop"


def _events(model: str, message: Json, usage: Json | None) -> Iterator[Json]:
    """A message in pieces, as events of a stream."""

    def event(delta: Json, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _head(model, "chat.completion.chunk") | {"choices": [choice]}

    yield event({"role": "assistant", "content": ""})
    for name in ("content", "refusal"):
        yield from (event({name: piece}) for piece in _pieces(message.get(name) or ""))
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        begun = {"index": index, "id": call["id"], "type": "function"}
        yield event({"tool_calls": [begun | {"function": {"name": function["name"], "arguments": ""}}]})
        for piece in _pieces(function["arguments"]):
            yield event({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield event({}, _finish(message))
    if usage:
        yield _head(model, "chat.completion.chunk") | {"choices": [], "usage": usage}


def _pieces(text: str) -> Iterator[str]:
    return (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))


def _opening(messages: Sequence[Json]) -> Sequence[Json]:
    """What a conversation is known by: all up to the first message of a person."""
    roles = [message["role"] for message in messages]
    return messages[: roles.index("user") + 1] if "user" in roles else messages


def _last_call(messages: Sequence[Json]) -> Json | None:
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    return calls[-1] if calls else None


def _readable(messages: Sequence[Json]) -> Iterator[Json]:
    """Messages whose earlier calls are JSON: LangChain reads no others, and a client may send a broken call back."""
    for message in messages:
        calls = message.get("tool_calls")
        yield message | {"tool_calls": [_mended(call) for call in calls]} if calls else message


def _mended(call: Json) -> Json:
    try:
        json.loads(call["function"]["arguments"])
    except ValueError:
        return call | {"function": call["function"] | {"arguments": "{}"}}
    return call


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the scripted planner until Ctrl-C, then say what was done."""
    from .obedient import obedient
    from .scripted import ScriptedChatModel
    from .text_script import in_text

    parser = argparse.ArgumentParser(description="A chat model to try Athanor with, faults included.")
    parser.add_argument("--port", type=int, default=8901)
    parser.add_argument("--faults", type=float, default=0.0, help="share of questions answered badly, 0 to 1")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    parser.add_argument("--text", action="store_true", help="know no tool calls, as has_tool_calls: false expects")
    parser.add_argument("--slow", type=float, default=600.0, help="seconds that a slow answer takes")
    given = parser.parse_args(arguments)
    model = ScriptedChatModel(script=in_text(obedient) if given.text else obedient)
    try:
        opened = ChatServer(model, Faults(given.faults, given.seed), given.port, given.slow)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    with opened as server:
        sys.stdout.write(f"{server.base_url} answers any model name; Ctrl-C ends it\n")
        sys.stdout.flush()
        try:
            server.wait()
        except KeyboardInterrupt:
            told = ", ".join(f"{kind} {count}" for kind, count in server.counts.most_common())
            sys.stdout.write(f"\n{told or 'nothing was asked'}\n")


if __name__ == "__main__":
    main()
