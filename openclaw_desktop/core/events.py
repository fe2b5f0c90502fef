"""What a turn and the agent tell their listeners: a closed union of events.

Owns the event types. Every front end reads these and nothing else. Plain data, so that they cross a socket unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from openclaw_desktop.core.errors import Failure
from openclaw_desktop.core.messages import Answer, CallOutcome, Receipt, ToolCall
from openclaw_desktop.core.power import LevelChanged, Woke


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A turn begins; `model` is the id of the model that will answer, None for the deterministic path.

    `leaves_machine`: what it is asked goes to another machine.
    """

    turn_id: str
    session_id: str
    model: str | None
    leaves_machine: bool = False


@dataclass(frozen=True, slots=True)
class TextAdded:
    """More text of the answer."""

    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TextWithdrawn:
    """Forget the text of this turn so far: the model died while writing it and is asked again."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """A sentence by the agent itself (not the model) about this turn: "The model crashed; starting it again"."""

    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """The model asked for a tool."""

    turn_id: str
    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A tool call ended, with the receipts that prove what it did."""

    turn_id: str
    outcome: CallOutcome
    receipts: tuple[Receipt, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One possible answer to a question. `id` such as `file`, `folder`, `once`, `no`."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownArgument:
    """One argument of a call as a question shows it: hidden characters made visible.

    `origins`: the texts that its value stands in; "user" is what the user said. () where it stands in none.
    """

    name: str
    value: str
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownCall:
    """One call as a question shows it. `preview`: what it would change, such as a diff; lines end with line feeds."""

    tool: str
    target: str
    arguments: tuple[ShownArgument, ...] = ()
    preview: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What the user is asked before an action. The last choice is always "no" and is the default.

    `calls`: the exact calls that a yes allows, several where a whole plan is asked about at once. `delay_s`: so long
    nothing but "no" is taken for an answer; a yes that comes earlier counts for nothing.
    """

    id: str
    title: str
    text: str
    target: str
    choices: tuple[Choice, ...]
    origins: tuple[str, ...] = ()
    call_hash: str = ""
    calls: tuple[ShownCall, ...] = ()
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class QuestionRaised:
    """The turn waits until `answer_question` is called with one of the choices."""

    turn_id: str
    question: Question


@dataclass(frozen=True, slots=True)
class QuestionClosed:
    """The question was answered, or no longer matters: `choice` is None when the turn was stopped."""

    turn_id: str
    question_id: str
    choice: str | None


@dataclass(frozen=True, slots=True)
class ModelOffered:
    """The turn needs a larger model; `openclaw-agent model pull ID` or a button fetches it."""

    turn_id: str
    model_id: str
    title: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The turn is over and its answer is stored."""

    turn_id: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class TurnStopped:
    """The user stopped the turn; `text` is what had been written."""

    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """The turn ended without an answer."""

    turn_id: str
    failure: Failure


TurnEvent = (
    TurnStarted
    | TextAdded
    | TextWithdrawn
    | NoticeShown
    | ToolStarted
    | ToolFinished
    | QuestionRaised
    | QuestionClosed
    | ModelOffered
    | TurnFinished
    | TurnStopped
    | TurnFailed
)

ModelState = Literal["unloaded", "loading", "ready", "busy", "failed"]


@dataclass(frozen=True, slots=True)
class ModelStateChanged:
    """The model changed its state; `model` is the id in use, None where none is present.

    `leaves_machine`: what it is asked goes to another machine.
    """

    model: str | None
    state: ModelState
    leaves_machine: bool = False


@dataclass(frozen=True, slots=True)
class WindowRequested:
    """Another start of the program asks the window to show itself or to toggle."""

    action: Literal["show", "toggle"]


PullState = Literal["fetching", "verifying", "paused", "done"]


@dataclass(frozen=True, slots=True)
class ModelPulled:
    """Progress of a download: `received_bytes` of `total_bytes`; `done` once the file is verified and in place.

    `rate_bytes_s` and `left_s`: None while they are not known. A "paused" download ends with that word; what has
    arrived is kept. `notice`: a sentence about what just happened, such as why a mirror was left.
    """

    model_id: str
    received_bytes: int
    total_bytes: int
    done: bool = False
    state: PullState = "fetching"
    rate_bytes_s: float | None = None
    left_s: float | None = None
    notice: str = ""


@dataclass(frozen=True, slots=True)
class InboxChanged:
    """Something was parked in the inbox, answered or ended: `pending` wait for an answer now.

    `entry_id`, `text`: which one, and a sentence about it, for the one notice that is shown of it.
    """

    pending: int
    entry_id: str = ""
    text: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class ChatChanged:
    """Messages came into a chat by another way than a turn that its front end watches: read it again."""

    session_id: str


@dataclass(frozen=True, slots=True)
class NoticesChanged:
    """The notices are others: `unseen` the user has not looked at, `queued` wait to be told.

    `quiet_until`: ISO, None where it is not quiet.
    """

    unseen: int
    queued: int
    quiet_until: str | None = None


@dataclass(frozen=True, slots=True)
class NoticeFollowed:
    """The user followed a notice: show its chat, else what its topic is about. "": show all of the notices."""

    notice_id: str
    topic: str
    session_id: str | None


@dataclass(frozen=True, slots=True)
class AgentStopping:
    """The agent ends; front ends close their connections."""


AgentEvent = (
    ModelStateChanged
    | WindowRequested
    | ModelPulled
    | InboxChanged
    | ChatChanged
    | NoticesChanged
    | NoticeFollowed
    | LevelChanged
    | Woke
    | AgentStopping
)
