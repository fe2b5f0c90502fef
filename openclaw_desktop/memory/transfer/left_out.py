"""What an import leaves out, counted while it reads, so that it can be said before anything is kept.

Owns the sentence about it. Must not know any format. One import's own; any thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from openclaw_desktop.core.text import tr, visible


@dataclass(slots=True)
class LeftOut:
    """How much was not read. `conversations`: not understood; `messages`: on branches not shown; `files`: names."""

    conversations: int = 0
    messages: int = 0
    attachments: int = 0
    code_blocks: int = 0
    files: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        """Return what is left out as one sentence, "" where nothing is."""
        counted = (
            (self.conversations, tr("1 conversation that is not understood"),
             tr("{count} conversations that are not understood", count=f"{self.conversations:,}")),
            (self.messages, tr("1 message on another branch"),
             tr("{count} messages on other branches", count=f"{self.messages:,}")),
            (self.code_blocks, tr("1 code block"), tr("{count} code blocks", count=f"{self.code_blocks:,}")),
            (self.attachments, tr("1 attachment"), tr("{count} attachments", count=f"{self.attachments:,}")),
        )  # fmt: skip
        things = [one if count == 1 else many for count, one, many in counted if count]
        things += [visible(name) for name in self.files]
        if not things:
            return ""
        if len(things) > 1:
            names = tr("{first} and {last}", first=", ".join(things[:-1]), last=things[-1])
            return tr("{names} are left out.", names=names)
        if self.files or max(count for count, _, _ in counted) == 1:
            return tr("{name} is left out.", name=things[0])
        return tr("{names} are left out.", names=things[0])
