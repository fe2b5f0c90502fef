"""The jail of a program on macOS, as a profile for sandbox-exec: what is not allowed in it is refused.

Owns the text of the profile. Must not know how the program is started or watched. Pure; every platform can make one,
macOS alone can use it. In it the last rule that fits an act decides.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from openclaw_desktop.workers.sandbox.jail import JailError
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail

PROGRAM = "/usr/bin/sandbox-exec"

_LIBRARIES = ("/usr/lib", "/System/Library", "/System/Volumes/Preboot/Cryptexes", "/private/var/db/dyld")
_PROGRAMS = (
    *("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/libexec", "/usr/share", "/usr/local", "/opt/homebrew"),
    "/Library/Developer/CommandLineTools",
)
_SETTINGS = ("/private/var/db/timezone", "/private/etc/localtime")
_NETWORK_SETTINGS = tuple(
    f"/private{path}" for path in ("/etc/hosts", "/etc/resolv.conf", "/var/run/resolv.conf", "/etc/ssl")
)
_NETWORK_SERVICES = (
    *("com.apple.SystemConfiguration.configd", "com.apple.dnssd.service", "com.apple.trustd.agent"),
    "com.apple.system.opendirectoryd.libinfo",
)
# Numbers of the machine and its system. Not kern.procargs2, which tells what other processes were started with.
_NUMBERS = (
    *("kern.argmax", "kern.hostname", "kern.maxfilesperproc", "kern.osproductversion", "kern.osrelease"),
    *("kern.ostype", "kern.osversion", "kern.version", "sysctl.proc_cputype", "vm.loadavg"),
)


def profile(jail: ProgramJail, private: str) -> str:
    """Return the profile of `jail`; `private` is the program's own folder. All paths are canonical.

    Raises JailError for a network that no profile can hold, or a path that can't be written into one.
    """
    if jail.network == "proxy":
        raise JailError("without a network of its own, a program can't be held to the proxy")
    read = [*_SETTINGS, *_LIBRARIES, *jail.read, *(_NETWORK_SETTINGS if jail.network == "full" else ())]
    run = [*(_PROGRAMS if jail.any_program else ()), *jail.run]
    write = [*jail.write, private]
    for path in (*read, *run, *write):
        _check(path)
    rules = [
        "(version 1)",
        "(deny default)",
        "(allow process-fork)",
        _allow("process-exec", [*run, *write]),
        "(allow process-info* (target same-sandbox))",
        "(allow signal (target same-sandbox))",
        _allow(
            "sysctl-read", (), ['(sysctl-name-prefix "hw.")', *(f"(sysctl-name {quoted(name)})" for name in _NUMBERS)]
        ),
        _allow("file-read-metadata", (), [_literal(path) for path in _above([*read, *run, *write])]),
        _allow("file-read* file-map-executable", [*read, *run, *write]),
        _allow("file-write*", write),
        # Neither another user's rights, nor a device or pipe that somebody else may open.
        "(deny file-write-setugid file-mknod)",
        _allow("file-read* file-write-data", (), [_literal("/dev/null"), _literal("/dev/zero")]),
        _allow("file-read*", (), [_literal("/dev/random"), _literal("/dev/urandom")]),
    ]
    if jail.network == "full":
        names = [f"(global-name {quoted(name)})" for name in _NETWORK_SERVICES]
        rules += [
            "(allow system-socket)",
            '(allow network-outbound (remote ip "*:*") (literal "/private/var/run/mDNSResponder"))',
            _allow("mach-lookup", (), names),
        ]
    return "\n".join(rules) + "\n"


def command(jail: ProgramJail, private: str, argv: Sequence[str]) -> list[str]:
    """Return the words that run `argv` in `jail`; `argv` starts with an absolute path. Raises JailError."""
    if not argv or not argv[0].startswith("/"):
        raise JailError("a program is named by its whole path")
    return [PROGRAM, "-p", profile(jail, private), *argv]


def quoted(text: str) -> str:
    """Return `text` as a string of the profile's language; raises JailError for what can't stand in one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise JailError("a path that is no text can't be granted here") from None
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in text):
        raise JailError("a path with control characters can't be granted here")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _allow(what: str, folders: Iterable[str], filters: Iterable[str] = ()) -> str:
    found = [*(_beneath(path) for path in dict.fromkeys(folders)), *filters]
    return f"(allow {what} {' '.join(found)})"


def _beneath(path: str) -> str:
    return f"(subpath {quoted(path)})"


def _check(path: str) -> None:
    if not path.startswith("/") or path.startswith("//") or posixpath.normpath(path) != path or path == "/":
        raise JailError(f"not a canonical path: {path!r}")


def _literal(path: str) -> str:
    return f"(literal {quoted(path)})"


def _above(paths: Iterable[str]) -> list[str]:
    """Return the folders on the way to `paths`: they are passed, not listed."""
    found = {"/"}
    for path in paths:
        while path != "/":
            path = posixpath.dirname(path)  # noqa: PLW2901 - climbing
            found.add(path)
    return sorted(found)
