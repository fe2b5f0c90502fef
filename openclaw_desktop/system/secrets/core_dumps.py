"""No dump of this process's memory on a disk, once a secret is in it.

Owns that one limit. A debugger of the same user can still read the memory: such a program can read everything else too.
Any thread.
"""

from __future__ import annotations

import sys


def forbid_core_dumps() -> None:
    """Set the size of a crash's memory image to nothing, for this process and those that it starts from now on."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
