"""Answers that were given before: the same model, asked the same without chance, says the same.

Owns what is kept of them, in memory alone: the text by a hash of the question. Must not know what is asked. Loop.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from openclaw_desktop.core.cache import Cache
from openclaw_desktop.core.messages import Usage
from openclaw_desktop.core.protocols import Complete, CompletionDone, CompletionEvent, Prompt, TextDelta, TextDropped

ANSWERS_KEPT = 256


class AnswerCache:
    """`core.protocols.Complete` that spares the model what background work asks again.

    `model` says which one answers now; "" where none does. A chat's questions always go through.
    """

    def __init__(self, complete: Complete, model: Callable[[], str], cache: Cache[str, str] | None = None) -> None:
        self._complete = complete
        self._model = model
        self.cache = cache or Cache[str, str](ANSWERS_KEPT)

    async def __call__(self, prompt: Prompt) -> AsyncIterator[CompletionEvent]:
        """Ask the model, or give its earlier answer, which takes no tokens."""
        model = prompt.model or self._model()
        key = _key(model, prompt) if model and prompt.lane == "background" and prompt.temperature <= 0 else None
        if key is not None and (known := self.cache.get(key)) is not None:
            yield TextDelta(known)
            yield CompletionDone(Usage(), "end")
            return
        text = ""
        events = self._complete(prompt)
        async with aclosing(events):  # type: ignore[type-var]
            async for event in events:
                match event:
                    case TextDelta(piece):
                        text += piece
                    case TextDropped():
                        text = ""
                    case CompletionDone(_, stop, by) if key is not None and stop == "end" and text:
                        # Where the model died a smaller one may have answered: that is not what this one says.
                        if by in ("", model):
                            self.cache.put(key, text)
                yield event


def _key(model: str, prompt: Prompt) -> str:
    asked = [model, [(m.role, m.text) for m in prompt.messages], prompt.schema, prompt.max_tokens]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
