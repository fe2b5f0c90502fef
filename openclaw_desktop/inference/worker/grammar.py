"""From a JSON schema to a grammar that llama.cpp samples under.

Owns the conversion and the grammars that are kept. Must not know what the schemas are for. Model process, main thread.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import llama_cpp.llama_cpp as native
from llama_cpp.llama_grammar import SchemaConverter

from openclaw_desktop.inference.worker.model import EngineError, Model

KEPT_GRAMMARS = 32
_LOOSE_CHARACTER = 'char ::= [^"\\\\] |'
_CHARACTER = r'char ::= [^"\\\x7F\x00-\x1F] |'
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})


class _Converter(SchemaConverter):
    """The library's converter leaves backslashes in literals as they are: an enum with a quote made no grammar."""

    def _format_literal(self, literal: str) -> str:
        return f'"{literal.translate(_ESCAPES)}"'

    def _generate_constant_rule(self, value: object) -> str:
        # As it is asked for in plain text: the model writes é, not \\u00e9.
        return self._format_literal(json.dumps(value, ensure_ascii=False))


def schema_to_gbnf(schema: Mapping[str, Any]) -> str:
    """Return the grammar of the JSON texts that fit `schema`; raises whatever the converter stumbles over."""
    make: Any = _Converter
    converter = make(prop_order={}, allow_fetch=False, dotall=False, raw_pattern=False)
    # A copy: the converter writes into what it reads.
    converter.visit(converter.resolve_refs(json.loads(json.dumps(schema)), "schema"), "")
    # The library lets a text hold raw line ends, which JSON does not.
    return str(converter.format_grammar()).replace(_LOOSE_CHARACTER, _CHARACTER)


def certain_text(schema: Mapping[str, Any], reply: str) -> str:
    """Return how a reply that fits must go on after `reply`, written without blanks; "" where that is open."""
    options = schema.get("anyOf") or schema.get("oneOf") or [schema]
    starts = [start for start in map(_certain, options) if start[0].startswith(reply)]
    if not starts:
        return ""
    text, whole = _common_start([text for text, _ in starts]), len(starts) == 1 and starts[0][1]
    # The model's tokens do not end where a common beginning of words ends.
    return (text if whole else re.sub(r"\w+$", "", text))[len(reply) :]


def _certain(schema: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the certain beginning of a value, and whether that is all of it."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values:
        texts = [json.dumps(value, ensure_ascii=False) for value in values]
        return _common_start(texts), len(texts) == 1
    if options := schema.get("anyOf") or schema.get("oneOf"):
        starts = [_certain(option) for option in options]
        return _common_start([text for text, _ in starts]), len(starts) == 1 and starts[0][1]
    if schema.get("type") == "object" and schema.get("required"):
        return _certain_object(schema), False
    return '"' if schema.get("type") == "string" else "", False


def _common_start(texts: list[str]) -> str:
    first, last = min(texts), max(texts)
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(character for character, _ in same)


def _certain_object(schema: Mapping[str, Any]) -> str:
    text = "{"
    # The grammar wants the required ones first, in the order in which they are described.
    for name, value in schema.get("properties", {}).items():
        if name in schema["required"]:
            start, whole = _certain(value)
            text += f"{json.dumps(name, ensure_ascii=False)}:{start}"
            if not whole:
                break
            text += ","
    return text.removesuffix(",")


class Grammars:
    """The grammars of the schemas used last, each in its starting state."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def start(self, schema: Mapping[str, Any]) -> tuple[Any, bool]:
        """Return a sampler of one's own that accepts what fits `schema`, and whether the grammar was known."""
        key = json.dumps(schema)
        known = key in self._kept
        if not known:
            self._kept[key] = self._compile(schema)
            if len(self._kept) > KEPT_GRAMMARS:
                native.llama_sampler_free(self._kept.popitem(last=False)[1])
        self._kept.move_to_end(key)
        return native.llama_sampler_clone(self._kept[key]), known

    def _compile(self, schema: Mapping[str, Any]) -> Any:
        try:
            grammar = schema_to_gbnf(schema)
        except Exception as error:  # whatever the converter stumbles over: the model lives on
            raise EngineError("bad_schema", "the reply's schema cannot be made a grammar") from error
        sampler = native.llama_sampler_init_grammar(self._model.vocabulary, grammar.encode(), b"root")
        if not sampler:
            raise EngineError("bad_schema", "the reply's schema cannot be made a grammar")
        return sampler

    def close(self) -> None:
        """Free all of them."""
        while self._kept:
            native.llama_sampler_free(self._kept.popitem()[1])
