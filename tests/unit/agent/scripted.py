"""A model that says what a test tells it to; its real counterpart is tests/integration/test_model_worker.py."""

import json
from collections.abc import AsyncIterator
from typing import Any

from openclaw_desktop.core.messages import Usage
from openclaw_desktop.core.protocols import CompletionDone, CompletionEvent, Prompt, TextDelta, TextDropped


class ScriptedModel:
    """Replies with each of `replies` in turn; a dict is a reply with a tool, DIES a death in the middle."""

    DIES = object()

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.prompts: list[Prompt] = []

    async def __call__(self, prompt: Prompt) -> AsyncIterator[CompletionEvent]:
        self.prompts.append(prompt)
        reply = self.replies.pop(0)
        if reply is self.DIES:
            yield TextDelta('{"tool":"answer","text":"half')
            yield TextDropped("The model crashed.")
            reply = self.replies.pop(0)
        text = reply if isinstance(reply, str) else json.dumps(reply)
        for start in range(0, len(text), 5):
            yield TextDelta(text[start : start + 5])
        yield CompletionDone(Usage(10, 4, 5), "end")
