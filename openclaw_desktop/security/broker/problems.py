"""Why the network could not be used, in sentences.

Owns the wording. No text of a server is ever in it: these sentences reach the model as the agent's own. Pure functions.
"""

from __future__ import annotations

import ssl

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible


class SentElsewhere(UserError):
    """A redirect to a place that the request may not go to. `url` is the server's own word: untrusted text."""

    def __init__(self, host: str, url: str) -> None:
        super().__init__(
            "sent_elsewhere",
            tr("{host} sends on to another place, where this request may not go.", host=host),
            tr("Ask for that other address itself."),
            ExitCode.DENIED,
        )
        self.url = url


def not_granted(host: str) -> UserError:
    """The request's own host is not among those it may go to."""
    return UserError(
        "host_not_granted",
        tr("The agent may not go to {host} in this way.", host=host),
        tr("Allow it with: openclaw-agent grant add network:fetch {host}", host=host),
        ExitCode.DENIED,
    )


def needs_port(place: str) -> UserError:
    """An address without encryption, or at a port of its own, that nobody allowed."""
    return UserError(
        "place_not_granted",
        tr("{place} is not encrypted or not at the usual port, so it needs a permission of its own.", place=place),
        tr("Allow it with: openclaw-agent grant add network:fetch {place}", place=place),
        ExitCode.DENIED,
    )


def forbidden_address(host: str, port: int, *, can_be_allowed: bool) -> UserError:
    """The host is on this machine or network, or at an address that is nobody's business."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if can_be_allowed:
        return UserError(
            "private_address",
            tr("{host} is on this machine or its network, so the agent did not go there.", host=host),
            tr(
                "If that is meant, allow it with: openclaw-agent grant add network:fetch {place}. A name that a name "
                "server knows must stand in the setting network.private_hosts too.",
                place=place,
            ),
            ExitCode.DENIED,
        )
    return UserError(
        "forbidden_address",
        tr("{host} has an address that no page on the web has, so the agent did not go there.", host=host),
        tr("Such addresses can't be allowed."),
        ExitCode.DENIED,
    )


def unknown_host(host: str) -> UserError:
    """The name has no address."""
    return UserError(
        "unknown_host",
        tr("{host} was not found.", host=host),
        tr("Check the spelling, and whether this machine is online."),
    )


def no_connection(host: str, port: int) -> UserError:
    """Nobody answers there."""
    return UserError(
        "no_connection",
        tr("{host} did not take the connection (port {port}).", host=host, port=port),
        tr("Check whether this machine is online, and try again later."),
    )


def too_slow(host: str, limit_s: float) -> UserError:
    """The time is up."""
    return UserError(
        "too_slow",
        tr("{host} took longer than {seconds} seconds and was given up.", host=host, seconds=f"{limit_s:g}"),
        tr("Try again later."),
    )


def broken_off(host: str) -> UserError:
    """The connection ended in the middle."""
    return UserError("broken_off", tr("The connection to {host} broke off.", host=host), tr("Try again later."))


def not_understood(host: str) -> UserError:
    """What came back is not HTTP."""
    return UserError(
        "not_http",
        tr("What {host} sent back can't be read: it does not keep to the rules of the web.", host=host),
        tr("Check the address and its port."),
    )


def too_much(host: str) -> UserError:
    """More bytes than the connection may read."""
    return UserError(
        "too_much", tr("{host} sent more than is read of it, and was cut off.", host=host), tr("Ask for less at once.")
    )


def too_many_redirects(host: str, limit: int) -> UserError:
    """A chain without an end."""
    return UserError(
        "too_many_redirects",
        tr("{host} sent on more than {limit} times and was given up.", host=host, limit=limit),
        tr("Give the address where the page really is."),
    )


def no_tls(host: str, error: Exception) -> UserError:
    """The encryption could not be set up, or the certificate was not accepted."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return UserError(
            "certificate",
            tr("The certificate of {host} was not accepted: {reason}.", host=host, reason=_reason(cause)),
            tr("Somebody may be in between: nothing was sent. A certificate of your own goes into the system's list."),
        )
    return UserError(
        "no_tls",
        tr("{host} does not speak encrypted (TLS) there, so nothing was sent.", host=host),
        tr("Check the address and its port."),
    )


def _reason(error: ssl.SSLCertVerificationError) -> str:
    # OpenSSL's words, from a fixed list, with our own host name in them at most.
    return visible(str(getattr(error, "verify_message", "") or error.reason or "unknown")[:200]).rstrip(".")


def unencrypted(host: str) -> UserError:
    """A secret would be readable on the way."""
    return UserError(
        "unencrypted",
        tr("The way to {host} is not encrypted, so no secret was sent there.", host=host),
        tr("Use https (or TLS)."),
    )


def no_secret(name: str, host: str) -> UserError:
    """There is no such secret, or it can't be sent."""
    return UserError(
        "no_secret",
        tr("There is no secret {name} that can be sent to {host}.", name=visible(name[:80]), host=host),
        tr("Set it: openclaw-agent secret set {name} --host {host}", name=visible(name[:80]), host=host),
    )


def wrong_request(reason: str) -> UserError:
    """Our own side asked for what can't be sent."""
    return UserError("wrong_request", tr("That request can't be sent: {reason}.", reason=reason))
