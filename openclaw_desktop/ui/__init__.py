"""The tray, the chat popup and the question window: the only package that imports Qt, and Qt comes with it.

PySide6 puts an import of its own in the place of Python's, for "from __feature__ import", which nothing here uses. That
one reads the source of every module that is imported from then on and keeps it: 16 MiB and a quarter of a second of the
start. So Python's own comes back at once.
"""

from __future__ import annotations

import builtins
import linecache


def _import_qt() -> None:
    own_import = builtins.__import__
    try:
        import PySide6.QtCore  # noqa: F401
    finally:
        builtins.__import__ = own_import
        linecache.clearcache()


_import_qt()
