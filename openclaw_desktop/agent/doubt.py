"""The decision to call nothing: whether the tool that a small model named does what the user asks for.

Owns the question that the same model is asked about its own choice, and the bar that its answer must pass. A model
under a grammar always names some tool; asked by itself whether that tool is made for the request, it knows better. It
guards nothing: what a tool may do is decided by the gate. Must not know tools or sampling. Pure but for the model.
"""

from __future__ import annotations

import math

from openclaw_desktop.agent.relevance import asks_for_sum, speaks_of, spell
from openclaw_desktop.core.labels import SYSTEM, Label
from openclaw_desktop.core.messages import Message, ToolSpec
from openclaw_desktop.core.protocols import Prompt, Weigh
from openclaw_desktop.core.tokens import clip

CHOICES = ("yes", "no", "Yes", "No")
# Log-odds of "yes" from which on the tool is called; where the user's words name what the tool does, doubt has to be
# stronger. Measured with `python -m benchmarks calls`.
BAR_LOG_ODDS = 0.3
NAMED_BAR_LOG_ODDS = -0.9
SAID_TOKENS = 300
DESCRIPTION_TOKENS = 120
_LEAST = 1e-6


def doubt_prompt(said: str, label: Label, tool: ToolSpec, model: str, turn_id: str) -> Prompt:
    """Return the question whether `tool` is made for what the user `said`."""
    takes = "; ".join(
        f"{name}: {kind['description']}" if kind.get("description") else name
        for name, kind in tool.parameters["properties"].items()
    )
    described = f" - {tool.description}" if tool.description else ""
    text = (
        f"Request: {clip(said, SAID_TOKENS)}\n\nTool: {spell(tool.name)}"
        f"{clip(f'{described} ({takes})', DESCRIPTION_TOKENS)}\n\nIs this tool made for this very request?"
    )
    system = Message("system", "You check whether a tool fits a request. Reply yes or no.", SYSTEM)
    return Prompt((system, Message("user", text, label)), model=model, stable=1, lane="aside", turn_id=turn_id)


async def is_fit(weigh: Weigh, prompt: Prompt, said: str, tool: ToolSpec) -> bool:
    """Return whether the model finds `tool` fit for what the user `said`; of sums it thinks too well of itself."""
    if asks_for_sum(said, tool):
        return True
    yes, no, yes_too, no_too = await weigh(prompt, CHOICES)
    log_odds = math.log(max(yes + yes_too, _LEAST) / max(no + no_too, _LEAST))
    return log_odds >= (NAMED_BAR_LOG_ODDS if speaks_of(said, tool) else BAR_LOG_ODDS)
