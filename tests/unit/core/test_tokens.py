"""The estimate errs on the large side, and a cut text fits it."""

from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.core.tokens import clip, estimate_tokens


@given(st.text(max_size=300), st.integers(1, 100))
def test_a_cut_text_fits_and_is_a_start(text: str, tokens: int) -> None:
    cut = clip(text, tokens)
    assert estimate_tokens(cut) <= tokens + 1
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))


def test_letters_of_other_scripts_count_as_tokens_of_their_own() -> None:
    assert estimate_tokens("abc" * 10) == 11
    assert estimate_tokens("漢字" * 10) == 21
