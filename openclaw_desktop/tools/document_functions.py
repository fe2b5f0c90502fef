"""Reading PDF, Word and spreadsheet files: the functions that run inside the jail, on bytes from anybody.

Owns how such a file becomes text: pages, paragraphs and tables, rows. An archive that unpacks to more than it should is
refused before it is unpacked. Its libraries are large: only `tools.parser_functions` imports it. Parser worker, in the
jailed child.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import io
import logging
import os
import stat
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import IO, Any
from xml.etree.ElementTree import ParseError

import docx
import docx.table
import openpyxl
import pypdf
import pypdf.errors
from docx.opc.exceptions import PackageNotFoundError
from lxml.etree import LxmlError
from odf import opendocument, table, teletype
from odf import text as odf_text

from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

SIZE_LIMIT_BYTES = 100 << 20
UNPACKED_LIMIT_BYTES = 200 << 20
MEMBERS = 5_000
TEXT_CHARS = 250_000
COLUMNS = 60
# As the name of a sheet: each of them, one below the other. No program allows a sheet that name.
ALL_SHEETS = "*"

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its remarks about odd files are nobody's concern

_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)

Parts = Iterator[str]


def read_document(path: str, first: int = 1, last: int = 0, sheet: str = "") -> JSON:
    """Return {"text", "kind", "parts", "truncated"} of a file; `kind`: pdf, docx, xlsx, odt or ods.

    `first` and `last` (0: to the end) choose pages of a PDF and rows of a sheet, `sheet` names one; `parts` counts the
    pages, or names the sheets. Raises CallFailed `not_document`, `encrypted`, `damaged`, `too_large` or `no_part`.
    """
    with _open(path) as file:
        return _read(file, first, last, sheet)


def read_sent(data: str) -> JSON:
    """Return what `read_document` returns of the whole file `data` (base64), with every sheet; it raises the same."""
    try:
        content = base64.b64decode(data, validate=True)
    except binascii.Error:
        raise CallFailed("not_document", "these are no bytes") from None
    if len(content) > SIZE_LIMIT_BYTES:
        raise CallFailed("too_large", f"it has {len(content):,} bytes, and {SIZE_LIMIT_BYTES:,} can be read")
    return _read(io.BytesIO(content), 1, 0, ALL_SHEETS)


def _read(file: IO[bytes], first: int, last: int, sheet: str) -> JSON:
    warnings.simplefilter("ignore")  # the libraries' remarks about odd files
    head = file.read(8)
    file.seek(0)
    try:
        if head.startswith(b"%PDF-"):
            return _read_pdf(file, first, last)
        if head.startswith(b"PK\x03\x04"):
            return _read_archive(file, first, last, sheet)
        if head.startswith(b"\xd0\xcf\x11\xe0"):
            # The old Office container: also what a password turns a new file into.
            raise CallFailed("encrypted", "it is locked with a password, or in the old Office format")
    except CallFailed:
        raise
    except MemoryError:
        raise CallFailed("too_large", "it needs more memory than it may use") from None
    except RecursionError:
        raise CallFailed("damaged", "it is nested too deeply") from None
    except (pypdf.errors.PyPdfError, zipfile.BadZipFile, PackageNotFoundError, LxmlError, ParseError) as error:
        raise CallFailed("damaged", f"it is damaged ({type(error).__name__})") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, EOFError, OSError, ArithmeticError,
            NotImplementedError, AssertionError) as error:  # fmt: skip
        # What these libraries raise on files that break their rules is anything.
        raise CallFailed("damaged", f"it is damaged ({type(error).__name__})") from None
    raise CallFailed("not_document", "it is neither a PDF nor a document nor a sheet")


def _open(path: str) -> IO[bytes]:
    file = os.fdopen(os.open(path, _FLAGS | _NOFOLLOW), "rb")
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        file.close()
        raise CallFailed("not_document", "this is not a regular file")
    if status.st_size > SIZE_LIMIT_BYTES:
        file.close()
        raise CallFailed("too_large", f"it has {status.st_size:,} bytes, and {SIZE_LIMIT_BYTES:,} can be read")
    return file


def _read_pdf(file: IO[bytes], first: int, last: int) -> JSON:
    reader = pypdf.PdfReader(file)
    if reader.is_encrypted and not reader.decrypt(""):
        raise CallFailed("encrypted", "it is locked with a password")
    count = len(reader.pages)
    end = min(last or count, count)
    if not 1 <= first <= max(1, end):
        raise CallFailed("no_part", f"it has {count} pages")
    pages = (f"[page {number}]\n{reader.pages[number - 1].extract_text().strip()}" for number in range(first, end + 1))
    text, truncated = _joined(pages, "\n\n")
    return {"text": text, "kind": "pdf", "parts": count, "truncated": truncated}


def _read_archive(file: IO[bytes], first: int, last: int, sheet: str) -> JSON:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        unpacked = sum(member.file_size for member in members)
        if len(members) > MEMBERS or unpacked > UNPACKED_LIMIT_BYTES:
            raise CallFailed("too_large", f"unpacked it would have {unpacked:,} bytes in {len(members):,} parts")
        names = {member.filename for member in members}
        kind = archive.read("mimetype")[:100].decode("ascii", "replace") if "mimetype" in names else ""
    file.seek(0)
    if "word/document.xml" in names:
        text, truncated = _joined(_word_parts(file), "\n")
        return {"text": text, "kind": "docx", "parts": 1, "truncated": truncated}
    if "xl/workbook.xml" in names:
        return _read_workbook(file, first, last, sheet)
    if kind.startswith("application/vnd.oasis.opendocument.text"):
        paragraphs = opendocument.load(file).getElementsByType(odf_text.P)
        text, truncated = _joined((teletype.extractText(paragraph) for paragraph in paragraphs), "\n")
        return {"text": text, "kind": "odt", "parts": 1, "truncated": truncated}
    if kind.startswith("application/vnd.oasis.opendocument.spreadsheet"):
        return _read_open_sheets(file, first, last, sheet)
    raise CallFailed("not_document", "it is an archive, and no document that can be read")


def _word_parts(file: IO[bytes]) -> Parts:
    for block in docx.Document(file).iter_inner_content():
        if isinstance(block, docx.table.Table):
            for row in block.rows:
                yield " | ".join(cell.text.strip() for cell in row.cells)
        elif block.text.strip():
            yield block.text


def _read_workbook(file: IO[bytes], first: int, last: int, sheet: str) -> JSON:
    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    names = book.sheetnames

    def rows(name: str) -> Parts:
        chosen = book[name].iter_rows(min_row=first, max_row=last or None, max_col=COLUMNS, values_only=True)
        return (_row(values) for values in chosen)

    text, truncated = _joined(_sheets(_chosen(names, sheet), rows), "\n")
    return {"text": text, "kind": "xlsx", "parts": names, "truncated": truncated}


def _read_open_sheets(file: IO[bytes], first: int, last: int, sheet: str) -> JSON:
    sheets = {
        str(found.getAttribute("name")): found for found in opendocument.load(file).getElementsByType(table.Table)
    }

    def rows(name: str) -> Parts:
        return (_row(_cells(row)) for row in sheets[name].getElementsByType(table.TableRow)[first - 1 : last or None])

    text, truncated = _joined(_sheets(_chosen(list(sheets), sheet), rows), "\n")
    return {"text": text, "kind": "ods", "parts": list(sheets), "truncated": truncated}


def _sheets(names: list[str], rows: Callable[[str], Parts]) -> Parts:
    for place, name in enumerate(names):
        yield f"{chr(10) if place else ''}[sheet {name}]"
        yield from rows(name)


def _cells(row: Any) -> Iterator[str]:
    for cell in row.getElementsByType(table.TableCell):
        words = teletype.extractText(cell)
        # A thousand empty cells to the right are one that is repeated.
        times = min(int(cell.getAttribute("numbercolumnsrepeated") or 1), COLUMNS) if words else 1
        yield from [words] * times


def _chosen(names: list[str], sheet: str) -> list[str]:
    if not names:
        raise CallFailed("no_part", "it has no sheet")
    if sheet == ALL_SHEETS:
        return names
    if not sheet:
        return names[:1]
    for name in names:
        if name.casefold() == sheet.casefold():
            return [name]
    raise CallFailed("no_part", f"it has no sheet {sheet[:60]!r}, but {', '.join(names)[:200]}")


def _row(values: Any) -> str:
    texts = [_cell(value) for value in values]
    while texts and not texts[-1]:
        texts.pop()
    return " | ".join(texts)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.isoformat(" ", "minutes") if value.time() != dt.time() else value.date().isoformat()
    return f"{value:.12g}" if isinstance(value, float) else str(value).strip()


def _joined(parts: Iterator[str], between: str) -> tuple[str, bool]:
    texts, left = [], TEXT_CHARS
    for part in parts:
        texts.append(part[:left])
        left -= len(part) + len(between)
        if left <= 0:
            return between.join(texts), True
    return between.join(texts).strip(), False


_SAMPLE_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n"
    b"4 0 obj<</Length 24>>stream\nBT /F1 9 Tf (x) Tj ET   \nendstream endobj\n"
    b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>endobj\n"
    b"trailer<</Root 1 0 R/Size 6>>\nstartxref\n0\n%%EOF\n"
)


def _warm_up() -> None:
    """Have the libraries load what they load late: in the jail they can't."""
    _read_pdf(io.BytesIO(_SAMPLE_PDF), 1, 0)
    for make in (_sample_document, _sample_sheet, opendocument.OpenDocumentText, opendocument.OpenDocumentSpreadsheet):
        file = io.BytesIO()
        make().save(file)
        file.seek(0)
        if make is _sample_document:
            list(_word_parts(file))
        elif make is _sample_sheet:
            _read_workbook(file, 1, 0, "")
        else:
            opendocument.load(file)


def _sample_document() -> Any:
    document = docx.Document()
    document.add_paragraph("x")
    document.add_table(1, 1)
    return document


def _sample_sheet() -> Any:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["x", 1, dt.datetime(2026, 1, 1)])
    return book


_warm_up()
HANDLERS: Mapping[str, Handler] = MappingProxyType({"documents.read": read_document, "documents.read_sent": read_sent})
