"""What an endpoint understands of the OpenAI language, learned from what it refused.

Owns the lesson and the file that keeps it, so that nothing is refused twice. Must not know HTTP. Loop.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.inference.endpoints.failures import Refused, is_too_long
from openclaw_desktop.inference.endpoints.forms import STYLES, Style
from openclaw_desktop.storage.atomic import write_atomically

log = logging.getLogger(__name__)

# The words by which servers say which part of a request they do not take.
_STYLE_WORDS = {
    "json_schema": ("response_format", "json_schema", "schema", "grammar", "structured"),
    "json_object": ("response_format", "json_object", "schema", "grammar", "structured"),
    "tools": ("tool", "function"),
    "plain": (),
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one model of one endpoint is spoken to. `limit`: the field for the most tokens of a reply."""

    style: Style = "json_schema"
    counts_usage: bool = True
    takes_temperature: bool = True
    takes_logprobs: bool = True
    limit: str = "max_tokens"

    def after(self, refused: Refused, with_form: bool) -> Dialect | None:
        """Return the dialect to try after a refusal; None where the refusal is about something else.

        `with_form`: the request asked for a form of reply.
        """
        said = refused.said.lower()
        # 500: llama_cpp.server answers so to a field that its validation does not know.
        if refused.status not in (0, 400, 404, 422, 500, 501) or is_too_long(refused):
            return None
        if self.counts_usage and ("stream_options" in said or "include_usage" in said):
            return replace(self, counts_usage=False)
        if self.limit == "max_tokens" and "max_completion_tokens" in said:
            return replace(self, limit="max_completion_tokens")
        if self.takes_temperature and "temperature" in said:
            return replace(self, takes_temperature=False)
        if self.takes_logprobs and "logprobs" in said:
            return replace(self, takes_logprobs=False)
        if with_form and self.style != "plain" and any(word in said for word in _STYLE_WORDS[self.style]):
            return self.next_style()
        return None

    def next_style(self) -> Dialect:
        """Return the dialect with the next, weaker way to a form."""
        return replace(self, style=STYLES[min(STYLES.index(self.style) + 1, len(STYLES) - 1)])


class Dialects:
    """The dialects of all endpoints' models, by `NAME/MODEL`, kept in a file (None: for this process alone)."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known = _read(path) if path else {}

    def get(self, key: str) -> Dialect:
        """Return what is known; at first the whole language is tried."""
        return self._known.get(key, Dialect())

    def put(self, key: str, dialect: Dialect) -> None:
        """Keep a lesson; a full disk only means that it is learned again."""
        self._known[key] = dialect
        self._write()

    def forget(self, name: str) -> None:
        """Forget an endpoint: another server may come to its name."""
        self._known = {key: value for key, value in self._known.items() if not key.startswith(f"{name}/")}
        self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        try:
            write_atomically(self._path, json.dumps({k: asdict(v) for k, v in self._known.items()}).encode())
        except UserError as error:
            log.warning("%s", error)


def _read(path: Path) -> dict[str, Dialect]:
    try:
        kept = {key: Dialect(**value) for key, value in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return {key: dialect for key, dialect in kept.items() if dialect.style in STYLES}
