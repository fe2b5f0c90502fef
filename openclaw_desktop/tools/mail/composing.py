"""A mail of the user's, put together from what was approved.

Owns how it is written: headers that nobody can add lines to, threading, attachments. Must not send or keep it. Imported
with the first mail that is written, as the standard library's email costs 2 MB. Pure but for the random part of its id.
"""

from __future__ import annotations

import mimetypes
import secrets
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from openclaw_desktop.tools.mail.posts import SUBJECT_CHARS, Post, Written


def write(post: Post, now: datetime) -> Written:
    """Return the mail; raises ValueError where a header can't be written."""
    message = EmailMessage(policy=SMTP)
    message["From"] = post.sender
    if post.to:
        message["To"] = ", ".join(post.to)
    if post.cc:
        message["Cc"] = ", ".join(post.cc)
    message["Subject"] = " ".join(post.subject.split())[:SUBJECT_CHARS]
    message["Date"] = format_datetime(now)
    message_id = f"<{secrets.token_hex(16)}@{post.sender.rpartition('@')[2]}>"
    message["Message-ID"] = message_id
    if post.answers is not None and post.answers.message_id:
        # The library would decode what looks encoded in another's ids, and write something else.
        ids = [one for one in (*post.answers.references, post.answers.message_id) if "=?" not in one]
        if ids and ids[-1] == post.answers.message_id:
            message["In-Reply-To"] = post.answers.message_id
            message["References"] = " ".join(ids)
    message.set_content(post.text if post.text.endswith("\n") else post.text + "\n", cte="quoted-printable")
    for one in post.attached:
        kind = mimetypes.guess_type(one.name)[0] or "application/octet-stream"
        main, _, sub = kind.partition("/")
        message.add_attachment(one.content, maintype=main, subtype=sub, filename=one.name)
    sent = message.as_bytes()
    if post.bcc:
        message["Bcc"] = ", ".join(post.bcc)
    return Written(sent, message.as_bytes(), message_id)
