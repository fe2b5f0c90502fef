"""The rules of labels: what joining texts does to them.

Owns the orders of integrity and confidentiality. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable

from openclaw_desktop.core.labels import SYSTEM, Confidentiality, Integrity, Label

INTEGRITY_ORDER: tuple[Integrity, ...] = ("system", "user", "untrusted")
CONFIDENTIALITY_ORDER: tuple[Confidentiality, ...] = ("public", "private", "secret")


def join(labels: Iterable[Label]) -> Label:
    """Return the label of a text made of all of them: the least trusted, the most confidential, every origin."""
    known = [SYSTEM, *labels]
    return Label(
        max((label.integrity for label in known), key=INTEGRITY_ORDER.index),
        max((label.confidentiality for label in known), key=CONFIDENTIALITY_ORDER.index),
        tuple(sorted({origin for label in known for origin in label.origins})),
    )
