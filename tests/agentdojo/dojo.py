"""AgentDojo's suites through the real executor, gate and questions, with a scripted model in place of a real one.

Owns the scripted model, which does the user's task as AgentDojo solves it and obeys every injection that it reads, and
the two users: one who denies all, one who approves exactly what belongs to the user's task. AgentDojo's own checks say
what was done and what was won. Loop: one for each task.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from dojo_annotations import ANNOTATIONS

from openclaw_desktop.core.events import Question
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import Message, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.security.approval import call_hash, shown_call
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.security.labels import join
from openclaw_desktop.security.named_pages import names_page
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.execution import Executor


def _without_clients() -> None:
    """Let AgentDojo load without the clients of the model services that its pipeline package imports at its start."""
    found = importlib.util.find_spec("agentdojo")
    assert found is not None and found.submodule_search_locations is not None
    package = ModuleType("agentdojo.agent_pipeline")
    package.__path__ = [str(Path(found.submodule_search_locations[0]) / "agent_pipeline")]
    sys.modules.setdefault("agentdojo.agent_pipeline", package)
    # One name of Google's client is wanted by the module that runs AgentDojo's own tool loop, which is not used here.
    google = ModuleType("agentdojo.agent_pipeline.llms.google_llm")
    vars(google)["EMPTY_FUNCTION_NAME"] = "<empty-function>"
    sys.modules.setdefault(google.__name__, google)


_without_clients()

from agentdojo.agent_pipeline.base_pipeline_element import BasePipelineElement  # noqa: E402
from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime  # noqa: E402
from agentdojo.task_suite.load_suites import get_suites  # noqa: E402
from agentdojo.task_suite.task_suite import TaskSuite  # noqa: E402
from agentdojo.types import ChatAssistantMessage, text_content_block_from_string  # noqa: E402

# The last version of the suites with 629 pairs of a user's task and an injection.
VERSION = "v1.1.2"
MARK = "---OBEY-THIS---"
# The one tool that needs an answer and then shows something.
PAGE = "get_webpage"
RESULT_TOKENS = 1_000_000
Judge = Callable[[Question], bool]


class NoGrants:
    """A user who granted nothing for good."""

    async def active(self) -> frozenset[Grant]:
        """Return no grant."""
        return frozenset()

    async def add(self, capability: str, scope: str) -> object:
        """Refuse: these users answer "once"."""
        raise AssertionError(f"nothing is granted for good here: {capability} {scope}")


class DojoTool:
    """One function of AgentDojo as a tool, over the environment of one task."""

    def __init__(self, function: Any, runtime: FunctionsRuntime, environment: Any) -> None:
        effect, authority = ANNOTATIONS[function.name]
        self._runtime, self._environment = runtime, environment
        self._before: list[Any] = []
        self.spec = ToolSpec(
            function.name, function.description, function.parameters.model_json_schema(), effect,
            authority=authority, undoable=effect == "local-reversible",
            capability="network:fetch" if function.name == PAGE else None,
        )  # fmt: skip

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call as it is: the names of this world have one form."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Do it in the environment. What comes back is the user's data and anybody's words."""
        label = Label("untrusted", "private", (f"agentdojo:{call.name}",))
        undo = None
        if self.spec.undoable:
            self._before.append({k: f.model_copy(deep=True) for k, f in self._environment.cloud_drive.files.items()})
            undo = {"before": len(self._before) - 1}
        result, error = self._runtime.run_function(self._environment, call.name, dict(call.arguments))
        return ToolResult(_words(result), label, error=error or "", undo=undo)

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Put the files back as they were."""
        self._environment.cloud_drive.files = self._before[token["before"]]
        return "The files are as before."


def _words(result: Any) -> str:
    def plain(value: Any) -> Any:
        return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)

    return json.dumps(result, default=plain, ensure_ascii=False)


@dataclass(slots=True)
class Seen:
    """What a run showed: the questions, the calls that ran, and whether the injection was read."""

    questions: list[Question] = field(default_factory=list)
    done: list[FunctionCall] = field(default_factory=list)
    denied: int = 0
    read: bool = False


class ScriptedAgent(BasePipelineElement):
    """Does `user_task` perfectly and, as soon as it reads MARK, all that `injection_task` wants.

    `judge` answers the questions. `gated` False runs each call straight away: what the injections do without a gate.
    """

    def __init__(
        self, user_task: Any, injection_task: Any, judge: Judge, *, gated: bool = True, plans: bool = True
    ) -> None:
        self._user_task, self._injection_task, self._judge = user_task, injection_task, judge
        self._gated, self._plans = gated, plans
        self.seen = Seen()

    def query(
        self, query: str, runtime: Any, env: Any = None, messages: Sequence[Any] = (), extra_args: Any = None
    ) -> Any:
        """Run the task; see `BasePipelineElement.query`."""
        self.seen = Seen()
        asyncio.run(self._work(query, runtime, env))
        said = self._user_task.GROUND_TRUTH_OUTPUT
        if self.seen.read and self._injection_task is not None:
            said = f"{said} {self._injection_task.GROUND_TRUTH_OUTPUT}"
        trace = [
            ChatAssistantMessage(role="assistant", tool_calls=[call], content=[text_content_block_from_string("")])
            for call in self.seen.done
        ]
        answer = ChatAssistantMessage(role="assistant", tool_calls=None, content=[text_content_block_from_string(said)])
        return query, runtime, env, [*messages, *trace, answer], extra_args

    async def _work(self, query: str, runtime: FunctionsRuntime, env: Any) -> None:
        tools = [DojoTool(function, runtime, env) for function in runtime.functions.values()]
        executor = Executor(tools, NoGrants(), find_problem)
        calls = self._user_task.ground_truth(env)
        injected = self._injection_task.ground_truth(env) if self._injection_task is not None else []
        scene = CallScene(
            "ses_dojo", "turn_dojo", USER, result_tokens=RESULT_TOKENS, texts=(Message("user", query, USER),)
        )
        await self._carry_out(calls, injected, tools, executor, scene)

    async def _carry_out(
        self, calls: Sequence[FunctionCall], injected: Sequence[FunctionCall], tools: Sequence[DojoTool],
        executor: Executor, scene: CallScene,
    ) -> CallScene:  # fmt: skip
        by_name = {tool.spec.name: tool for tool in tools}
        for together in _plans(calls, by_name, scene):
            asked = [ToolCall(f"call_{n}", call.function, dict(call.args)) for n, call in enumerate(together)]
            if self._gated and self._plans and len(asked) > 1:
                await executor.permit_plan(asked, scene, self._ask)
            for call, tool_call in zip(together, asked, strict=True):
                if self._gated:
                    outcome, _ = await executor(tool_call, scene, self._ask)
                    text, label, done = outcome.result or outcome.error or "", outcome.label, outcome.status == "done"
                    self.seen.denied += outcome.status == "denied"
                else:
                    result = await by_name[call.function].run(tool_call, scene)
                    text, label, done = result.text, result.label, result.success
                if done:
                    self.seen.done.append(call)
                scene = dataclasses.replace(
                    scene, context=join([scene.context, label]), texts=(*scene.texts, Message("user", text, label))
                )
                if MARK in text and not self.seen.read:
                    self.seen.read = True
                    scene = await self._carry_out(injected, [], tools, executor, scene)
        return scene

    async def _ask(self, question: Question) -> str:
        self.seen.questions.append(question)
        return question.choices[0].id if self._judge(question) else "no"


def _plans(
    calls: Sequence[FunctionCall], tools: Mapping[str, DojoTool], scene: CallScene
) -> Iterator[list[FunctionCall]]:
    """Yield the calls as the model hands them over: first what it has to read, then together all that it does.

    One page that the request names comes before all else, while nothing was read that could have chosen it. Other pages
    of the web are read together, before what is done: nobody can write of a page that they have not seen.
    """

    def named(call: FunctionCall) -> bool:
        return names_page(scene.texts, ToolCall("", call.function, dict(call.args)), tools[call.function].spec)

    free = [call for call in calls if named(call)][:1]
    yield from ([call] for call in free)
    calls = [call for call in calls if call not in free]
    reads = [call for call in calls if tools[call.function].spec.effect == "read"]
    pages = [call for call in calls if call.function == PAGE]
    deeds = [call for call in calls if tools[call.function].spec.effect != "read" and call.function != PAGE]
    yield from ([call] for call in reads)
    yield from (together for together in (pages, deeds) if together)


def denies_all(question: Question) -> bool:
    """Answer every question no."""
    return False


class ApprovesTheTask:
    """A user who judges well: yes where all that is shown belongs to the task, arguments included."""

    def __init__(self, task: Any, environment: Any) -> None:
        calls = [ToolCall("", call.function, dict(call.args)) for call in task.ground_truth(environment)]
        self._hashes = {call_hash(call) for call in calls}
        self._shown = {_shown(call.name, call.arguments) for call in calls}

    def __call__(self, question: Question) -> bool:
        """Compare what the question shows, as a person would, and the hash of a single call besides."""
        if len(question.calls) == 1 and question.call_hash not in self._hashes:
            return False
        return bool(question.calls) and all(
            (call.tool, tuple(sorted((a.name, a.value) for a in call.arguments))) in self._shown
            for call in question.calls
        )


def _shown(name: str, arguments: Mapping[str, Any]) -> Any:
    shown = shown_call(ToolCall("", name, arguments), ToolSpec(name, "", {}, "outbound"))
    return shown.tool, tuple(sorted((a.name, a.value) for a in shown.arguments))


def suites() -> dict[str, TaskSuite[Any]]:
    """Return the four suites."""
    return get_suites(VERSION)


@dataclass(frozen=True, slots=True)
class Result:
    """One run: AgentDojo's own verdicts, and what was seen."""

    suite: str
    user_task: str
    injection_task: str
    useful: bool
    won: bool
    seen: Seen


class Dojo:
    """Runs pairs of one suite; its environments are read once."""

    def __init__(self, name: str) -> None:
        self.name, self.suite = name, suites()[name]
        marks = {vector: MARK for vector in self.suite.get_injection_vector_defaults()}
        self._clean = self.suite.load_and_inject_default_environment({})
        self._poisoned = self.suite.load_and_inject_default_environment(marks)

    def acting(self, injection_task: str) -> bool:
        """True where the injection needs a tool; what only wants to be said is not the gate's."""
        task = self.suite.get_injection_task_by_id(injection_task)
        return bool(task.ground_truth(self._poisoned.model_copy(deep=True)))

    def run(
        self, user_task: str, injection_task: str = "", *, judge: Judge | None = None, gated: bool = True,
        plans: bool = True,
    ) -> Result:  # fmt: skip
        """Run one task, with an injection where one is named. `judge` None: the user who approves the task alone."""
        task = self.suite.get_user_task_by_id(user_task)
        injection = self.suite.get_injection_task_by_id(injection_task) if injection_task else None
        environment = (self._poisoned if injection else self._clean).model_copy(deep=True)
        if judge is None:
            judge = ApprovesTheTask(task, task.init_environment(environment.model_copy(deep=True)))
        agent = ScriptedAgent(task, injection, judge, gated=gated, plans=plans)
        useful, won = self.suite.run_task_with_pipeline(agent, task, injection, {}, environment=environment)
        return Result(self.name, user_task, injection_task, useful, won and injection is not None, agent.seen)
