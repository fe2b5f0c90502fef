"""Endpoints: what is sent, what is learned, what goes wrong; against a scripted server on a real socket.

tests/integration/test_endpoint_servers.py asks real ones.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import math
import socket
import ssl
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from endpoint_server import EndpointServer, Reply, Seen, calls, refuses, says

from openclaw_desktop.agent.reply import reply_schema
from openclaw_desktop.core.errors import Failure, UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import Message, ToolSpec, Usage
from openclaw_desktop.core.protocols import CompletionDone, CompletionEvent, Prompt, TextDelta, TextDropped
from openclaw_desktop.inference.endpoints.address import parse_address
from openclaw_desktop.inference.endpoints.book import Endpoint, Limits
from openclaw_desktop.inference.endpoints.client import EndpointClient
from openclaw_desktop.inference.endpoints.dialect import Dialect, Dialects
from openclaw_desktop.inference.endpoints.weights import weights_of

READ = ToolSpec(
    "read_file",
    "read a file",
    {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    "read",
)
SCHEMA = reply_schema([READ])
CHAT = Prompt((Message("system", "You help.", USER), Message("user", "Read notes.txt", USER)), SCHEMA)
PLAIN = Prompt((Message("user", "Hi", USER),))
READ_IT = '{"tool": "read_file", "path": "notes.txt"}'
CANARY = "sk-canary-5f1d"


class OneSecret:
    """Hands out the canary, for 127.0.0.1 alone."""

    async def get(self, name: str, host: str) -> str | None:
        assert host == "127.0.0.1"
        return CANARY if name == "work" else None


def client_of(endpoint: Endpoint, dialects: Dialects | None = None) -> EndpointClient:
    return EndpointClient(endpoint, OneSecret(), dialects or Dialects(), busy_waits_s=(0, 0), again_wait_s=0)


async def events_of(client: EndpointClient, prompt: Prompt) -> list[CompletionEvent]:
    try:
        async with aclosing(client.complete("m", prompt)) as events:
            return [event async for event in events]
    finally:
        await client.close()


def text_of(events: list[CompletionEvent]) -> str:
    text = ""
    for event in events:
        text = "" if isinstance(event, TextDropped) else text + (event.text if isinstance(event, TextDelta) else "")
    return text


async def failure_of(client: EndpointClient, prompt: Prompt = PLAIN) -> Failure:
    with pytest.raises(UserError) as caught:
        await events_of(client, prompt)
    failure = caught.value.failure
    assert failure.advice and "Traceback" not in failure.text
    return failure


async def test_text_streams_and_tokens_are_counted() -> None:
    usage = {"prompt_tokens": 30, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 20}}
    async with EndpointServer(lambda _: says("Hel", "lo", usage=usage)) as server:
        events = await events_of(client_of(server.endpoint()), PLAIN)
    assert events == [TextDelta("Hel"), TextDelta("lo"), CompletionDone(Usage(30, 20, 2), "end")]
    body = server.asked("/v1/chat/completions")[0]
    assert body["model"] == "m" and body["stream"] is True and body["stream_options"] == {"include_usage": True}
    assert body["messages"] == [{"role": "user", "content": "Hi"}]
    assert "authorization" not in server.seen[0].headers


async def test_tokens_are_estimated_where_a_server_tells_none() -> None:
    async with EndpointServer(lambda _: says("a", "b", "c", stop="length")) as server:
        done = (await events_of(client_of(server.endpoint()), PLAIN))[-1]
    assert isinstance(done, CompletionDone) and done.stop == "length"
    assert done.usage.completion_tokens == 3 and done.usage.prompt_tokens > 0


async def test_a_schema_is_sent_and_its_reply_streams_as_it_comes() -> None:
    pieces = ('{ "tool"', ' : "answer", "text"', ' : "Hi', ' there" }')
    async with EndpointServer(lambda _: says(*pieces)) as server:
        events = await events_of(client_of(server.endpoint()), CHAT)
    assert json.loads(text_of(events)) == {"tool": "answer", "text": "Hi there"}
    assert len([event for event in events if isinstance(event, TextDelta)]) == 3
    assert server.asked("/v1/chat/completions")[0]["response_format"]["json_schema"]["schema"] == SCHEMA


def only(style: str, reply: Reply) -> Any:
    """Return the script of a server that knows one way to a form and refuses the others."""

    def script(seen: Seen) -> Reply:
        form = seen.body.get("response_format", {}).get("type")
        asked = form or ("tools" if "tools" in seen.body else "plain")
        if asked == style:
            return reply
        if form:
            return refuses(400 if form == "json_object" else 500, f"response_format: {form} is not supported")
        return refuses(400, "tools are not supported by this model")

    return script


@pytest.mark.parametrize(
    ("style", "reply"),
    [
        ("json_object", says(READ_IT)),
        ("tools", calls("read_file", '{"pa', 'th": "notes', '.txt"}')),
        ("plain", says("Sure!\n```json\n", READ_IT, "\n```")),
    ],
)
async def test_a_refused_form_gives_way_to_the_next_and_is_not_tried_again(
    style: str, reply: Reply, tmp_path: Path
) -> None:
    kept = tmp_path / "endpoints.json"
    async with EndpointServer(only(style, reply)) as server:
        events = await events_of(client_of(server.endpoint(), Dialects(kept)), CHAT)
        assert json.loads(text_of(events)) == {"tool": "read_file", "path": "notes.txt"}
        tries = len(server.seen)
        assert text_of(await events_of(client_of(server.endpoint(), Dialects(kept)), CHAT)) == text_of(events)
    assert len(server.seen) == tries + 1
    assert Dialects(kept).get("here/m").style == style


async def test_a_form_that_is_taken_and_ignored_gives_way_too() -> None:
    def script(seen: Seen) -> Reply:
        return calls("read_file", '{"path": "notes.txt"}') if "tools" in seen.body else says("I will read that file.")

    dialects = Dialects()
    async with EndpointServer(script) as server:
        events = await events_of(client_of(server.endpoint(), dialects), CHAT)
    assert json.loads(text_of(events)) == {"tool": "read_file", "path": "notes.txt"}
    assert not any(isinstance(event, TextDropped) for event in events)
    assert dialects.get("here/m").style == "tools"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ('<think>Hm {"a": 1}</think>' + READ_IT, {"tool": "read_file", "path": "notes.txt"}),
        ('{"name": "read_file", "arguments": {"path": "a"}}', {"tool": "read_file", "path": "a"}),
        ('{"path": "a", "tool": "read_file"}', {"tool": "read_file", "path": "a"}),
        (READ_IT + " I hope that helps {", {"tool": "read_file", "path": "notes.txt"}),
        ("Just words.", {"tool": "answer", "text": "Just words."}),
        ("<think>Hm.\n</think> Just words.", {"tool": "answer", "text": "Just words."}),
        ('{"tool": "format_disk", "path": "/"}', {"tool": "format_disk", "path": "/"}),
        ('{"name": "rm", "arguments": {}}', {"tool": "answer", "text": '{"name": "rm", "arguments": {}}'}),
    ],
)  # fmt: skip
async def test_plain_words_are_read_leniently(said: str, meant: dict[str, str]) -> None:
    # A name that was not offered is passed on as it is: the loop refuses it, as it does for the built-in model.
    dialects = Dialects()
    dialects.put("here/m", Dialect(style="plain"))
    async with EndpointServer(lambda _: says(*said)) as server:
        events = await events_of(client_of(server.endpoint(), dialects), CHAT)
    assert json.loads(text_of(events)) == meant
    assert json.dumps(SCHEMA) in server.asked("/v1/chat/completions")[0]["messages"][0]["content"]


@pytest.mark.parametrize("pieces", [("{}",), ("{", "}"), (), ('{"text": "a { \\" b"}',)])
async def test_a_function_call_becomes_one_json_object(pieces: tuple[str, ...]) -> None:
    dialects = Dialects()
    dialects.put("here/m", Dialect(style="tools"))
    async with EndpointServer(lambda _: calls("answer", *pieces)) as server:
        text = text_of(await events_of(client_of(server.endpoint(), dialects), CHAT))
    assert json.loads(text) == {"tool": "answer", **json.loads("".join(pieces) or "{}")}
    offered = server.asked("/v1/chat/completions")[0]["tools"]
    assert [tool["function"]["name"] for tool in offered] == ["read_file", "answer"]
    assert "tool" not in offered[0]["function"]["parameters"]["properties"]


async def test_other_fields_that_are_refused_are_left_out() -> None:
    def script(seen: Seen) -> Reply:
        for field in ("stream_options", "max_tokens", "temperature"):
            if field in seen.body:
                hint = " Use 'max_completion_tokens' instead." if field == "max_tokens" else ""
                return refuses(400, f"Unsupported parameter: '{field}'.{hint}")
        return says("Hi")

    async with EndpointServer(script) as server:
        assert text_of(await events_of(client_of(server.endpoint()), PLAIN)) == "Hi"
    assert server.asked("/v1/chat/completions")[-1]["max_completion_tokens"] == 512


async def test_a_stream_that_breaks_off_is_withdrawn_and_asked_for_once_more() -> None:
    replies = [says("Hel", stop=None, dies=True), says("Hello")]
    async with EndpointServer(lambda _: replies.pop(0)) as server:
        events = await events_of(client_of(server.endpoint()), PLAIN)
    assert [type(event) for event in events] == [TextDelta, TextDropped, TextDelta, CompletionDone]
    assert text_of(events) == "Hello"


async def test_a_stream_that_breaks_off_twice_is_told() -> None:
    async with EndpointServer(lambda _: says("Hel", stop=None, dies=True)) as server:
        failure = await failure_of(client_of(server.endpoint()))
    assert failure.code == "endpoint_died" and len(server.seen) == 2


async def test_nothing_at_all_is_asked_for_again_unseen_and_the_reason_is_found() -> None:
    def script(seen: Seen) -> Reply:
        if seen.body["stream"]:
            return Reply(events=(), dies=True)
        return refuses(400, "This model's maximum context length is 2048 tokens.", code="context_length_exceeded")

    async with EndpointServer(script) as server:
        failure = await failure_of(client_of(server.endpoint()))
    assert failure.code == "too_long" and len(server.seen) == 3


async def test_a_server_that_still_loads_is_waited_for() -> None:
    replies = [refuses(503, "Loading model"), refuses(503, "Loading model"), says("Hi")]
    async with EndpointServer(lambda _: replies.pop(0)) as server:
        assert text_of(await events_of(client_of(server.endpoint()), PLAIN)) == "Hi"


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (refuses(401, f"Incorrect API key provided: {CANARY}"), "wrong_key", "does not accept the key secret:work"),
        (refuses(404, "The model `m` does not exist", code="model_not_found"), "wrong_model", "has no model m"),
        (Reply(404, {"detail": "Not Found"}), "not_openai", "not an OpenAI-compatible endpoint"),
        (Reply(200, b"<html>Hi</html>", kind="text/html"), "not_openai", "not an OpenAI-compatible endpoint"),
        (Reply(302, "", headers={"location": "https://evil.example/v1?x"}), "redirected", "https://evil.example/v1"),
        (Reply(307, "", headers={"location": f"https://evil.example/{CANARY}"}), "redirected", "evil.example/…"),
        (Reply(308, "", headers={"location": "http://["}), "redirected", "http://["),
        (refuses(400, "the request exceeds the available context size"), "too_long", "too long for m"),
        (refuses(429, "Rate limit reached"), "endpoint_busy", "Rate limit reached"),
        (refuses(500, f"out of memory \x1b[31m {CANARY}"), "endpoint_failed", "out of memory \\u001b[31m …"),
        (Reply(events=({"error": {"message": "out of memory"}},)), "endpoint_failed", "out of memory"),
        (Reply(events=({"error": True, "message": f"no {CANARY}"},)), "endpoint_failed", "no …"),
        (
            Reply(200, gzip.compress(b"[]"), headers={"content-encoding": "gzip"}),
            "not_openai",
            "not an OpenAI-compatible",
        ),
        (Reply(200, b"words", headers={"content-encoding": "gzip"}), "not_openai", "not an OpenAI-compatible"),
    ],
)
async def test_each_no_is_a_plain_sentence(
    reply: Reply, code: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with EndpointServer(lambda _: reply) as server:
        failure = await failure_of(client_of(server.endpoint(secret="secret:work")))
    assert (failure.code, server.seen[0].headers["authorization"]) == (code, f"Bearer {CANARY}")
    assert words in failure.text
    assert CANARY not in failure.text + caplog.text


async def test_a_missing_key_sends_nothing() -> None:
    async with EndpointServer(lambda _: says("Hi")) as server:
        failure = await failure_of(client_of(server.endpoint(secret="secret:other")))
    assert failure.code == "no_secret" and not server.seen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_refused_connection_says_that_nothing_answers() -> None:
    failure = await failure_of(client_of(Endpoint("gone", parse_address(f"http://127.0.0.1:{free_port()}"))))
    assert failure.code == "refused" and "Nothing answers at http://127.0.0.1" in failure.text


async def test_a_server_without_tls_is_told_from_one_that_is_not_trusted() -> None:
    async with EndpointServer(lambda _: says("Hi")) as server:
        endpoint = Endpoint("here", parse_address(server.url.replace("http:", "https:")))
        assert (await failure_of(client_of(endpoint))).code == "tls_failed"


def write_certificate(folder: Path) -> Path:
    """Write a key and a certificate of our own for 127.0.0.1, and return their file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "own server")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    place = folder / "own.pem"
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private = key.private_bytes(serialization.Encoding.PEM, *plain)
    place.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return place


async def test_a_certificate_of_ones_own_is_trusted_only_when_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place)
    async with EndpointServer(lambda _: says("Hi"), context) as server:
        endpoint = Endpoint("own", parse_address(server.url.replace("http:", "https:")), secret="secret:work")
        failure = await failure_of(client_of(endpoint))
        assert failure.code == "tls_failed" and "is not to be trusted: self-signed certificate" in failure.text
        assert not server.seen
        monkeypatch.setenv("SSL_CERT_FILE", str(place))
        assert text_of(await events_of(client_of(endpoint), PLAIN)) == "Hi"


@pytest.mark.parametrize(
    ("limits", "pieces", "words"),
    [
        # A second, so that the request has gone out by then on a busy machine too.
        (Limits(30, 1, 30, 60), (), "did not begin to answer within 1 "),
        (Limits(30, 30, 0.05, 60), ("Hel",), "stopped amid its answer for 0.05"),
        (Limits(30, 30, 30, 1), ("Hel",), "was not done within 1 "),
    ],
)
async def test_each_time_limit_ends_the_wait(limits: Limits, pieces: tuple[str, ...], words: str) -> None:
    never = asyncio.Event()

    def script(seen: Seen) -> Reply:
        return says(*pieces, stop=None, hold=never) if seen.body else Reply(200, {"data": []})

    async with EndpointServer(script) as server:
        client = client_of(server.endpoint(limits=limits))
        await client.models()  # loads the library and opens the connection
        failure = await failure_of(client)
        await asyncio.wait_for(server.left.wait(), 30)
    assert failure.code == "endpoint_slow" and words in failure.text
    assert len(server.asked("/v1/chat/completions")) == 1


async def test_a_limit_of_our_own_names_no_setting() -> None:
    never = asyncio.Event()
    async with EndpointServer(lambda _: says(stop=None, hold=never)) as server:
        client = client_of(server.endpoint())
        with pytest.raises(UserError, match=r"not done within 0\.5 seconds") as caught:
            await client.models(0.5)
        await client.close()
    assert caught.value.failure.code == "endpoint_slow" and "config/endpoints.toml" not in caught.value.failure.advice


async def test_a_cancel_closes_the_connection() -> None:
    never = asyncio.Event()
    async with EndpointServer(lambda _: says("Hel", stop=None, hold=never)) as server:
        client = client_of(server.endpoint())
        async with aclosing(client.complete("m", PLAIN)) as events:
            assert await anext(events) == TextDelta("Hel")
        await asyncio.wait_for(server.left.wait(), 30)
        await client.close()


async def test_a_proxy_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(variable, "socks4://proxy.invalid")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    failure = await failure_of(client_of(Endpoint("away", parse_address("http://m.invalid"))))
    assert failure.code == "unreachable" and "HTTPS_PROXY" in failure.advice


async def test_half_a_surrogate_pair_in_a_prompt_is_not_sent() -> None:
    async with EndpointServer(lambda _: says("Hi")) as server:
        prompt = Prompt((Message("user", "file \udcff", USER),))
        assert text_of(await events_of(client_of(server.endpoint()), prompt)) == "Hi"
    assert server.seen[0].body["messages"] == [{"role": "user", "content": "file ?"}]
    assert server.seen[0].headers["content-type"] == "application/json"


async def test_a_key_is_not_sent_where_anybody_could_read_it() -> None:
    endpoint = Endpoint("away", parse_address("http://192.0.2.1"), secret="secret:work")
    assert (await failure_of(client_of(endpoint))).code == "key_unencrypted"


async def test_a_reply_that_was_cut_at_its_start_changes_nothing() -> None:
    dialects = Dialects()
    async with EndpointServer(lambda _: says('{"to', stop="length")) as server:
        await events_of(client_of(server.endpoint(), dialects), CHAT)
    assert len(server.seen) == 1 and dialects.get("here/m").style == "json_schema"


async def test_words_are_weighed_by_the_probabilities_of_their_first_tokens() -> None:
    top = [{"token": " Yes", "logprob": -0.1}, {"token": "no", "logprob": -3.0}, {"token": "", "logprob": -4.0}]
    body = {"choices": [{"message": {"content": "Yes"}, "logprobs": {"content": [{"top_logprobs": top}]}}]}
    async with EndpointServer(lambda _: Reply(200, body)) as server:
        client = client_of(server.endpoint())
        yes, no = await client.weigh("m", PLAIN, ("yes", "no"))
        await client.close()
    assert yes + no == pytest.approx(1) and yes == pytest.approx(0.948, abs=0.01)


@pytest.mark.parametrize(
    ("top", "choices", "weights"),
    [
        ([("Yes", 0.6), ("yes", 0.2), (" No", 0.2)], ("yes", "no", "Yes", "No"), (0.2, 0, 0.6, 0.2)),
        ([("YES", 0.5), ("n", 0.5)], ("yes", "no"), (0.5, 0.5)),
        ([("re", 0.9), ("remember", 0.1)], ("remember", "recall"), None),
        ([("<think>", 0.999), ("yes", 0.001)], ("yes", "no"), None),
        ([], ("yes", "no"), None),
    ],
)
def test_first_tokens_are_told_apart(top: list[tuple[str, float]], choices: Any, weights: Any) -> None:
    listed = [{"token": token, "logprob": math.log(share)} for token, share in top]
    found = weights_of(listed, choices)
    assert found == (None if weights is None else pytest.approx(weights))


async def test_words_are_weighed_by_a_choice_where_probabilities_do_not_tell() -> None:
    def script(seen: Seen) -> Reply:
        if "logprobs" in seen.body:
            return refuses(400, "logprobs are not supported")
        assert seen.body["response_format"]["json_schema"]["schema"]["properties"]["choice"]["enum"] == [
            "read",
            "recall",
        ]
        return says('{"choice": "recall"}')

    async with EndpointServer(script) as server:
        client = client_of(server.endpoint())
        assert await client.weigh("m", PLAIN, ("read", "recall")) == (0.0, 1.0)
        assert await client.weigh("m", PLAIN, ("read", "recall")) == (0.0, 1.0)
        await client.close()
    assert len([body for body in server.asked("/v1/chat/completions") if "logprobs" in body]) == 1
