"""`tool list` and `tool call`: a call by hand goes through the walls of a model's, alone and attached."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from agent_process import Program

from openclaw_desktop.tools.built_in import FORMS
from openclaw_desktop.tools.calendar.plain import PLAIN as CALENDAR
from openclaw_desktop.tools.job_forms import job_forms
from openclaw_desktop.tools.mail.plain import PLAIN as MAIL
from openclaw_desktop.tools.network import PLAIN as WEB


@pytest.fixture(params=["alone", "attached"])
def agent(request: pytest.FixtureRequest, program: Program) -> Program:
    """The product with no agent running, and with one that the verbs talk to."""
    if request.param == "attached":
        program.serve()
    return program


def test_tools_are_listed_and_one_is_called(agent: Program) -> None:
    tools = {tool["name"]: tool for tool in agent.run("tool", "list", "--json").done().document["tools"]}
    assert tools["write_file"]["effect"] == "local-reversible" and tools["write_file"]["capability"] == "file:write"
    assert tools["fetch_page"]["effect"] == "outbound" and tools["forget"]["effect"] == "guarded"
    assert agent.run("tool", "call", "calculate", '{"expression": "12% of 340"}').done().out == "12% of 340 = 40.8\n"
    call = (
        agent.run("tool", "call", "convert_units", '{"value": 5, "from": "miles", "to": "km"}', "--json")
        .done()
        .document
    )
    assert call["status"] == "done" and call["data"]["value"] == "8.04672" and call["took_ms"] > 0


def test_what_the_user_keeps_by_hand_stays_and_comes_back(agent: Program) -> None:
    agent.run("tool", "call", "notes", '{"action": "add", "text": "the code is under the mat"}').done()
    listed = agent.run("tool", "call", "notes", '{"action": "list"}', "--json").done().document
    assert [note["text"] for note in listed["data"]] == ["the code is under the mat"]
    assert "Noted: milk" in agent.run("ask", "note: milk").done().out


def test_a_script_gets_no_permission_by_itself(agent: Program, tmp_path: Path) -> None:
    target = tmp_path / "letter.txt"
    words = json.dumps({"path": str(target), "text": "Dear Ana"})
    agent.run("tool", "call", "write_file", words).failed("permission", code=4)
    assert not target.exists()
    agent.run("grant", "add", "file:write", str(tmp_path)).done()
    agent.run("tool", "call", "write_file", words).done()
    assert target.read_text() == "Dear Ana"


def test_each_tool_has_plain_requests(program: Program) -> None:
    forms = {form.tool for form in (*FORMS, *WEB, *job_forms(lambda text: ()))}
    own = {"read_file", "list_folder", "remember", "recall", "forget"}
    offered = {tool["name"] for tool in program.run("tool", "list", "--json").done().document["tools"]}
    assert len(offered) > 30 and offered - forms - own == {"calendar"}
    with_accounts = {"find_mail", "summarise_mail", "read_mail", "save_attachment", "draft_mail", "send_mail"}
    assert {form.tool for form in (*MAIL, *CALENDAR)} == with_accounts | {"calendar", "change_calendar"}


def test_wrong_words_get_a_sentence(program: Program) -> None:
    program.run("tool", "call", "nothing").failed("There is no tool nothing.", "tool list", code=2)
    program.run("tool", "call", "calculate", "[1]").failed("no JSON object", code=2)
    program.run("tool", "call", "calculate", '{"sum": 1}').failed("The call was wrong", code=1)
    program.run("tool", "call", "calculate", '{"expression": "2/0"}').failed("divided by 0", code=1)
