"""A model on offer: a card with a button that fetches it, with progress.

Owns the card and the fetching of one model through the service. Must not know where the card stands. Main thread, loop.
"""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout

from openclaw_desktop.core.errors import Failure
from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.ui.failures import closing, describe_error
from openclaw_desktop.ui.labels import Tone, make_button, make_label, set_tone

STEPS = 1000


def format_size(size_bytes: int) -> str:
    """Return `size_bytes` as people read it: "1.1 GB", "380 MB"."""
    if size_bytes >= 1_000_000_000:
        return tr("{size:.1f} GB", size=size_bytes / 1e9)
    return tr("{size:.0f} MB", size=max(1.0, size_bytes / 1e6))


class OfferCard(QFrame):
    """One model to fetch, or, where its file is here already, to use."""

    wanted = Signal()
    cancelled = Signal()

    def __init__(
        self,
        model_id: str,
        title: str,
        size_bytes: int,
        sentence: str,
        *,
        present: bool = False,
        primary: bool = True,
    ) -> None:
        super().__init__()
        self.setObjectName("card")
        self.model_id = model_id
        self.present = present
        self._title = without_controls(title)
        self.size_bytes = size_bytes
        text = (
            tr("Use {title}", title=self._title)
            if present
            else tr("Get {title} ({size})", title=self._title, size=format_size(size_bytes))
        )
        tone: Tone | None = "primary" if primary else None
        self._sentence = make_label(without_controls(sentence), name="offer_sentence")
        self._button = make_button(text, name=f"get_{model_id}", tone=tone)
        self._cancel = make_button(tr("Cancel"), name=f"cancel_{model_id}")
        self._bar = QProgressBar()
        self._bar.setObjectName("offer_progress")
        self._bar.setAccessibleName(tr("Progress of the download"))
        self._bar.setTextVisible(False)
        self._bar.setRange(0, STEPS)
        self._progress = make_label(name="offer_progress_text", tone="quiet")
        row = QHBoxLayout()
        row.addWidget(self._button)
        row.addWidget(self._progress, 1)
        row.addWidget(self._cancel)
        row.addStretch(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addWidget(self._sentence)
        column.addWidget(self._bar)
        column.addLayout(row)
        self._button.clicked.connect(self._want)
        self._cancel.clicked.connect(self._give_up)
        self._set_fetching(False)

    def _want(self) -> None:
        # At once, so that a second click can't fetch it twice.
        self._set_fetching(True)
        self.wanted.emit()

    def _give_up(self) -> None:
        # Here too: a task that is cancelled before its first step never gets to say so.
        self.show_cancelled()
        self.cancelled.emit()

    @property
    def sentence(self) -> str:
        """What the card says."""
        return self._sentence.text()

    def _set_fetching(self, fetching: bool) -> None:
        self._button.setVisible(not fetching)
        self._cancel.setVisible(fetching)
        self._bar.setVisible(fetching)
        self._progress.setVisible(fetching)

    def show_progress(self, received_bytes: int, total_bytes: int) -> None:
        """Show how much has arrived."""
        self._set_fetching(True)
        total_bytes = max(total_bytes, received_bytes, 1)
        self._bar.setValue(received_bytes * STEPS // total_bytes)
        self._progress.setText(
            tr("{received} of {total}", received=format_size(received_bytes), total=format_size(total_bytes))
        )

    def show_done(self) -> None:
        """Say that the model answers from now on."""
        self._set_fetching(False)
        self._button.hide()
        set_tone(self._sentence, "danger", False)
        self._sentence.setText(tr("{title} is ready and answers from now on.", title=self._title))

    def show_failure(self, failure: Failure) -> None:
        """Say what went wrong and offer to try again."""
        self._set_fetching(False)
        set_tone(self._sentence, "danger", True)
        self._sentence.setText(without_controls(failure.text))
        self._button.setText(tr("Try again"))

    def show_cancelled(self) -> None:
        """Offer the model again."""
        self._set_fetching(False)


async def fetch_model(service: AgentService, card: OfferCard) -> bool:
    """Fetch the card's model and use it, showing progress on the card; True once it answers."""
    try:
        if not card.present:
            card.show_progress(0, card.size_bytes)
            async with closing(service.pull_model(card.model_id)) as pull:
                async for pulled in pull:
                    card.show_progress(pulled.received_bytes, pulled.total_bytes)
            card.present = True
        await service.use_model(card.model_id)
    except asyncio.CancelledError:
        card.show_cancelled()
        raise
    except Exception as error:
        card.show_failure(describe_error(error, "fetching a model"))
        return False
    card.show_done()
    return True
