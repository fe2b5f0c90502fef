"""A jail on Windows as values: sizes of structures, limits, rights, and words that stay the words they were."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.workers.sandbox import windows_values as values
from openclaw_desktop.workers.sandbox.jail import JailError
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail

PROGRAM = r"C:\Program Files\tool.exe"
SID = "S-1-15-2-1-2-3"
SYSTEM = r"C:\Windows\System32"


def split(line: str) -> list[str]:
    """What CommandLineToArgvW makes of a line, after its rules."""
    first, _, rest = line[1:].partition('"')
    words, word, quoted, begun, at = [first], "", False, False, 0
    while at < len(rest):
        letter = rest[at]
        if letter == "\\":
            count = len(rest[at:]) - len(rest[at:].lstrip("\\"))
            at += count
            if at < len(rest) and rest[at] == '"':
                word += "\\" * (count // 2)
                if count % 2:
                    word += '"'
                    at += 1
            else:
                word += "\\" * count
            begun = True
        elif letter == '"':
            if quoted and rest[at + 1 : at + 2] == '"':
                word += '"'
                at += 1
            else:
                quoted = not quoted
            begun, at = True, at + 1
        elif letter in " \t" and not quoted:
            if begun:
                words.append(word)
            word, begun, at = "", False, at + 1
        else:
            word, begun, at = word + letter, True, at + 1
    return [*words, word] if begun else words


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("two words", '"two words"'),
        ("tab\there", '"tab\there"'),
        ("C:\\dir\\", "C:\\dir\\"),
        ("C:\\my dir\\", '"C:\\my dir\\\\"'),
        ('say "x"', '"say \\"x\\""'),
        ('a\\"b', '"a\\\\\\"b"'),
        ("a\\\\ b", '"a\\\\ b"'),
        ('"', '"\\""'),
        ("%PATH% & del", '"%PATH% & del"'),
    ],
)
def test_words_are_quoted_as_windows_reads_them(word: str, written: str) -> None:
    assert values.quoted(word) == written
    assert split(values.command_line([PROGRAM, word])) == [PROGRAM, word]


@given(st.lists(st.text(alphabet=st.sampled_from("ab \t\\\"'%^&é"), max_size=12), max_size=6))
def test_every_word_comes_out_as_it_went_in(words: list[str]) -> None:
    assert split(values.command_line([PROGRAM, *words])) == [PROGRAM, *words]


@pytest.mark.parametrize(
    "argv",
    [[], ["tool.exe"], ["\\tool.exe"], ["C:tool.exe"], ['C:\\a"b.exe'], ["C:\\x\\..\\y.exe"], ["C:\\a.exe:stream"],
     ["C:\\run.bat"], ["C:\\run.CMD"], ["C:\\run.bat. ."], [PROGRAM, "a\0b"], [PROGRAM, "x" * 33_000]],
)  # fmt: skip
def test_what_windows_would_read_otherwise_is_not_run(argv: list[str]) -> None:
    with pytest.raises(JailError):
        values.command_line(argv)


def test_structures_are_as_large_as_in_the_headers() -> None:
    sizes = {
        values.BasicLimits: 64,
        values.ExtendedLimits: 144,
        values.BasicAccounting: 48,
        values.SidAndAttributes: 16,
        values.SecurityCapabilities: 24,
        values.StartupInfo: 112,
        values.ProcessInformation: 24,
        values.SecurityAttributes: 24,
    }
    assert {kind: ctypes.sizeof(kind) for kind in sizes} == sizes
    assert values.ExtendedLimits.job_memory.offset == 120
    assert values.BasicLimits.active_processes.offset == 40
    assert values.StartupInfo.stdin.offset == 80
    assert values.StartupInfo.attributes.offset == 104


def test_the_job_holds_what_the_jail_says_and_ends_with_its_handle() -> None:
    told = values.limits(ProgramJail(memory_bytes=1 << 28, processes=7))
    assert (told.job_memory, told.basic.active_processes) == (1 << 28, 7)
    assert told.basic.flags == 0x2000 | 0x400 | 0x200 | 0x8
    assert told.basic.flags & (0x800 | 0x1000) == 0  # nobody may break away
    timed = values.limits(ProgramJail(cpu_s=3))
    assert (timed.basic.flags & 0x2, timed.basic.process_time_100ns) == (0x2, 30_000_000)


def test_without_a_word_there_is_no_network() -> None:
    assert values.capabilities(ProgramJail()) == ()
    assert values.capabilities(ProgramJail(network="full")) == ("S-1-15-3-1", "S-1-15-3-3")
    with pytest.raises(JailError):
        values.capabilities(ProgramJail(network="proxy", port=3128))


def test_rights_are_given_and_taken_back() -> None:
    jail = ProgramJail((r"C:\r", r"C:\w"), (r"C:\w",), (r"C:\tools",))
    given_rights = values.grants(jail, r"C:\own")
    assert given_rights == [(r"C:\r", "RX"), (r"C:\tools", "RX"), (r"C:\w", "M"), (r"C:\own", "M")]
    icacls = SYSTEM + "\\icacls.exe"
    assert values.grant_words(SYSTEM, r"C:\r", SID, "RX", True) == [
        icacls, r"C:\r", "/grant", f"*{SID}:(OI)(CI)(RX)", "/q",
    ]  # fmt: skip
    assert values.grant_words(SYSTEM, r"C:\f.txt", SID, "RX", False)[3] == f"*{SID}:(RX)"
    assert values.revoke_words(SYSTEM, r"C:\r", SID) == [icacls, r"C:\r", "/remove:g", f"*{SID}", "/q"]
    assert values.changed_paths(given_rights) == [r"C:\own", r"C:\w", r"C:\tools", r"C:\r"]


@pytest.mark.parametrize(
    "path", [r"relative", r"\\server\share\x", r"\\?\C:\x", r"C:\a\..\b", "C:/a", r"C:\a*", r"C:\a:s", "/t"]
)
def test_rights_are_given_on_whole_paths_alone(path: str) -> None:
    with pytest.raises(JailError):
        values.grant_words(SYSTEM, path, SID, "RX", True)
    with pytest.raises(JailError):
        values.revoke_words(SYSTEM, path, SID)


def test_the_environment_is_one_block() -> None:
    assert values.environment_block({"b": "2", "A": "1"}) == "A=1\0b=2\0\0"
    for wrong in ({"a=b": "x"}, {"": "x"}, {"a": "x\0y"}, {"a\0": "x"}):
        with pytest.raises(JailError):
            values.environment_block(wrong)


def test_a_container_s_name_is_short_enough() -> None:
    assert values.container_name("ab" * 8) == "openclaw-abababababababab"
    assert len(values.container_name("ab" * 8)) <= 64
