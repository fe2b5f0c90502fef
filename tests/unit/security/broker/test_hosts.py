"""URLs in their one form, and where a request may go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.security.broker.hosts import clean_scope, covers_url, find_pass, parse_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://Example.COM", "https://example.com/"),
        ("example.com/a", "https://example.com/a"),
        ("//example.com/a", "https://example.com/a"),
        ("https://example.com/\n", "https://example.com/"),
        ("HTTPS://example.com:443/a?b=c#d", "https://example.com/a?b=c"),
        ("http://example.com:80", "http://example.com/"),
        ("http://example.com:8080/", "http://example.com:8080/"),
        ("https://example.com./", "https://example.com/"),
        ("https://bücher.example/é?ü", "https://xn--bcher-kva.example/%C3%A9?%C3%BC"),
        ("https://example.com/a b", "https://example.com/a%20b"),
        ("https://example.com/%41?q=a%20b", "https://example.com/%41?q=a%20b"),
        ("https://[::1]:8443/", "https://[::1]:8443/"),
        ("https://[0:0::1]/", "https://[::1]/"),
        ("localhost:8888/search", "https://localhost:8888/search"),
    ],
)
def test_a_url_has_one_form(text: str, url: str) -> None:
    assert parse_url(text).url == url
    assert parse_url(url).url == url


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "wrong_url"), ("   ", "wrong_url"), ("https://", "wrong_url"), ("https:///path", "wrong_url"),
        ("https://exa mple.com", "wrong_url"),
        ("https://example.com/a\nb", "wrong_url"), ("https://example.com/a\tb", "wrong_url"),
        ("https://example.com\\.evil.example/", "wrong_url"), ("https://a..b/", "wrong_url"),
        ("https://127.1/", "wrong_url"), ("https://2130706433/", "wrong_url"), ("https://0x7f.1/", "wrong_url"),
        ("https://0177.0.0.1/", "wrong_url"), ("https://example.com:99999/", "wrong_url"),
        ("https://example.com:0/", "wrong_url"), ("https://example.com:x/", "wrong_url"),
        ("https://[::1/", "wrong_url"),
        ("https://[fe80::1%25eth0]/", "wrong_url"), ("https://exam\u202eple.com/", "wrong_url"),
        ("https://" + "a" * 5000, "wrong_url"),
        ("https://user:pass@example.com/", "url_login"), ("https://example.com@evil.example/", "url_login"),
        ("https://evil.example\\@example.com/", "url_login"),
        ("file:///etc/passwd", "url_scheme"), ("javascript:alert(1)", "url_scheme"),
        ("data:text/html,x", "url_scheme"),
        ("ftp://example.com/", "url_scheme"), ("gopher://example.com/", "url_scheme"),
    ],
)  # fmt: skip
def test_what_is_no_page_is_told_in_a_sentence(text: str, code: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_url(text)
    assert caught.value.failure.code == code and caught.value.failure.sentence.isprintable()


@given(st.text(max_size=200) | st.text("https:/\\@[]%.?#:0123456789ax\x00\u202e ", max_size=60))
def test_no_text_is_more_than_an_error(text: str) -> None:
    try:
        target = parse_url(text)
    except UserError as error:
        assert error.failure.sentence
        return
    assert parse_url(target.url) == target
    assert target.url.isascii() and target.url.isprintable() and " " not in target.url


@given(st.text(max_size=100), st.text(max_size=60) | st.just("*"))
def test_no_scope_and_no_place_is_more_than_an_error(location: str, scope: str) -> None:
    base = parse_url("https://example.com/a")
    covers_url(scope, base.url)
    find_pass(base, (scope,))
    for read in (lambda: base.joined(location), lambda: clean_scope(scope)):
        try:
            read()
        except UserError as error:
            assert error.failure.sentence


@pytest.mark.parametrize(
    ("scope", "url", "fits"),
    [
        ("example.com", "https://example.com/a", True),
        ("example.com", "https://www.example.com/a", False),
        ("example.com", "https://evilexample.com/", False),
        ("example.com", "https://example.com.evil.example/", False),
        ("example.com", "http://example.com/", False),
        ("example.com", "https://example.com:8443/", False),
        ("*.example.com", "https://www.example.com/", True),
        ("*.example.com", "https://a.b.example.com/", True),
        ("*.example.com", "https://example.com/", False),
        ("*.example.com", "https://evilexample.com/", False),
        ("example.com:80", "http://example.com/", True),
        ("example.com:8443", "https://example.com:8443/x", True),
        ("example.com:443", "https://example.com/x", True),
        ("127.0.0.1:8888", "http://127.0.0.1:8888/search?q=x", True),
        ("127.0.0.1:8888", "http://127.0.0.1:8889/", False),
        ("[::1]:8888", "http://[::1]:8888/", True),
        ("example.com", "https://EXAMPLE.com/", False),
        ("example.com", "nonsense", False),
        ("", "https://example.com/", False),
    ],
)
def test_a_scope_covers_its_host_alone(scope: str, url: str, fits: bool) -> None:
    assert covers_url(scope, url) is fits


@pytest.mark.parametrize(
    ("typed", "scope"),
    [
        ("Example.com", "example.com"), ("*.Example.com", "*.example.com"), ("example.com:8080", "example.com:8080"),
        ("https://example.com/a/b", "example.com"), ("http://example.com/", "example.com:80"),
        ("http://127.0.0.1:8888/", "127.0.0.1:8888"), ("[::1]:8888", "[::1]:8888"), ("::1", "::1"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)  # fmt: skip
def test_a_scope_is_read_as_people_type_it(typed: str, scope: str) -> None:
    assert clean_scope(typed) == scope == clean_scope(scope)


@pytest.mark.parametrize(
    "typed",
    ["", "*", "*.com", "*.", "*.*.com", "a*b.com", "example.com:0", "*.example.com:80", "a b", "127.1", "*.127.0.0.1",
     "example.com:99999", "user@example.com"],
)  # fmt: skip
def test_a_scope_that_means_too_much_or_nothing_is_refused(typed: str) -> None:
    with pytest.raises(UserError):
        clean_scope(typed)
