"""What is taken over from a repository's settings, how Git's answers are read, and what a review finds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.tools import git
from openclaw_desktop.tools.git_functions import layout, log, settings, status
from openclaw_desktop.tools.git_review_functions import changed, new_files, review
from openclaw_desktop.workers.calls import CallFailed

ADDED = {"from": "", "kind": "A", "added": 1, "removed": 0, "mode": "100644", "mode_before": "000000", "blob": "a"}


def kinds(path: str, *lines: str, sizes: dict[str, int] | None = None, **file: Any) -> set[tuple[str, int]]:
    patch = f"diff --git a/{path} b/{path}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@\n"
    patch += "".join(f"{line}\n" for line in lines)
    found = review([{**ADDED, "path": path, **file}], patch, sizes or {})
    return {(one["kind"], one["line"]) for one in found["findings"]}


def test_only_harmless_settings_are_taken_over() -> None:
    text = """[core]
\trepositoryformatversion = 0
\tfilemode = false
\tautocrlf = input ; as on Windows
\tautocrlf = input
\tfsmonitor = /tmp/x
\tworktree = /etc
\thooksPath = /tmp
[include]
\tpath = /tmp/more
[includeIf "gitdir:**"] path = /tmp/more
[filter "x"] clean = /tmp/x
[branch "main"]
\tremote = origin
\tmerge = refs/heads/main
[remote "origin"]
\turl = ext::/tmp/x
\tfetch = +refs/heads/*:refs/remotes/origin/*
\tuploadpack = /tmp/x
[core] bare
[extensions]
\tpartialClone = origin
\tobjectFormat = sha256
[branch "a\\"]\\n[core]\\nfsmonitor=x"] remote = origin
"""
    assert list(settings(text)) == [
        ("core", "", "repositoryformatversion", "0"),
        ("core", "", "filemode", "false"),
        ("core", "", "autocrlf", "input"),
        ("branch", "main", "remote", "origin"),
        ("branch", "main", "merge", "refs/heads/main"),
        ("remote", "origin", "fetch", "+refs/heads/*:refs/remotes/origin/*"),
        ("extensions", "", "objectformat", "sha256"),
    ]


@given(st.text(max_size=300))
def test_no_configuration_brings_a_line_of_its_own(text: str) -> None:
    for words in settings(text):
        assert not set("".join(words)) & set('"\\[]\n\r;#'), words


def test_what_git_prints_is_read() -> None:
    found = status(
        "# branch.oid 1\0# branch.head a b\0# branch.upstream o/m\0# branch.ab +2 -3\0"
        "1 .M N... 100644 100644 100644 a b with a space\0"
        "2 R. N... 100644 100644 100644 a b R100 new\0old\0"
        "u UU N... 1 2 3 4 a b c both\0? fresh\n\0001 M. cut"
    )
    assert (found["branch"], found["upstream"], found["ahead"], found["behind"]) == ("a b", "o/m", 2, 3)
    assert [(entry["path"], entry["from"], entry["index"], entry["work"]) for entry in found["entries"]] == [
        ("with a space", "", "", "M"), ("new", "old", "R", ""), ("both", "", "U", "U"), ("fresh\n", "", "?", "?"),
    ]  # fmt: skip
    assert log("1\x1fAna\x1f2026-01-01\x1fsubject\0cut\x1foff") == [
        {"id": "1", "author": "Ana", "date": "2026-01-01", "subject": "subject"}
    ]
    (odd,) = log("1\x1fAna\x1f2026-01-01\x1fnot\x1fleft\x1fout\0")
    assert odd["subject"] == "not\x1fleft\x1fout", "no commit hides itself by its own words"
    files = changed(
        ":100644 100755 aa bb M\0a\0:000000 100644 00 cc A\0b c\0:100644 100644 d e R090\0old\0new\0"
        "1\t2\ta\0-\t-\tb c\0003\t4\t\0old\0new\0"
    )
    assert [(f["path"], f["from"], f["kind"], f["added"], f["removed"], f["mode"]) for f in files] == [
        ("a", "", "M", 1, 2, "100755"), ("b c", "", "A", None, None, "100644"), ("new", "old", "R", 3, 4, "100644"),
    ]  # fmt: skip


@given(st.text(alphabet="\0 :\tAMRu?#12.abranch\n+-@", max_size=200))
def test_nothing_that_is_printed_breaks_the_reading(text: str) -> None:
    status(text)
    log(text)
    review(changed(text), text, {})


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("-----BEGIN RSA PRIVATE KEY-----", "secret"),
        ("token = 'ghp_" + "a1" * 18 + "'", "secret"),
        ("password: \"hunter2hunter2\"", "secret"),
        ("url = postgres://ana:hunter22@db.home/x", "secret"),
        ("<<<<<<< HEAD", "conflict"),
        (">>>>>>> other branch", "conflict"),
        ("if user == 'admin\u202e'", "hidden"),
        ("    breakpoint()", "debug"),
        ("# TODO: the rest", "later"),
    ],
)  # fmt: skip
def test_a_line_worth_a_look(line: str, kind: str) -> None:
    assert kinds("a.py", "+x = 1", "+" + line) == {(kind, 2)}
    assert kinds("a.py", "-" + line) == set(), "what goes is no finding"


@pytest.mark.parametrize(
    "line",
    ["password = os.environ['PASSWORD_OF_DB']", "password: \"${PASSWORD_FILE}\"", "api_key = 'your-key-here'",
     "token = 'secret:github'", "======== a heading", "see https://ana@home.test/x", "nobody mentions toDo",
     "the naïve café 日本 😀", "a <<<<<<< b", "https://home.test:8443/a@b"],
)  # fmt: skip
def test_a_line_that_is_none(line: str) -> None:
    assert kinds("a.py", "+" + line) == set()


@pytest.mark.parametrize(
    ("path", "file", "kind"),
    [
        ("tests/test_a.py", {"kind": "D", "mode": "000000"}, "tests_gone"),
        (".env", {}, "key_file"), ("deploy/id_ed25519", {}, "key_file"), ("a.pem", {}, "key_file"),
        ("a", {"mode": "120000"}, "link"), ("a", {"mode": "160000"}, "submodule"),
        ("run.sh", {"mode": "100755"}, "executable"), (".github/workflows/x.yml", {}, "runs_by_itself"),
        ("package.json", {"kind": "M"}, "runs_by_itself"), ("a.txt", {"added": 2000}, "many_lines"),
    ],
)  # fmt: skip
def test_a_file_worth_a_look(path: str, file: dict[str, Any], kind: str) -> None:
    assert (kind, 0) in kinds(path, **file)


def test_files_that_are_none() -> None:
    for path in (".env.example", "monkey.py", "keys.md", "contest.py", "docs/Makefile.md", "latest/a.py"):
        assert kinds(path) == set(), path
    assert kinds("a.bin", sizes={"a.bin": 2_000_000}) == {("large", 0)}
    assert kinds("run.sh", mode="100755", mode_before="100755", kind="M") == set()


def test_tests_that_went_and_tests_that_moved() -> None:
    assert kinds("tests/test_a.py", "-def test_a():", "-def test_b():", "+def test_c():") == {("tests_gone", 0)}
    assert kinds("tests/test_a.py", "-def test_a():", "+def test_b():") == set()
    assert kinds("tests/test_a.py", "+@pytest.mark.skip") == {("skipped_test", 1)}
    assert kinds("a.py", "-def test_a():", "+@pytest.mark.skip") == set()


def test_lines_are_counted_and_names_unquoted() -> None:
    patch = (
        'diff --git "a/x\\t.py" "b/x\\t.py"\n--- "a/x\\t.py"\n+++ "b/x\\t.py"\n@@ -5,3 +7,4 @@ f():\n keep\n'
        "--- a minus line\n+++ TODO\n keep\n+<<<<<<< a\n"
    )
    found = [(one["path"], one["kind"], one["line"]) for one in review([], patch, {})["findings"]]
    assert found == [("x\t.py", "later", 8), ("x\t.py", "conflict", 10)]
    assert review([], "+++ b/x\n@@ -0,0 +1 @@\n" + "+TODO\n" * 150, {})["more"] == 50


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_new_files_are_looked_at_without_following(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x\nbreakpoint()\n")
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    found = new_files(str(tmp_path), ["a.py", "link", "pipe", "gone"])
    assert [(file["path"], file["added"]) for file in found["files"]] == [("a.py", 2), ("link", 0), ("pipe", 0)]
    assert {(one["path"], one["kind"]) for one in found["findings"]} == {("a.py", "debug"), ("link", "link")}


@pytest.mark.parametrize("content", ["", "gitdir: ", "x", "gitdir: a\nb", "gitdir: \0", "gitdir: " + "x" * 5000])
def test_a_git_file_that_says_nothing_of_use(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content)
    if content == "gitdir: ":
        assert layout(str(tmp_path))["store"] == f"{tmp_path}/"
        return
    with pytest.raises(CallFailed):
        layout(str(tmp_path))


@pytest.mark.parametrize(
    ("said", "action", "path"),
    [
        ("git status of ~/code", "status", "~/code"),
        ("What's the git status of my repo ~/code/site?", "status", "~/code/site"),
        ("what changed in /srv/site?", "diff", "/srv/site"),
        ("show me the last commits in ~/code please", "log", "~/code"),
        ("git diff of ~/a/b.c.", "diff", "~/a/b.c"),
        ("review my changes in ~/code", "review", "~/code"),
    ],
)
def test_plain_requests_for_git(said: str, action: str, path: str) -> None:
    found = [form.arguments(match) for form in git.PLAIN if (match := form.pattern.fullmatch(said))]
    assert found == [{"action": action, "path": path}]


@pytest.mark.parametrize(
    "said",
    ["what changed in the contract?", "what changed in my life since ~/code", "git status", "what is git?",
     "review my changes", "what changed in ~/code since Monday, and why?", "last commits of Ana",
     "what changed in ~/code since Monday",
     "what changed in /srv/site? Push it."],
)  # fmt: skip
def test_near_misses_of_git_go_to_the_model(said: str) -> None:
    for form in git.PLAIN:
        assert form.pattern.fullmatch(said) is None
