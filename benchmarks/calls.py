"""Which tool a request calls, and with what: requests to a desktop agent, and questions in the manner of BFCL.

The given tools go the same way as the product's own: chosen by relevance, offered in the system prompt, named and
filled by the model under the grammar, doubted, repaired. A call is recorded in place of being carried out.

    python -m benchmarks.calls requests --requests R.jsonl --tools T.json --out CALLS.jsonl [--model ID] [--plain]
    python -m benchmarks.calls functions --questions Q.jsonl --out CALLS.jsonl [--model ID]

`--plain` puts the deterministic path in front and lets a model do only what the product lets it do: SmolLM2 talks.
Without it every model is asked to call tools. `python -m benchmarks calls` scores the requests in benchmarks/data, and,
where OPENCLAW_EVALUATION names a folder with requests-dev.jsonl, request-tools.json and bfcl-dev.jsonl, those too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.call_scores import kind_of, score_functions, score_requests
from benchmarks.results import MET, MISSED, Options, Row
from openclaw_desktop.agent.compaction import Extract
from openclaw_desktop.agent.context import PastTurn
from openclaw_desktop.agent.plain_requests import PlainRequest, RecallAbout, parse_plain
from openclaw_desktop.agent.session import Parts, SessionAgent, Task
from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import TextAdded
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import Answer, CallOutcome, Message, Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import Ask, CallScene, Memory, ModelCard
from openclaw_desktop.inference.catalogue import find_model, load_catalogue
from openclaw_desktop.inference.client import ENVIRONMENT, LoadedModel, ModelClient
from openclaw_desktop.memory import word_vectors
from openclaw_desktop.security.labels import join
from openclaw_desktop.service.walls.tooling import find_times
from openclaw_desktop.system.paths import find_home, model_folders
from openclaw_desktop.workers.supervisor import Supervisor

DATA = Path(__file__).parent / "data"
# What the deterministic path does, by the product's names and by those that a file of tools may have for the same.
EXISTING = frozenset({"remember", "recall", "forget", "read_file", "list_folder", "list_dir"})
_OTHER_NAMES = {"list_folder": "list_dir"}
CONTEXT_TOKENS = 4096
SMALL_MODEL, LARGE_MODEL = "smollm2-135m", "qwen2.5-coder-1.5b"
# Names of JSON Schema for what BFCL calls its types.
_TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
Call = dict[str, Any]


class _Recorded(Exception):
    """The call was made: the turn need not go on."""


class _NoStores:
    """A session without a past; nothing is kept."""

    async def past_turns(self, session_id: str) -> tuple[PastTurn, ...]:
        return ()

    async def extracts(self, session_id: str) -> tuple[Extract, ...]:
        return ()

    async def fold(self, session_id: str, extracts: Sequence[Extract]) -> None:
        pass

    def erasures(self) -> int:
        return 0

    async def keep_question(self, session_id: str, turn_id: str, text: str, label: Label = USER) -> None:
        pass

    async def keep_unanswered(self, turn_id: str) -> None:
        """Keep nothing."""

    async def keep_answer(self, session_id: str, answer: Answer, asked: Message | None, erasures: int) -> None:
        pass


class _OneModel:
    """The model that is measured."""

    def __init__(self, card: ModelCard) -> None:
        self._card = card

    def current(self) -> ModelCard:
        return self._card

    def larger(self) -> None:
        return None


class Caller:
    """Asks one model, request by request."""

    def __init__(self, client: ModelClient, card: ModelCard) -> None:
        self._client = client
        self._models = _OneModel(card)
        self._vectors = word_vectors(3600)
        self._call: ToolCall | None = None

    async def _execute(
        self, call: ToolCall, scene: CallScene, ask: Ask | None
    ) -> tuple[CallOutcome, tuple[Receipt, ...]]:
        self._call = call
        raise _Recorded

    async def _recall(self, query: str, k: int) -> tuple[Memory, ...]:
        return ()

    async def call(self, text: str, tools: Sequence[ToolSpec], plain: bool) -> Call:
        """Return the call that `text` makes, `answer` where it makes none."""
        sorted_tools = tuple(sorted(tools, key=lambda tool: tool.name))
        parts = Parts(
            self._client, self._client.weigh, self._vectors, self._execute, self._recall, _NoStores(), self._models,
            join, lambda: sorted_tools, find_times, SystemClock(),
            parse_plain if plain else _no_plain,
        )  # fmt: skip
        self._call, said = None, ""
        if plain and isinstance(asked := parse_plain(text), RecallAbout) and asked.certain:
            # Code searches by itself there, without a call that could be recorded.
            return {"name": "recall", "arguments": {"query": asked.query}}
        try:
            async for event in SessionAgent(parts).run(Task("turn", "ses", text, None)):
                said += event.text if isinstance(event, TextAdded) else ""
        except _Recorded:
            pass
        except UserError as error:
            return {"name": None, "arguments": {}, "error": error.failure.text}
        if self._call is None:
            return {"name": "answer", "arguments": {"text": said}}
        return {"name": offered_name(self._call.name, tools), "arguments": dict(self._call.arguments)}


def offered_name(name: str, tools: Sequence[ToolSpec]) -> str:
    """Return the name that `tools` have for the product's own tool called `name`."""
    offered, other = {tool.name for tool in tools}, _OTHER_NAMES.get(name, name)
    return other if name not in offered and other in offered else name


def _no_plain(_text: str) -> PlainRequest | None:
    return None


@asynccontextmanager
async def caller(model_id: str, plain: bool) -> AsyncIterator[Caller]:
    """Start the model worker with the model of that id, which must be here; `plain`: as the product would."""
    model = find_model(load_catalogue(), model_id)
    folders = model_folders(find_home(None, {}), os.environ)
    path = next((folder / model.file for folder in folders if (folder / model.file).is_file()), None)
    if path is None:
        sys.exit(f"{model.title} is not on this machine: openclaw-agent model pull {model.id}")
    client = ModelClient(Supervisor("inference", ENVIRONMENT), lambda _model, _state: None)
    context = min(model.context_tokens, CONTEXT_TOKENS)
    client.choose(LoadedModel(model.id, path, context))
    try:
        calls_tools = model.calls_tools or not plain
        yield Caller(client, ModelCard(model.id, model.title, model.size_bytes, calls_tools, context))
    finally:
        await client.stop()


def read_lines(path: Path) -> list[Any]:
    """Return a file's JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def request_tools(path: Path) -> tuple[ToolSpec, ...]:
    """Return the signatures of a file such as {"name": {"parameters": {"argument": meaning}, "required": [...]}}."""
    return tuple(
        ToolSpec(
            name,
            tool.get("description", ""),
            {
                "type": "object",
                "properties": {
                    key: {"type": "string", "description": meaning} for key, meaning in tool["parameters"].items()
                },
                "required": tool["required"],
                "additionalProperties": False,
            },
            "read",
        )
        for name, tool in json.loads(path.read_text(encoding="utf-8")).items()
        if name != "answer"
    )


def function_tools(functions: Sequence[dict[str, Any]]) -> tuple[ToolSpec, ...]:
    """Return BFCL's functions as tools."""
    return tuple(
        ToolSpec(function["name"], function["description"], _schema(function["parameters"]), "read")
        for function in functions
    )


def _schema(kind: dict[str, Any]) -> dict[str, Any]:
    schema = {key: value for key, value in kind.items() if key in ("type", "description", "enum", "required")}
    if schema.get("type") in _TYPES:
        schema["type"] = _TYPES[schema["type"]]
    if "properties" in kind:
        schema["properties"] = {name: _schema(part) for name, part in kind["properties"].items()}
        schema.setdefault("required", [])
    if "items" in kind:
        schema["items"] = _schema(kind["items"])
    return schema


def measure(options: Options) -> list[Row]:
    """Let the large model call, and the deterministic path with the small one, and return a row for each set."""
    tools = DATA / "tools.json"
    own = read_lines(DATA / "requests.jsonl")[:: 5 if options.quick else 1]
    rows = [_request_row("own requests, Qwen2.5-Coder-1.5B", own, tools), _plain_row("own requests", own, tools)]
    folder = Path(os.environ.get("OPENCLAW_EVALUATION", ""))
    if (folder / "bfcl-dev.jsonl").is_file():
        given = read_lines(folder / "requests-dev.jsonl")
        title = "requests-dev.jsonl"
        signatures = folder / "request-tools.json"
        rows += [_request_row(f"{title}, Qwen2.5-Coder-1.5B", given, signatures), _plain_row(title, given, signatures)]
        rows += _function_rows(read_lines(folder / "bfcl-dev.jsonl"))
    return rows


def _request_row(title: str, requests: list[Any], tools: Path) -> Row:
    calls = asyncio.run(call_requests(requests, request_tools(tools), LARGE_MODEL, plain=False))
    required = {name: tool["required"] for name, tool in json.loads(tools.read_text(encoding="utf-8")).items()}
    score = score_requests(calls, requests, required)
    least = [math.floor(share * score.n) for share in (1.0, 40 / 42, 38 / 42)]
    seen = f"{score.valid} · {score.intent} · {score.arguments} of {score.n}"
    met = score.valid >= least[0] and score.intent >= least[1] and score.arguments >= least[2]
    bar = f">= {' · '.join(map(str, least))}"
    return Row(f"calls, valid · right tool · right arguments: {title}", bar, seen, MET if met else MISSED, score.n)


def _plain_row(title: str, requests: list[Any], tools: Path) -> Row:
    """What a user gets who has the small model alone: the deterministic path acts, the model talks."""
    calls = asyncio.run(call_requests(requests, request_tools(tools), SMALL_MODEL, plain=True))
    existing = right = wrong = 0
    for request, call in zip(requests, calls, strict=True):
        wanted = {request["intent"], *request.get("also_ok", ())}
        existing += request["intent"] in EXISTING
        right += request["intent"] in EXISTING and call["name"] in wanted
        wrong += call["name"] not in wanted | {"answer", None}
    verdict = MET if right >= 0.8 * existing and not wrong else MISSED
    seen = f"right for {right} of {existing} requests of what exists; {wrong} wrong actions in {len(requests)}"
    return Row(f"deterministic path + SmolLM2: {title}", ">= 80 %, 0 wrong actions", seen, verdict, len(requests))


def _function_rows(questions: list[Any]) -> list[Row]:
    hits = score_functions(asyncio.run(call_functions(questions, LARGE_MODEL)), questions)
    counts = Counter(kind_of(question) for question in questions)
    return [
        Row(
            f"BFCL {kind}, Qwen2.5-Coder-1.5B", f">= {least} of {counts[kind]}", f"{hits[kind]} of {counts[kind]}",
            MET if hits[kind] >= least else MISSED, counts[kind],
        )
        for kind, least in (("simple", 38), ("multiple", 17), ("irrelevance", 15))
    ]  # fmt: skip


async def call_requests(requests: Sequence[Any], tools: Sequence[ToolSpec], model_id: str, plain: bool) -> list[Call]:
    """Return the call of each request."""
    async with caller(model_id, plain) as asking:
        return [_tell(row["request"], await asking.call(row["request"], tools, plain)) for row in requests]


async def call_functions(questions: Sequence[Any], model_id: str) -> list[Call]:
    """Return for each question its id and its calls; none where it declines."""
    rows = []
    async with caller(model_id, plain=False) as asking:
        for row in questions:
            text = row["question"][0][-1]["content"]
            call = _tell(text, await asking.call(text, function_tools(row["function"]), plain=False))
            rows.append({"id": row["id"], "calls": [] if call["name"] in ("answer", None) else [call]})
    return rows


def _tell(text: str, call: Call) -> Call:
    print(f"   {text[:60]!r}: {call['name']} {json.dumps(call['arguments'], ensure_ascii=False)[:90]}", flush=True)
    return call


def main() -> None:
    """Write the calls of a file of requests or questions as JSON lines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calls", description=__doc__)
    parser.add_argument("kind", choices=("requests", "functions"))
    parser.add_argument("--requests", type=Path)
    parser.add_argument("--tools", type=Path)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default=LARGE_MODEL)
    parser.add_argument("--plain", action="store_true", help="the deterministic path in front")
    options = parser.parse_args()
    started_s = time.perf_counter()
    if options.kind == "requests":
        rows = asyncio.run(
            call_requests(read_lines(options.requests), request_tools(options.tools), options.model, options.plain)
        )
    else:
        rows = asyncio.run(call_functions(read_lines(options.questions), options.model))
    options.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} in {time.perf_counter() - started_s:.0f} s: {options.out}")


if __name__ == "__main__":
    main()
