"""Plans and parked turns through the whole product: the agent in its own process, a model's words written here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from agent_process import Program, Serving
from endpoint_server import EndpointServer, Reply, Seen, says

from openclaw_desktop.core.events import ChatChanged, QuestionRaised, TurnFinished
from openclaw_desktop.service.api import AskRequest, SessionMessage
from openclaw_desktop.service.remote import RemoteService

NOTE = "The plumber comes on Thursday at nine."
# No plain request, which would be understood without a model.
QUESTION = "When does the plumber come, as my file notes.txt says it?"
SEVERAL = "Read my file notes.txt and read my file plan.txt, then tell me who comes first"


class Words:
    """What the model says: to a question, then to what a tool returned."""

    def __init__(self, first: str, then: Callable[[str], Reply]) -> None:
        self.first, self.then = first, then
        self.held = asyncio.Event()
        self.went_on = asyncio.Event()
        self.times = 0

    def __call__(self, seen: Seen) -> Reply:
        if seen.body is None:
            return Reply(200, {"data": [{"id": "m"}]})
        if "logprobs" in seen.body:
            top = [{"token": "Yes", "logprob": -0.01}, {"token": "No", "logprob": -5.0}]
            return Reply(200, {"choices": [{"logprobs": {"content": [{"top_logprobs": top}]}}]})
        last = seen.body["messages"][-1]["content"]
        if "Result of" not in last and "[You" not in last:
            return says(self.first)
        self.times += 1
        self.went_on.set()
        return self.then(last)


@pytest.fixture
async def folder(program: Program, tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "notes.txt").write_text(NOTE, encoding="utf-8")
    (folder / "plan.txt").write_text("The painter comes on Friday.", encoding="utf-8")
    return folder


async def serve(program: Program, server: EndpointServer) -> Serving:
    config = program.home / "config"
    if not (config / "endpoints.toml").exists():
        await asyncio.to_thread(program.run, "model", "add", server.url, "--name", "there")
        await asyncio.to_thread(program.run, "model", "use", "there")
    return await asyncio.to_thread(program.serve)


async def connect(agent: Serving) -> RemoteService:
    remote = await RemoteService.connect(agent.socket_path)
    assert remote is not None
    return remote


async def said(remote: RemoteService, session_id: str, until: Callable[[SessionMessage], bool]) -> list[SessionMessage]:
    """Return the chat once its last message is the awaited one; each change of it is announced."""
    async with aclosing(remote.watch()) as events, asyncio.timeout(60):
        announced = asyncio.ensure_future(anext(events))
        try:
            while True:
                messages = list((await remote.show_session(session_id)).messages)
                if until(messages[-1]):
                    return messages
                while not isinstance(await announced, ChatChanged):
                    announced = asyncio.ensure_future(anext(events))
                announced = asyncio.ensure_future(anext(events))
        finally:
            announced.cancel()
            await asyncio.gather(announced, return_exceptions=True)


async def ask_alone(program: Program, folder: Path) -> Any:
    ended = await asyncio.to_thread(program.run, "ask", QUESTION, "--json", cwd=folder)
    return ended.document


async def test_after_the_answer_the_turn_goes_on_with_the_result_also_after_a_restart(
    program: Program, folder: Path
) -> None:
    words = Words(
        '{"tool": "read_file", "path": "notes.txt"}', lambda last: says('{"tool": "answer", "text": "On Thursday."}')
    )
    async with EndpointServer(words) as server:
        agent = await serve(program, server)
        answer = await ask_alone(program, folder)
        assert [(call["name"], call["status"]) for call in answer["tool_calls"]] == [("read_file", "parked")]
        await asyncio.to_thread(agent.stop)
        remote = await connect(await serve(program, server))
        (entry,) = await remote.list_inbox()
        assert (await remote.approve_parked(entry.id, entry.call_hash)).state == "done"
        messages = await said(remote, answer["session_id"], lambda last: last.text == "On Thursday.")
        await remote.close()
    asked, parked, answered, told, goes_on, end = messages
    assert (asked.text, answered.text) == (QUESTION, "[Answered in the inbox]")
    assert "inbox approve" in parked.text and NOTE in told.text and QUESTION in goes_on.text
    # It is built on what the file says, whoever allowed it to be read.
    assert end.untrusted and told.untrusted
    assert words.times == 1


async def test_a_turn_that_a_kill_cut_short_is_not_repeated_and_the_chat_says_so(
    program: Program, folder: Path
) -> None:
    words = Words(
        '{"tool": "read_file", "path": "notes.txt"}', lambda last: says('{"tool"', stop=None, hold=words.held)
    )
    async with EndpointServer(words) as server:
        agent = await serve(program, server)
        answer = await ask_alone(program, folder)
        remote = await connect(agent)
        (entry,) = await remote.list_inbox()
        await remote.approve_parked(entry.id, entry.call_hash)
        await asyncio.wait_for(words.went_on.wait(), 60)
        await asyncio.to_thread(agent.kill)
        await remote.close()
        remote = await connect(await serve(program, server))
        messages = await said(remote, answer["session_id"], lambda last: "ended before this was done" in last.text)
        assert await remote.list_inbox() == ()
        await remote.close()
    assert [message.role for message in messages] == ["user", "assistant"] * 3
    assert words.times == 1


async def test_a_plan_is_one_question_and_a_no_to_another_call_in_the_inbox_goes_on_without_it(
    program: Program, folder: Path
) -> None:
    calls = [{"tool": "read_file", "path": name} for name in ("notes.txt", "plan.txt")]
    words = Words(
        json.dumps({"tool": "plan", "calls": calls}),
        lambda last: says('{"tool": "answer", "text": "Thursday is the earliest."}'),
    )
    async with EndpointServer(words) as server:
        remote = await connect(await serve(program, server))
        asked, finished, seen = [], None, []
        async with aclosing(remote.ask(AskRequest(SEVERAL, attended=True, folder=str(folder)))) as events:
            async for event in events:
                seen.append(event)
                if isinstance(event, QuestionRaised):
                    asked.append(event.question)
                    assert await remote.answer_question(event.question.id, "once")
                elif isinstance(event, TurnFinished):
                    finished = event.answer
        assert finished is not None, seen
        assert finished.answer == "Thursday is the earliest."
        assert [(call.name, call.status) for call in finished.tool_calls] == [("read_file", "done")] * 2
        (question,) = asked
        assert [call.target for call in question.calls] == [str(folder / "notes.txt"), str(folder / "plan.txt")]
        # Once each, in that turn alone: with nobody there the same file waits in the inbox.
        words.first = '{"tool": "read_file", "path": "notes.txt"}'
        answer = await ask_alone(program, folder)
        (entry,) = await remote.list_inbox()
        words.then = lambda last: says('{"tool": "answer", "text": "Then I do not know."}')
        assert (await remote.deny_parked(entry.id)).state == "denied"
        messages = await said(remote, answer["session_id"], lambda last: last.text == "Then I do not know.")
        await remote.close()
    assert "You said no" in messages[-3].text
    last = server.asked("/v1/chat/completions")[-1]["response_format"]["json_schema"]["schema"]
    offered = [branch["properties"]["tool"]["const"] for branch in last["anyOf"]]
    assert "read_file" not in offered and "answer" in offered


async def test_a_plan_with_nobody_there_parks_all_at_once_and_goes_on_after_the_last_answer(
    program: Program, folder: Path
) -> None:
    calls = [{"tool": "read_file", "path": name} for name in ("notes.txt", "plan.txt")]
    results: list[str] = []

    def then(last: str) -> Reply:
        results.append(last)
        return says('{"tool": "answer", "text": "Thursday is the earliest."}')

    words = Words(json.dumps({"tool": "plan", "calls": calls}), then)
    async with EndpointServer(words) as server:
        remote = await connect(await serve(program, server))
        ended = await asyncio.to_thread(program.run, "ask", SEVERAL, "--json", cwd=folder)
        answer = ended.document
        assert [call["status"] for call in answer["tool_calls"]] == ["parked", "parked"]
        first, second = await remote.list_inbox()
        assert answer["answer"].count("inbox approve") == 2
        await remote.approve_parked(second.id, second.call_hash)
        assert results == [], "it waits for the other answer"
        await remote.approve_parked(first.id, first.call_hash)
        messages = await said(remote, answer["session_id"], lambda last: last.text == "Thursday is the earliest.")
        await remote.close()
    assert len(results) == 1
    prompt = "\n".join(one["content"] for one in server.asked("/v1/chat/completions")[-1]["messages"])
    assert NOTE in prompt and "The painter comes on Friday." in prompt
    assert [message.role for message in messages] == ["user", "assistant"] * 4
