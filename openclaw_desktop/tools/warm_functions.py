"""What runs in `worker tools`: the functions that need the standard library alone, and so keep that worker lean.

Owns the list alone. Tool worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from openclaw_desktop.tools import (
    calculator_functions,
    change_functions,
    file_functions,
    git_functions,
    git_review_functions,
    search_functions,
)
from openclaw_desktop.tools.mail import attachment_functions
from openclaw_desktop.workers.calls import Handler

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        **file_functions.HANDLERS,
        **search_functions.HANDLERS,
        **change_functions.HANDLERS,
        **calculator_functions.HANDLERS,
        **attachment_functions.HANDLERS,
        **git_functions.HANDLERS,
        **git_review_functions.HANDLERS,
    }
)
