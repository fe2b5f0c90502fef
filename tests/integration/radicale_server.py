"""A real Radicale in a child process of its own, over TLS with a certificate that only the test trusts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

import httpx
from hostile_web import certificate, client_side

PASSWORD = "canary-cal-5be1"


class Radicale:
    """The server; `certificate` is what a client has to trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = certificate(folder, "127.0.0.1")
        self.port = 0

    def __enter__(self) -> Self:
        users = self._folder / "users"
        users.write_text(f"ana@example.org:{PASSWORD}\n")
        for _ in range(5):
            # Radicale takes no port 0: one that was free a moment ago, and another where it is not any more.
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
            options = {
                "config": "", "server-hosts": f"127.0.0.1:{self.port}", "server-certificate": str(self.certificate),
                "server-key": str(self.certificate), "auth-type": "htpasswd", "auth-htpasswd-filename": str(users),
                "auth-htpasswd-encryption": "plain", "auth-delay": "0",
                "storage-filesystem-folder": str(self._folder / "data"),
            }  # fmt: skip
            words = [f"--{name}={value}" for name, value in options.items()]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "radicale", "--server-ssl", *words],
                stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                env={"PATH": os.environ["PATH"], "HOME": str(self._folder)},
            )  # fmt: skip
            if self._listens():
                self.client = httpx.Client(
                    base_url=self.url("/"), verify=client_side(self.certificate), auth=("ana@example.org", PASSWORD)
                )
                return self
            self._process.wait()
        raise AssertionError("Radicale did not start")

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self._process.terminate()
        self._process.communicate()

    def _listens(self) -> bool:
        assert self._process.stderr is not None
        return any("Listening on" in line for line in self._process.stderr)

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"

    def make_calendar(self, name: str, shown: str = "") -> str:
        """Make an empty calendar of that name and return its address."""
        path = f"/ana@example.org/{name}/"
        body = (
            '<?xml version="1.0"?><C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>'
            f"<D:displayname>{shown or name}</D:displayname></D:prop></D:set></C:mkcalendar>"
        )
        assert self.client.request("MKCALENDAR", path, content=body).status_code == 201
        return self.url(path)

    def put(self, calendar: str, name: str, text: str) -> None:
        """Put an event there as another program would."""
        answer = self.client.put(f"{calendar}{name}.ics", content=text.replace("\n", "\r\n"))
        assert answer.status_code in (200, 201, 204), answer.text

    def texts(self, calendar: str) -> list[str]:
        """Return what lies in a calendar, unfolded."""
        found = self.client.request("PROPFIND", calendar, headers={"Depth": "1"}).text
        names = sorted({part.split("<")[0] for part in found.split("<href>") if part.split("<")[0].endswith(".ics")})
        return [self.client.get(name).text.replace("\r\n ", "").replace("\r\n", "\n") for name in names]
