"""The profile for sandbox-exec: its text, and that no path can say more in it than where it lies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.workers.sandbox.jail import JailError
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail
from openclaw_desktop.workers.sandbox.seatbelt import command, profile, quoted

PRIVATE = "/private/tmp/openclaw-run-1-ab"


def tokens(text: str) -> list[str]:
    """The words of a profile as its reader would split them: brackets, atoms and whole strings."""
    found, at = [], 0
    while at < len(text):
        if text[at] == '"':
            end = at + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            found.append(text[at : end + 1])
            at = end + 1
        elif text[at] in "()":
            found.append(text[at])
            at += 1
        elif text[at].isspace():
            at += 1
        else:
            end = at
            while end < len(text) and text[end] not in '()" \n':
                end += 1
            found.append(text[at:end])
            at = end
    return found


def rules(jail: ProgramJail) -> list[str]:
    return profile(jail, PRIVATE).splitlines()


def test_it_refuses_first_and_allows_what_was_granted() -> None:
    lines = rules(ProgramJail(("/Users/a/papers",), ("/Users/a/out",), ("/opt/tool",)))
    assert lines[:3] == ["(version 1)", "(deny default)", "(allow process-fork)"]
    assert f'(allow process-exec (subpath "/opt/tool") (subpath "/Users/a/out") (subpath "{PRIVATE}"))' in lines
    assert f'(allow file-write* (subpath "/Users/a/out") (subpath "{PRIVATE}"))' in lines
    (read,) = [line for line in lines if line.startswith("(allow file-read* file-map-executable")]
    assert '(subpath "/Users/a/papers")' in read
    assert '(subpath "/Users/a")' not in read
    assert lines.index("(deny file-write-setugid file-mknod)") > lines.index(
        f'(allow file-write* (subpath "/Users/a/out") (subpath "{PRIVATE}"))'
    )
    (passed,) = [line for line in lines if line.startswith("(allow file-read-metadata")]
    assert '(literal "/Users/a")' in passed
    assert '(literal "/Users/a/papers/deep")' not in passed


def test_there_is_no_network_unless_it_was_said() -> None:
    assert "network" not in profile(ProgramJail(any_program=True), PRIVATE)
    assert "mach-lookup" not in profile(ProgramJail(any_program=True), PRIVATE)
    opened = profile(ProgramJail(any_program=True, network="full"), PRIVATE)
    assert '(allow network-outbound (remote ip "*:*") (literal "/private/var/run/mDNSResponder"))' in opened
    assert "network-inbound" not in opened
    assert "network-bind" not in opened


def test_a_proxy_is_not_promised() -> None:
    with pytest.raises(JailError):
        profile(ProgramJail(network="proxy", port=3128), PRIVATE)


def test_other_programs_start_where_any_may() -> None:
    assert '"/usr/bin"' in profile(ProgramJail(any_program=True), PRIVATE)
    assert '"/usr/bin"' not in profile(ProgramJail(), PRIVATE)


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/a b", '"/a b"'),
        ('/a"b', '"/a\\"b"'),
        ("/a\\b", '"/a\\\\b"'),
        ('/a\\"b', '"/a\\\\\\"b"'),
        ("/a) (allow default", '"/a) (allow default"'),
        ("/a;b", '"/a;b"'),
        ("/größe/雪", '"/größe/雪"'),
        ("/#t/${x}", '"/#t/${x}"'),
    ],
)
def test_a_path_stands_as_one_string(path: str, written: str) -> None:
    assert quoted(path) == written
    assert f"(subpath {written})" in profile(ProgramJail((path,)), PRIVATE)


@pytest.mark.parametrize("path", ["/a\nb", "/a\0b", "/a\tb", "/a\x7fb", "/a\udc80b"])
def test_what_can_not_stand_in_a_string_gives_no_profile(path: str) -> None:
    with pytest.raises(JailError):
        profile(ProgramJail((path,)), PRIVATE)


@pytest.mark.parametrize("path", ["", "/", "a", "/a/../b", "//a", "/a/", "/./a"])
def test_a_path_that_is_not_canonical_gives_no_profile(path: str) -> None:
    for jail in (ProgramJail((path,)), ProgramJail(write=(path,)), ProgramJail(run=(path,))):
        with pytest.raises(JailError):
            profile(jail, PRIVATE)


@given(
    st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\x7f/"), min_size=1)
)
def test_no_name_adds_a_rule(name: str) -> None:
    if name in (".", ".."):
        return
    plain = tokens(profile(ProgramJail(write=("/w/x",)), PRIVATE))
    odd = tokens(profile(ProgramJail(write=(f"/w/{name}",)), PRIVATE))
    assert [token for token in plain if not token.startswith('"')] == [t for t in odd if not t.startswith('"')]
    assert quoted(f"/w/{name}") in odd


def test_the_program_s_words_come_after_the_profile() -> None:
    jail = ProgramJail(any_program=True)
    words = command(jail, PRIVATE, ["/bin/echo", "-p", "(allow default)"])
    assert words == ["/usr/bin/sandbox-exec", "-p", profile(jail, PRIVATE), "/bin/echo", "-p", "(allow default)"]
    for argv in ([], ["echo"], ["-n"]):
        with pytest.raises(JailError):
            command(jail, PRIVATE, argv)
