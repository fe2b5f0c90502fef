"""A call's arguments against the JSON Schema of its tool.

Owns the one import of jsonschema, which costs 10 MB: `runtime` loads this module with the first call. Pure.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import jsonschema
from jsonschema.exceptions import best_match

_KEPT_SCHEMAS = 256  # more than there are tools; those of a server that changes all the time push each other out


def find_problem(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return what is wrong with `arguments`, "" where nothing is; raises where the schema itself is none."""
    error = best_match(_validator(json.dumps(dict(schema))).iter_errors(dict(arguments)))
    return "" if error is None else str(error.message)


@functools.lru_cache(maxsize=_KEPT_SCHEMAS)
def _validator(schema: str) -> Any:
    """Return what checks against a schema; that it is one takes 3 ms to find out, and is found out once."""
    described = json.loads(schema)
    kind = jsonschema.validators.validator_for(described)
    kind.check_schema(described)
    return kind(described)
