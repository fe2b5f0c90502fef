"""A call's arguments against the JSON Schema of its tool.

Owns the one import of jsonschema, which costs 10 MB: `runtime` loads this module with the first call. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema


def find_problem(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return what is wrong with `arguments`, "" where nothing is."""
    try:
        jsonschema.validate(dict(arguments), dict(schema))
    except jsonschema.ValidationError as error:
        return str(error.message)
    return ""
