"""What runs in `worker parsers`: the functions that need heavy libraries to read foreign bytes.

Owns the list alone. Importing it costs tens of megabytes: only the worker does. Parser worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from openclaw_desktop.tools import date_functions, document_functions, unit_functions, web_functions
from openclaw_desktop.tools.calendar import dav_functions, edit_functions, event_functions
from openclaw_desktop.tools.mail import mail_functions
from openclaw_desktop.workers.calls import Handler

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        **web_functions.HANDLERS,
        **document_functions.HANDLERS,
        **unit_functions.HANDLERS,
        **date_functions.HANDLERS,
        **mail_functions.HANDLERS,
        **dav_functions.HANDLERS,
        **edit_functions.HANDLERS,
        **event_functions.HANDLERS,
    }
)
