"""Opening a file or an address in its own program. Start at `opener.py`."""

from openclaw_desktop.system.opener.opener import Opener, choose_opener

__all__ = ["Opener", "choose_opener"]
