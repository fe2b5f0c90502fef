"""What toasts and lists say of notices: plain words, with what others wrote marked and made visible.

Owns the words. Pure functions. Must not know the file, nor how anything is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.notices import Priority
from openclaw_desktop.core.text import tr, visible, visible_lines
from openclaw_desktop.notifications.store import Kept
from openclaw_desktop.notifications.worth import rank
from openclaw_desktop.security.labels import join
from openclaw_desktop.system.toast import Toast, ToastAction

TITLE_CHARS, BODY_CHARS, LINE_CHARS = 100, 400, 80
DIGEST_LINES = 6
LATER, LESS = "later", "less"


def toast_of(kept: Kept, toast_id: str, replaces: str = "") -> Toast:
    """Return the toast of one notice."""
    return Toast(
        toast_id,
        clip(title_of(kept), TITLE_CHARS),
        clip("\n".join([*_mark(kept.label), *_body(kept)]), BODY_CHARS),
        "critical" if kept.priority == "critical" else "normal",
        (ToastAction(LATER, tr("Later")), ToastAction(LESS, tr("Less like this"))),
        replaces,
        visible(kept.open_text) or tr("Open"),
    )


def digest_of(held: Sequence[Kept], toast_id: str) -> Toast:
    """Return the one toast that tells several notices, the most urgent first, then the newest."""
    ordered = sorted(reversed(held), key=lambda kept: rank_of(kept.priority))
    lines = [f"• {clip(title_of(kept), LINE_CHARS)}" for kept in ordered[:DIGEST_LINES]]
    if (more := len(held) - DIGEST_LINES) > 0:
        lines.append(tr("and {count} more", count=more))
    return Toast(
        toast_id,
        tr("{count} notices for you", count=len(held)),
        "\n".join([*_mark(join(kept.label for kept in ordered[:DIGEST_LINES])), *lines]),
        "critical" if rank([kept.priority for kept in held]) == "critical" else "normal",
        open_text=tr("Show them"),
    )


def rank_of(priority: Priority) -> int:
    """Return the place of a class among the classes, 0 for the most urgent."""
    order: tuple[Priority, ...] = ("critical", "high", "normal", "low", "silent")
    return order.index(priority)


def title_of(kept: Kept) -> str:
    """Return a notice's title for a toast or a line: on one line, and nothing of what is secret."""
    return tr("Something private") if kept.label.confidentiality == "secret" else visible(kept.title.strip())


def clip(text: str, chars: int) -> str:
    """Return `text`, cut where it is longer than that."""
    return text if len(text) <= chars else text[: chars - 1].rstrip() + "…"


def say_class(priority: Priority) -> str:
    """Return a class as a word for people."""
    match priority:
        case "critical":
            return tr("critical")
        case "high":
            return tr("high")
        case "normal":
            return tr("normal")
        case "low":
            return tr("low")
        case "silent":
            return tr("silent")


def say_state(kept: Kept, zone: tzinfo) -> str:
    """Return how a notice stands, and why, as a sentence."""
    until = "" if kept.due_at is None else say_time(kept.due_at, zone)
    match kept.state:
        case "waiting":
            return tr("Not told yet.")
        case "held":
            return _say_held(kept.reason, until)
        case "shown":
            if kept.reason == "silent":
                return tr("Kept here alone.")
            return tr("Shown at {time}.", time=say_time(kept.shown_at or kept.created_at, zone))
        case "digested":
            if kept.toast is None:
                return kept.reason
            return tr("Told together with others at {time}.", time=say_time(kept.shown_at or kept.created_at, zone))
        case "snoozed":
            return tr("Comes again at {time}.", time=until)
        case "opened":
            return kept.reason or tr("You opened it.")
        case "dismissed":
            return kept.reason or tr("You put it away.")
        case "expired":
            return kept.reason


def say_why(kept: Kept) -> str:
    """Return why a notice came, and why it has another class than it was given; "" where there is nothing to say."""
    told = [kept.why] if kept.why else []
    if kept.priority_why:
        told.append(tr("Shown as {priority}: {reason}.", priority=say_class(kept.priority), reason=kept.priority_why))
    return " ".join(told)


def say_time(moment: str, zone: tzinfo) -> str:
    """Return a moment as the clock on the wall shows it."""
    return f"{datetime.fromisoformat(moment).astimezone(zone):%Y-%m-%d %H:%M}"


def _say_held(reason: str, until: str) -> str:
    match reason:
        case "low":
            return tr("Of little weight: told with the next digest, at {time}.", time=until)
        case "off":
            return tr("Only counted in the tray: the settings allow no interruption.")
        case "quiet":
            return tr("Held back: quiet until {time}.", time=until)
        case "busy":
            return tr("Held back: the desktop is not to be disturbed.")
        case "budget":
            return tr("Held back: there were enough interruptions this hour.")
        case "batch":
            return tr("Held back: there was one of this kind just now; told together at {time}.", time=until)
        case _:
            return tr("Held back: nothing shows notices at the moment.")


def _mark(label: Label) -> list[str]:
    return [tr("[Holds text that you didn't write]")] if label.integrity == "untrusted" else []


def _body(kept: Kept) -> list[str]:
    if kept.label.confidentiality == "secret":
        return [tr("It is in the window alone.")]
    return [visible_lines(kept.body.strip())] if kept.body.strip() else []
