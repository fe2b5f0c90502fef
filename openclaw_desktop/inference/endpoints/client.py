"""One endpoint, asked: its models, replies as they stream, weights of words, vectors.

Owns what is sent and how often it is sent again. A request is repeated unseen only while nothing of its reply has come;
a reply that broke off is asked for once more, and its text withdrawn. Must not know who asks. Loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.messages import Usage
from openclaw_desktop.core.protocols import CompletionDone, CompletionEvent, Prompt, Secrets, TextDelta, TextDropped
from openclaw_desktop.core.text import tr
from openclaw_desktop.core.tokens import estimate_tokens
from openclaw_desktop.inference.endpoints.book import Endpoint
from openclaw_desktop.inference.endpoints.dialect import Dialect, Dialects
from openclaw_desktop.inference.endpoints.failures import (
    BUSY,
    Broken,
    Refused,
    died,
    explain_refusal,
    not_openai,
    too_slow,
)
from openclaw_desktop.inference.endpoints.forms import ReplyForm, ReplyText, write_messages
from openclaw_desktop.inference.endpoints.weights import choice_prompt, read_choice, weights_of
from openclaw_desktop.inference.endpoints.wire import Wire

log = logging.getLogger(__name__)

MODELS_LIMIT_S = 10.0
EMBEDDING_LIMIT_S = 30.0
# Between tries at a server that is busy or still loads its model.
BUSY_WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
AGAIN_WAIT_S = 0.2
TOP_LOGPROBS = 20
MOST_TOKENS = 1 << 30
# No server's token is longer, as a mean over a reply: one that writes on and on is stopped.
CHARS_PER_TOKEN = 64
MODELS_LISTED = 2000
MODEL_ID_CHARS = 200


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model that an endpoint names. `context_tokens`: how much it reads, where the server says so."""

    id: str
    context_tokens: int | None = None
    owner: str = ""


@dataclass(slots=True)
class _Counts:
    """What one reply took, as it comes in."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    pieces: int = 0
    characters: int = 0
    told: bool = False
    first_s: float | None = None

    def usage(self, prompt: Prompt) -> Usage:
        """Return the server's count; where it told none, an estimate: its pieces, and the prompt's letters."""
        if self.told:
            return Usage(self.prompt, self.cached, self.completion)
        return Usage(sum(estimate_tokens(message.text) for message in prompt.messages), 0, self.pieces)


class EndpointClient:
    """Asks one endpoint; several requests may run side by side."""

    def __init__(
        self,
        endpoint: Endpoint,
        secrets: Secrets | None,
        dialects: Dialects,
        busy_waits_s: Sequence[float] = BUSY_WAITS_S,
        again_wait_s: float = AGAIN_WAIT_S,
        proxy: str | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._wire = Wire(endpoint, secrets, proxy)
        self._dialects = dialects
        self._busy_waits_s = busy_waits_s
        self._again_wait_s = again_wait_s
        self.tokens_per_s: float | None = None

    async def models(self, limit_s: float = MODELS_LIMIT_S) -> tuple[ServedModel, ...]:
        """Return the models that the endpoint names; raises UserError."""
        answer = await self._ask("GET", "/models", {}, limit_s, "")
        listed = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(listed, list):
            raise not_openai(self.endpoint)
        return tuple(
            ServedModel(entry["id"], _context_of(entry), str(entry.get("owned_by", "")))
            for entry in listed[:MODELS_LISTED]
            if isinstance(entry, dict) and _is_model_id(entry.get("id"))
        )

    async def complete(self, model: str, prompt: Prompt) -> AsyncGenerator[CompletionEvent, None]:
        """Ask `model`; see `core.protocols.Complete`. Closing the iterator closes the connection."""
        for last in (False, True):
            shown = False
            try:
                async with contextlib.aclosing(self._reply(model, prompt)) as events:
                    async for event in events:
                        shown = True
                        yield event
                return
            except Broken as broken:
                log.warning("%s broke off its answer (%s)", self.endpoint.name, type(broken.__cause__).__name__)
                if last:
                    if not shown:
                        await self._diagnose(model, prompt)
                    raise died(self.endpoint) from broken
                if shown:
                    yield TextDropped(tr("{name} broke off its answer; asking it once more.", name=self.endpoint.name))
            await asyncio.sleep(self._again_wait_s)

    async def _reply(self, model: str, prompt: Prompt) -> AsyncGenerator[CompletionEvent, None]:
        """Ask once, in the words that this model understands; raises UserError or Broken."""
        key = f"{self.endpoint.name}/{model}"
        form = ReplyForm.of(prompt.schema) if prompt.schema is not None else None
        waits_s = iter(self._busy_waits_s)
        deadline_s = time.monotonic() + self.endpoint.limits.first_token_s
        while True:
            dialect = self._dialects.get(key)
            text = ReplyText(form, dialect.style) if form else None
            shown = False
            try:
                async with contextlib.aclosing(self._stream(model, prompt, form, text, dialect)) as events:
                    async for event in events:
                        ignored = text is not None and text.ignored and dialect.style != "plain" and not shown
                        if ignored:
                            break
                        shown = True
                        yield event
                    else:
                        return
                # The server took the form and kept to nothing: the next way binds it better.
                self._dialects.put(key, dialect.next_style())
            except Refused as refused:
                wait_s = next(waits_s, None) if refused.status in BUSY else None
                if wait_s is not None and time.monotonic() + wait_s < deadline_s:
                    await asyncio.sleep(wait_s)
                    continue
                changed = None if shown else dialect.after(refused, form is not None)
                if changed is None:
                    raise explain_refusal(self.endpoint, model, refused) from refused
                self._dialects.put(key, changed)

    async def _stream(
        self, model: str, prompt: Prompt, form: ReplyForm | None, text: ReplyText | None, dialect: Dialect
    ) -> AsyncGenerator[CompletionEvent, None]:
        body = _request(model, prompt, form, dialect) | {"stream": True}
        if dialect.counts_usage:
            body["stream_options"] = {"include_usage": True}
        counts, stop = _Counts(), ""
        started_s = time.monotonic()
        async with contextlib.aclosing(self._wire.stream("/chat/completions", body)) as items:
            while (item := await self._next(items, started_s, counts)) is not None:
                pieces, ended = _read(item, counts, text)
                for piece in pieces:
                    yield TextDelta(piece)
                stop = ended or stop
                if counts.characters > prompt.max_tokens * CHARS_PER_TOKEN:
                    stop = "length"  # it was told how much is wanted
                    break
        if not stop:
            raise Broken("the stream ended without a reason")
        if text is not None and (rest := text.close()):
            if text.ignored:
                log.info("%s kept no form as %s", self.endpoint.name, dialect.style)
            yield TextDelta(rest)
        self._note_speed(counts)
        yield CompletionDone(counts.usage(prompt), "length" if stop == "length" else "end")

    async def _next(
        self, items: AsyncGenerator[dict[str, Any], None], started_s: float, counts: _Counts
    ) -> dict[str, Any] | None:
        """Wait for the next piece of a reply within the endpoint's limits; None at its end."""
        limits, now_s = self.endpoint.limits, time.monotonic()
        ends = {"whole_s": started_s + limits.whole_s - now_s}
        if counts.first_s is None:
            ends["first_token_s"] = started_s + limits.first_token_s - now_s
        else:
            ends["between_tokens_s"] = limits.between_tokens_s
        limit = min(ends, key=lambda name: ends[name])
        try:
            async with asyncio.timeout(max(0.0, ends[limit])):
                item = await anext(items, None)
        except TimeoutError:
            raise too_slow(self.endpoint, limit, getattr(limits, limit)) from None
        return item

    def _note_speed(self, counts: _Counts) -> None:
        tokens = counts.completion if counts.told else counts.pieces
        if counts.first_s is not None and tokens > 4 and (took_s := time.monotonic() - counts.first_s) > 0:
            self.tokens_per_s = round((tokens - 1) / took_s, 1)

    async def _diagnose(self, model: str, prompt: Prompt) -> None:
        """Ask without streaming: some servers can tell only then what they stumble over."""
        body = {"model": model, "messages": write_messages(prompt.messages), "max_tokens": 1, "stream": False}
        with contextlib.suppress(Broken):
            await self._ask("POST", "/chat/completions", body, self.endpoint.limits.first_token_s, model)

    async def weigh(
        self,
        model: str,
        prompt: Prompt,
        choices: Sequence[str],
        note_usage: Callable[[Usage], object] = lambda _: None,
    ) -> tuple[float, ...]:
        """Return a probability for each of `choices`; see `core.protocols.Weigh`. `note_usage` hears what it took."""
        key = f"{self.endpoint.name}/{model}"
        while (dialect := self._dialects.get(key)).takes_logprobs:
            body = _request(model, prompt, None, dialect)
            body |= {dialect.limit: 1, "logprobs": True, "top_logprobs": TOP_LOGPROBS, "stream": False}
            try:
                answer = await self._wire.post("/chat/completions", body, self.endpoint.limits.first_token_s)
            except Refused as refused:
                changed = dialect.after(refused, with_form=False)
                if changed is None:
                    raise explain_refusal(self.endpoint, model, refused) from refused
                self._dialects.put(key, changed)
                continue
            except Broken as broken:
                raise died(self.endpoint) from broken
            note_usage(_usage(answer, prompt))
            if (weights := weights_of(_top_logprobs(answer), choices)) is not None:
                return weights
            break
        return read_choice(await self._whole(model, choice_prompt(prompt, choices), note_usage), choices)

    async def _whole(self, model: str, prompt: Prompt, note_usage: Callable[[Usage], object]) -> str:
        text = ""
        async with contextlib.aclosing(self.complete(model, prompt)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    text += event.text
                elif isinstance(event, TextDropped):
                    text = ""
                else:
                    note_usage(event.usage)
        return text

    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector for each text, not normalised; raises UserError."""
        body = {"model": model, "input": list(texts), "encoding_format": "float"}
        answer = await self._ask("POST", "/embeddings", body, EMBEDDING_LIMIT_S, model)
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors = [[float(value) for value in row["embedding"]] for row in rows]
        except (KeyError, TypeError, ValueError, OverflowError):
            vectors = []
        usable = all(vector and all(map(math.isfinite, vector)) for vector in vectors)
        if len(vectors) != len(texts) or len({len(vector) for vector in vectors}) > 1 or not usable:
            raise UserError(
                "no_vectors",
                tr("{name} gave no usable vectors for {model}.", name=self.endpoint.name, model=model),
                tr("Name an embedding model: memory.embeddings = endpoint:{name}/MODEL.", name=self.endpoint.name),
            )
        return vectors

    async def _ask(self, method: str, path: str, body: dict[str, Any], limit_s: float, model: str) -> Any:
        """Ask for something whole, a second time where nothing came of it; raises UserError."""
        for last in (False, True):
            try:
                if method == "GET":
                    return await self._wire.get(path, limit_s)
                return await self._wire.post(path, body, limit_s)
            except Refused as refused:
                raise explain_refusal(self.endpoint, model, refused) from refused
            except Broken as broken:
                if last:
                    raise died(self.endpoint) from broken
                await asyncio.sleep(self._again_wait_s)
        raise AssertionError("the second time ends it")

    async def close(self) -> None:
        """End the connections."""
        await self._wire.close()


def _request(model: str, prompt: Prompt, form: ReplyForm | None, dialect: Dialect) -> dict[str, Any]:
    asked = form.ask(dialect.style, prompt.messages) if form else {"messages": write_messages(prompt.messages)}
    body = {"model": model, dialect.limit: prompt.max_tokens, **asked}
    if dialect.takes_temperature:
        body["temperature"] = prompt.temperature
    return body


def _read(item: dict[str, Any], counts: _Counts, text: ReplyText | None) -> tuple[list[str], str]:
    """Return what of a piece becomes text of the reply, and why it ended, if it did; raises Broken."""
    try:
        _note_usage(item, counts)
        choice = (item.get("choices") or [{}])[0]
        delta = choice.get("delta") or choice.get("message") or {}
        if any(delta.get(key) for key in ("content", "tool_calls", "reasoning_content", "reasoning")):
            counts.pieces += 1
            counts.first_s = counts.first_s or time.monotonic()
        return _pieces(delta, counts, text), str(choice.get("finish_reason") or "")
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise Broken("not the form of a reply") from error


def _pieces(delta: dict[str, Any], counts: _Counts, text: ReplyText | None) -> list[str]:
    content = _clean(delta.get("content"))
    counts.characters += len(content)
    if text is None:
        return [content] if content else []
    out = [text.feed_text(content)] if content else []
    for call in delta.get("tool_calls") or ():
        function = call.get("function") or {}
        arguments = _clean(function.get("arguments"))
        counts.characters += len(arguments)
        out.append(text.feed_call(call.get("index") or 0, _clean(function.get("name")), arguments))
    return [piece for piece in out if piece]


def _clean(value: Any) -> str:
    # Half a surrogate pair is no text that could be stored.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _note_usage(item: dict[str, Any], counts: _Counts) -> None:
    usage = item.get("usage")
    if not isinstance(usage, dict):
        return
    details = usage.get("prompt_tokens_details") or {}
    counts.prompt = _count(usage.get("prompt_tokens"))
    counts.completion = _count(usage.get("completion_tokens"))
    counts.cached = _count(details.get("cached_tokens"))
    counts.told = counts.prompt > 0


def _count(value: Any) -> int:
    """Return a number of tokens that can be true, and kept; raises ValueError and its kin."""
    count = int(value or 0)
    if not 0 <= count <= MOST_TOKENS:
        raise ValueError("not a number of tokens")
    return count


def _is_model_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= MODEL_ID_CHARS and value.isprintable()


def _usage(answer: Any, prompt: Prompt) -> Usage:
    """Return what a whole answer of one token took."""
    counts = _Counts(pieces=1)
    with contextlib.suppress(AttributeError, TypeError, ValueError, OverflowError):
        _note_usage(answer, counts)
    return counts.usage(prompt)


def _context_of(entry: dict[str, Any]) -> int | None:
    """Return how many tokens a listed model reads, as vLLM, llama-server, LM Studio and others write it."""
    meta = entry.get("meta")
    told = [entry.get(field) for field in ("max_model_len", "max_context_length", "context_length")]
    told.append(meta.get("n_ctx") if isinstance(meta, dict) else None)
    return next((value for value in told if type(value) is int and value >= 512), None)


def _top_logprobs(answer: Any) -> list[dict[str, Any]]:
    try:
        top = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        return [entry for entry in top if isinstance(entry, dict)]
    except (KeyError, IndexError, TypeError):
        return []
