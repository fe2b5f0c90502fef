"""The way to the network: directly, or through the user's proxy.

Owns the HTTP client's making and its limits in time. Must not know what is fetched. Loop.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S = 15.0
# A server that sends nothing for so long has stalled; it is asked again from where it stopped.
STALL_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Network:
    """`proxy`: a URL; None leaves it to HTTPS_PROXY and its kin. `mirror`: the user's folder or URL, tried first."""

    proxy: str | None = None
    mirror: str | None = None

    def client(self) -> httpx.AsyncClient:
        """Return a client that follows redirects; raises UserError where the proxy makes no sense."""
        # Here, not above: an idle agent fetches nothing, and httpx costs it 8 MB.
        import httpx

        timeout = httpx.Timeout(STALL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        try:
            return httpx.AsyncClient(proxy=self.proxy, timeout=timeout, follow_redirects=True)
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise UserError(
                "proxy_invalid",
                tr("The proxy can't be used: {reason}.", reason=visible(str(error)).rstrip(".")),
                tr("Write it like http://proxy.example:3128 (setting network.proxy, or HTTPS_PROXY)."),
                ExitCode.USAGE,
            ) from error

    def environment(self) -> Mapping[str, str]:
        """Return the environment for a child that fetches: there the proxy's password is on no command line."""
        if self.proxy is None:
            return os.environ
        return os.environ | {"HTTP_PROXY": self.proxy, "HTTPS_PROXY": self.proxy, "ALL_PROXY": self.proxy}
