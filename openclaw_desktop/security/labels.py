"""The rules of labels: what joining texts does to them.

Owns the orders of integrity and confidentiality, and a label as the values of its columns. Pure functions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

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


def label_columns(label: Label) -> tuple[str, str, str]:
    """Return a label as the values of its three columns: integrity, confidentiality, origins as JSON."""
    return label.integrity, label.confidentiality, json.dumps(label.origins)


def label_of(integrity: Any, confidentiality: Any, origins: Any) -> Label:
    """Return the label that stands in three columns."""
    return Label(integrity, confidentiality, tuple(json.loads(origins)))
