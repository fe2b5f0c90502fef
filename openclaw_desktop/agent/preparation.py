"""Before a call: whether its tool is made for the request, and its arguments put right.

Owns the order of these two for one turn (`loop.Prepare`). Must not know tools, gate or sampling: what a call may do is
decided elsewhere. Loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openclaw_desktop.agent.doubt import doubt_prompt, is_fit
from openclaw_desktop.agent.repair import AskBack, FindTimes, repair_arguments
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import ToolSpec
from openclaw_desktop.core.protocols import Weigh


@dataclass(frozen=True, slots=True)
class Unfit:
    """The tool is not made for what the user asked."""


Prepared = Mapping[str, Any] | Unfit | AskBack


@dataclass(frozen=True, slots=True)
class Preparation:
    """Prepares the calls of one turn. `weigh`: None where the model cannot be asked about its choice.

    `said`: the user's words, `label` theirs.
    """

    said: str
    label: Label
    model: str
    weigh: Weigh | None
    find_times: FindTimes
    turn_id: str = ""

    async def __call__(self, tool: ToolSpec, arguments: Mapping[str, Any], first: bool, results: str = "") -> Prepared:
        """Return the arguments to call `tool` with, or why it is not called.

        Only the first call of a turn is doubted: a later one follows from what a tool returned (`results`), and may
        take its values from there.
        """
        if first and self.weigh is not None:
            prompt = doubt_prompt(self.said, self.label, tool, self.model, self.turn_id)
            if not await is_fit(self.weigh, prompt, self.said, tool):
                return Unfit()
        return repair_arguments(arguments, tool.parameters, self.said, self.find_times, results)
