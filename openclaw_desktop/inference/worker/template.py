"""From messages to tokens, so that no text of a message can act as a control token.

Owns the walk through a model's own chat template. Must not know llama.cpp's sampling. Model process.

The template is rendered with a mark in place of each text; the rendered frame is tokenised with control tokens, each
text without, so that `<|im_end|>` inside a message stays six characters of text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Private-use characters that no template holds; texts are stripped of them.
OPEN, CLOSE = "\uf8f0", "\uf8f1"
_MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")

Render = Callable[[list[dict[str, str]]], str]
Tokenize = Callable[[str, bool], list[int]]


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """A prompt as the model reads it; `starts`: before which token each message's text stands, by its index."""

    tokens: list[int]
    starts: dict[int, int]

    def stable_tokens(self, messages: int) -> int:
        """Return how many tokens stand before any text but those of the first `messages` messages."""
        if messages <= 0:
            return 0
        return min((at for index, at in self.starts.items() if index >= messages), default=len(self.tokens))


def prompt_tokens(
    messages: Sequence[tuple[str, str]], render: Render, tokenize: Tokenize, begin: int | None = None
) -> PromptTokens:
    """Return the tokens of `messages` (role, text), ready for the assistant to speak.

    `render` fills the model's template; `tokenize(text, special)` tokenises with or without control tokens. `begin`:
    the token that every text of the model begins with, for a template that leaves it out.
    """
    marked = [{"role": role, "content": f"{OPEN}{index}{CLOSE}"} for index, (role, _) in enumerate(messages)]
    tokens: list[int] = []
    starts: dict[int, int] = {}
    for index, piece in enumerate(_MARK.split(render(marked))):
        if index % 2:
            starts.setdefault(int(piece), len(tokens))
            text = messages[int(piece)][1].replace(OPEN, "").replace(CLOSE, "")
            tokens += tokenize(text, False)
        elif piece:
            tokens += tokenize(piece, True)
    if begin is not None and tokens[:1] != [begin]:
        tokens, starts = [begin, *tokens], {index: at + 1 for index, at in starts.items()}
    return PromptTokens(tokens, starts)
