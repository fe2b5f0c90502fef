"""The gate against its table: every class of input, and the promises that hold for all of them."""

import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.core.labels import Confidentiality, Integrity, Label
from openclaw_desktop.core.messages import Effect, ToolCall, ToolSpec
from openclaw_desktop.security.gate import Grant, covers, decide

# untrusted, private, attended: read, local-reversible, local-irreversible, outbound, guarded ("grant": fits or asks)
TABLE = """
no  no  yes allow allow      grant grant ask
no  yes yes allow allow      grant grant ask
no  no  no  allow allow      grant grant park
no  yes no  allow allow      grant grant park
yes no  yes allow allow_undo ask   ask   ask
yes yes yes allow allow_undo ask   ask   ask_twice
yes no  no  allow allow_undo park  park  refuse
yes yes no  allow allow_undo park  park  refuse
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
EFFECTS: tuple[Effect, ...] = get_args(Effect)
GRANT = frozenset({Grant("file:read", "/home/me/docs")})


def spec(effect: Effect, capability: str | None = "file:read", authority: tuple[str, ...] = ("path",)) -> ToolSpec:
    return ToolSpec("tool", "", {}, effect, capability, authority)


def call(path: str = "/home/me/docs/a.txt") -> ToolCall:
    return ToolCall("c", "tool", {"path": path})


def contexts(untrusted: str, private: str) -> list[Label]:
    integrities: list[Integrity] = ["untrusted"] if untrusted == "yes" else ["user", "system"]
    secrecies: list[Confidentiality] = ["private", "secret"] if private == "yes" else ["public"]
    return [Label(i, c) for i, c in itertools.product(integrities, secrecies)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row[:3]))
def test_each_cell_of_the_table(row: list[str]) -> None:
    untrusted, private, attended, *cells = row
    for context, (effect, cell) in itertools.product(contexts(untrusted, private), zip(EFFECTS, cells, strict=True)):
        granted = decide(context, call(), spec(effect), GRANT, attended == "yes").action
        without = decide(context, call(), spec(effect), frozenset(), attended == "yes").action
        unfit = "ask" if attended == "yes" else "park"
        if cell == "grant" or effect == "read":
            assert (granted, without) == ("allow", unfit)
        else:
            assert granted == without == cell


def test_a_read_of_the_agents_own_data_needs_no_grant() -> None:
    assert decide(Label("untrusted", "secret"), call(), spec("read", None, ()), frozenset(), False).action == "allow"


def test_a_tool_without_authority_arguments_fits_no_grant() -> None:
    everything = frozenset({Grant("file:read", "/")})
    assert decide(Label("user", "public"), call(), spec("outbound", "file:read", ()), everything, True).action == "ask"


def test_a_call_of_another_tool_is_refused() -> None:
    other = ToolCall("c", "other", {"path": "/home/me/docs/a.txt"})
    assert decide(Label("user", "public"), other, spec("read"), GRANT, True).action == "refuse"


def test_no_standing_grant_comes_from_an_untrusted_context() -> None:
    for effect, secrecy in itertools.product(EFFECTS, get_args(Confidentiality)):
        assert not decide(Label("untrusted", secrecy), call("/x"), spec(effect), frozenset(), True).standing


@pytest.mark.parametrize(
    ("scope", "target", "inside"),
    [
        ("/home/me/docs", "/home/me/docs", True),
        ("/home/me/docs", "/home/me/docs/sub/a", True),
        ("/home/me/docs", "/home/me/docs2/a", False),
        ("/home/me/docs", "/home/me", False),
        ("/home/me/docs", "/home/me/docs/../secret", False),
        ("", "/home/me", False),
        ("docs", "docs/a", False),
        ("/", "/etc/passwd", True),
    ],
)
def test_what_a_scope_covers(scope: str, target: str, inside: bool) -> None:
    assert covers(scope, target) is inside


labels = st.builds(Label, st.sampled_from(get_args(Integrity)), st.sampled_from(get_args(Confidentiality)))
values = st.one_of(st.none(), st.integers(), st.text(), st.just("/home/me/docs/a"), st.lists(st.text()))


@given(
    labels,
    st.dictionaries(st.sampled_from(["path", "url"]), values),
    st.sampled_from(EFFECTS),
    st.sampled_from([None, "file:read", "network:fetch"]),
    st.sampled_from([(), ("path",), ("path", "url")]),
    st.frozensets(st.builds(Grant, st.sampled_from(["file:read", "network:fetch"]), st.text())),
    st.booleans(),
)
def test_it_decides_about_anything_and_never_lets_untrusted_text_out(
    context, arguments, effect, capability, authority, grants, attended
) -> None:
    tool = ToolSpec("tool", "", {}, effect, capability, authority)
    decision = decide(context, ToolCall("c", "tool", arguments), tool, grants, attended)
    if context.integrity == "untrusted" and effect in ("local-irreversible", "outbound", "guarded"):
        assert decision.action not in ("allow", "allow_undo")
    if not attended:
        assert decision.action not in ("ask", "ask_twice")
