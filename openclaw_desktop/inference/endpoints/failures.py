"""What goes wrong with an endpoint, as a plain sentence with what to do.

Owns those sentences, and how a server's own words are read. A server's words are data: shortened, made visible, and
never shown where they may repeat the key. Pure.
"""

from __future__ import annotations

import contextlib
import json
import re
import ssl
from typing import Any

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.inference.endpoints.book import Endpoint

SAID_CHARS = 200
# Overloaded, or still loading its model: worth waiting for.
BUSY = (429, 502, 503, 504)
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|exceeds? the (available )?context"
    r"|exceed context window|context (window|length)|too large to process|prompt is too long|too many tokens"
    r"|input is too long",
    re.IGNORECASE,
)


class Refused(Exception):
    """The server answered, and said no: its HTTP status (0 within a stream) and its words."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status} {said}")
        self.status = status
        self.said = said


class Broken(Exception):
    """The connection ended before the reply did."""


def read_refusal(status: int, body: bytes, key: str | None) -> Refused:
    """Return what a server's error says; its key, should it stand there, is taken out."""
    text = body.decode("utf-8", "replace")
    with contextlib.suppress(ValueError, RecursionError):
        text = said_in(json.loads(text)) or text
    return Refused(status, hide_key(text, key))


def hide_key(text: str, key: str | None) -> str:
    """Return a server's words without the key, should it repeat it."""
    return text.replace(key, "…") if key else text


def said_in(value: Any) -> str:
    """Return the words of an error as servers write it: `{"error": {"message", "code", "type"}}` and its kin."""
    if not isinstance(value, dict):
        return ""
    error = value.get("error")
    if isinstance(error, str):
        return error
    error = error if isinstance(error, dict) else value
    parts = (error.get("message"), error.get("detail"), error.get("code"), error.get("type"))
    try:
        return " ".join(str(part) for part in parts if part not in (None, ""))
    except RecursionError:
        return ""


def is_too_long(refused: Refused) -> bool:
    """Whether the prompt has more tokens than the model reads."""
    return refused.status == 413 or (refused.status != 401 and _TOO_LONG.search(refused.said) is not None)


def explain_refusal(endpoint: Endpoint, model: str, refused: Refused) -> UserError:
    """Return the sentence for a server's no."""
    name, said = endpoint.name, visible(refused.said[:SAID_CHARS])
    if refused.status in (401, 403):
        return _wrong_key(endpoint)
    if is_too_long(refused):
        return UserError(
            "too_long",
            tr("This chat is too long for {model} at {name}.", model=visible(model), name=name),
            tr("Begin a new chat, ask something shorter, or start the server with a larger context."),
        )
    if refused.status == 404 and "model" in refused.said.lower():
        return UserError(
            "wrong_model",
            tr("{name} has no model {model}.", name=name, model=visible(model)),
            tr("openclaw-agent model list shows what it has; choose one with model use."),
        )
    if refused.status in (404, 405, 410):
        return not_openai(endpoint)
    if refused.status == 429:
        return UserError(
            "endpoint_busy",
            tr("{name} takes no more questions for now: {said}.", name=name, said=said),
            tr("Wait a little, or look at your account there."),
        )
    if refused.status == 0:
        return UserError(
            "endpoint_failed",
            tr("{name} broke off its answer: {said}.", name=name, said=said.rstrip(".")),
            tr("Look at that server's log, try again, or use another model: openclaw-agent model use."),
        )
    return UserError(
        "endpoint_failed",
        tr(
            "{name} could not answer (status {status}): {said}.",
            name=name,
            status=refused.status,
            said=said.rstrip("."),
        ),
        tr("Look at that server's log, try again, or use another model: openclaw-agent model use."),
    )


def _wrong_key(endpoint: Endpoint) -> UserError:
    if endpoint.secret is None:
        return UserError(
            "wrong_key",
            tr("{name} wants a key, and none is set for it.", name=endpoint.name),
            tr(
                "Keep it with openclaw-agent secret set KEY --host {host}, then: model add {url} --key secret:KEY.",
                url=endpoint.address.url,
                host=endpoint.address.host,
            ),
        )
    return UserError(
        "wrong_key",
        tr("{name} does not accept the key {secret}.", name=endpoint.name, secret=endpoint.secret),
        _set_again(endpoint),
    )


def no_secret(endpoint: Endpoint) -> UserError:
    """Return the sentence for a key that is not kept."""
    return UserError(
        "no_secret",
        tr("The key {secret} of {name} is not kept on this machine.", secret=endpoint.secret, name=endpoint.name),
        _set_again(endpoint),
    )


def unencrypted(endpoint: Endpoint) -> UserError:
    """Return the sentence for a key that anybody on the way could read."""
    return UserError(
        "key_unencrypted",
        tr("The key would travel readable to {host}.", host=endpoint.address.host),
        tr("Use an https:// URL, or leave the key out."),
        ExitCode.USAGE,
    )


def _set_again(endpoint: Endpoint) -> str:
    name = (endpoint.secret or "").removeprefix("secret:")
    return tr("Set it: openclaw-agent secret set {secret} --host {host}.", secret=name, host=endpoint.address.host)


def not_openai(endpoint: Endpoint) -> UserError:
    """Return the sentence for a URL where something else is."""
    return UserError(
        "not_openai",
        tr("What answers at {url} is not an OpenAI-compatible endpoint.", url=endpoint.address.url),
        tr("Check the URL; most end with /v1, such as http://127.0.0.1:11434/v1."),
    )


def redirected(endpoint: Endpoint, target: str) -> UserError:
    """Return the sentence for a server that points elsewhere: what is sent, and the key, stay with the host named."""
    return UserError(
        "redirected",
        tr("{url} points to another place, {target}, which is not followed.", url=endpoint.address.url, target=target),
        tr("If that place is right, add it by its own URL: openclaw-agent model add."),
    )


def too_slow(endpoint: Endpoint, limit: str | None, seconds: float) -> UserError:
    """Return the sentence for a limit that ran out; `limit` is its name in the book, None for one of our own."""
    name, time = endpoint.name, f"{seconds:g}"
    if limit is None:
        return UserError(
            "endpoint_slow",
            tr("{name} was not done within {seconds} seconds.", name=name, seconds=time),
            tr("Try again, or look at that server's log."),
        )
    sentences = {
        "connect_s": tr("{name} could not be reached within {seconds} seconds.", name=name, seconds=time),
        "first_token_s": tr("{name} did not begin to answer within {seconds} seconds.", name=name, seconds=time),
        "between_tokens_s": tr("{name} stopped amid its answer for {seconds} seconds.", name=name, seconds=time),
        "whole_s": tr("{name} was not done within {seconds} seconds.", name=name, seconds=time),
    }
    return UserError(
        "endpoint_slow",
        sentences[limit],
        tr(
            "Try again, or give it longer: {limit} of [{name}] in config/endpoints.toml.",
            limit=limit,
            name=endpoint.name,
        ),
    )


def died(endpoint: Endpoint) -> UserError:
    """Return the sentence for a server that went away twice."""
    return UserError(
        "endpoint_died",
        tr("{name} ended the connection in the middle of its answer, twice.", name=endpoint.name),
        tr("Look at that server's log, or use another model: openclaw-agent model use."),
    )


def explain_connection(endpoint: Endpoint, error: BaseException) -> UserError:
    """Return the sentence for a connection that never stood."""
    host, url = endpoint.address.host, endpoint.address.url
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return UserError(
                "tls_failed",
                tr(
                    "The certificate of {host} is not to be trusted: {reason}.",
                    host=host,
                    reason=visible(cause.verify_message),
                ),
                tr("If it is your own server, let SSL_CERT_FILE name its certificate authority."),
            )
        if isinstance(cause, ssl.SSLError):
            return UserError(
                "tls_failed",
                tr("No encrypted connection to {host} came about.", host=host),
                tr("Check whether the URL should begin with http:// instead of https://."),
            )
        if isinstance(cause, ConnectionRefusedError) or "onnection refused" in str(cause):
            advice = tr("Start the server there, or use another model: openclaw-agent model use.")
            return UserError("refused", tr("Nothing answers at {url}.", url=url), advice)
    return UserError(
        "unreachable",
        tr("{host} can't be reached.", host=host),
        tr("Check the URL and the network; a proxy is taken from HTTPS_PROXY."),
    )


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
