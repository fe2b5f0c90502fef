"""What the functions inside the jail make of files and folders, here without a jail around them."""

from __future__ import annotations

import errno
import os
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from openclaw_desktop.tools.file_functions import HANDLERS, decode, list_folder, read_text
from openclaw_desktop.workers.calls import CallFailed

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="these run in the tool worker, which POSIX alone has")
pytestmark = posix_only


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"plain\r\n", "plain\r\n"),
        ("grün €".encode(), "grün €"),
        (b"\xef\xbb\xbfmarked", "marked"),
        ("grün".encode("utf-16"), "grün"),
        ("grün".encode("utf-16-be").join([b"\xfe\xff", b""]), "grün"),
        (b"gr\xfcn und wei\xdf", "grün und weiß"),
    ],
)
def test_text_is_decoded(data: bytes, text: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert read_text(str(path), 1000) == {
        "text": text, "size_bytes": len(data), "truncated": False, "sha256": sha256(data).hexdigest()
    }  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF\x00\x01",
        b"text\0text",
        bytes(range(256)),
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xfe\x00\xd8",
        b"\xfc\xe9\xe8\xea",
    ],
)
def test_data_is_no_text(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(CallFailed) as caught:
        read_text(str(path), 1000)
    assert caught.value.code == "not_text"


@pytest.mark.parametrize("limit", range(1, 9))
def test_a_cut_never_splits_a_character(limit: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("€ü€ü", encoding="utf-8")
    result = read_text(str(path), limit)
    assert "€ü€ü".startswith(result["text"])
    assert len(result["text"].encode()) > limit - 3
    assert (result["truncated"], result["size_bytes"]) == (True, 10)
    assert result["sha256"] == sha256("€ü€ü".encode()).hexdigest()


def test_a_whole_file_that_ends_inside_a_character_is_not_utf8() -> None:
    assert decode(b"a long line of text and \xc3", truncated=False).endswith("Ã")
    assert decode(b"a long line of text and \xc3", truncated=True) == "a long line of text and "


def test_a_file_of_exactly_the_limit_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("12345")
    result = read_text(str(path), 5)
    assert (result["text"], result["size_bytes"], result["truncated"]) == ("12345", 5, False)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", Path("/dev/null")):
        with pytest.raises(CallFailed) as caught:
            read_text(str(path), 10)
        assert caught.value.code == "not_file"


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").symlink_to(tmp_path)
    for call in (lambda: read_text(str(tmp_path / "link"), 10), lambda: list_folder(str(tmp_path / "folder"), 10)):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == errno.ELOOP


def test_missing_and_wrong_paths_say_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError):
        read_text(str(tmp_path / "missing"), 10)
    with pytest.raises(NotADirectoryError):
        list_folder(str(tmp_path / "file"), 10)


def test_a_folder_is_listed_by_name(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("123")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to("missing")
    os.mkfifo(tmp_path / "d")
    result = list_folder(str(tmp_path), 10)
    assert [(entry["name"], entry["kind"]) for entry in result["entries"]] == [
        ("a", "folder"),
        ("b", "link"),
        ("c", "file"),
        ("d", "other"),
    ]
    assert result["entries"][2]["size_bytes"] == 3
    assert result["truncated"] is False


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}").touch()
    result = list_folder(str(tmp_path), 10)
    assert [entry["name"] for entry in result["entries"]] == [f"{number:02}" for number in range(10)]
    assert result["truncated"] is True
    assert list_folder(str(tmp_path), 12)["truncated"] is False


@pytest.mark.skipif(sys.platform != "linux", reason="macOS refuses such names")
def test_a_name_that_is_no_text_is_shown_escaped(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).touch()
    (entry,) = list_folder(str(tmp_path), 10)["entries"]
    assert entry["name"] == "caf\\xe9"
    entry["name"].encode()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    (tmp_path / "file").touch()
    read_text(str(tmp_path / "file"), 10)
    list_folder(str(tmp_path), 10)
    with pytest.raises(CallFailed):
        read_text(str(tmp_path), 10)
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_every_handler_has_a_dotted_name() -> None:
    assert set(HANDLERS) == {"files.read", "files.list", "files.hash"}
