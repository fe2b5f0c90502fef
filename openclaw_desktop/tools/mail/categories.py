"""What kind of mail a mail is, by fixed rules over its headers and words.

Owns the rules and their order. No model: the same mail is the same kind every time, and no text in it can ask to be
another. Pure; in the jailed child.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

CATEGORIES = ("personal", "invitation", "bill", "newsletter", "list", "notification", "other")

_INVITATION = re.compile(
    r"\b(?:invitation|invite|einladung|invitación|invito)\b|\b(?:accepted|declined|cancelled|updated) event\b"
    r"|^invited:",
    re.IGNORECASE,
)
_BILL = re.compile(
    r"\b(?:invoices?|receipts?|rechnung(?:en)?|facture|factura|fattura|mahnung|zahlungserinnerung|statement of account"
    r"|account statement|amount due|payment (?:due|reminder|overdue|received|confirmation)|direct debit)\b"
    r"|\b(?:your|new|monthly|latest|electricity|phone|gas|water|internet) (?:\w+ ){0,3}bill\b"
    r"|\bbill (?:is|for|from|due|ready)\b",
    re.IGNORECASE,
)
_BILL_FILE = re.compile(r"\b(?:invoice|receipt|rechnung|facture|factura)[\w .-]{0,40}\.pdf$", re.IGNORECASE)
_ANSWER = re.compile(r"^\s*(?:re|aw|sv|antw|fwd?|wg)\s*:", re.IGNORECASE)
_MACHINE = re.compile(
    r"^(?:no[-_.]?reply|do[-_.]?not[-_.]?reply|noreply[\w.-]*|notifications?|notify|alerts?|mailer-daemon|postmaster|bounces?"
    r"|automated|system|updates?)(?:[+._-].*)?@",
    re.IGNORECASE,
)
_NEWS = re.compile(r"\b(?:newsletter|digest|weekly|unsubscribe|% off|sale ends)\b", re.IGNORECASE)


def categorise(
    headers: Mapping[str, str], sender: str, recipients: Collection[str], own: str, types: Collection[str],
    names: Collection[str],
) -> str:  # fmt: skip
    """Return one of CATEGORIES.

    `headers`: by their name in lower case; `sender`, `recipients`, `own`: addresses; `types`, `names`: of its parts.
    """
    subject = headers.get("subject", "")
    answer = _ANSWER.match(subject) is not None
    bulk = headers.get("precedence", "").strip().lower() in ("bulk", "list", "junk")
    listed = "list-unsubscribe" in headers or "list-id" in headers
    machine = _MACHINE.match(sender) is not None or headers.get("auto-submitted", "no").strip().lower() != "no"
    discussion = "list-post" in headers and headers["list-post"].strip().upper() != "NO"
    if "text/calendar" in types or (_INVITATION.search(subject) and not answer and not bulk):
        return "invitation"
    if discussion:
        return "list"
    if not answer and (_BILL.search(subject) or any(_BILL_FILE.search(name) for name in names)):
        return "bill"
    if listed or bulk or (machine and _NEWS.search(subject)):
        return "newsletter"
    if machine:
        return "notification"
    if own.lower() in {address.lower() for address in recipients}:
        return "personal"
    return "other"
