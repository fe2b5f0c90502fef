"""A model on offer: a card with a button that fetches it, with progress, rate and time left; it can be paused.

Owns the card and the fetching of one model through the service. Must not know where the card stands. Main thread, loop.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout

from openclaw_desktop.core.errors import Failure
from openclaw_desktop.core.events import ModelPulled
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


def format_pace(pulled: ModelPulled) -> str:
    """Return how fast it goes and how long it takes, as people read it; "" while nobody knows."""
    if pulled.state == "verifying":
        return tr("checking")
    if pulled.rate_bytes_s is None:
        return ""
    if pulled.left_s is None:
        return tr("waiting for the network")
    rate = tr("{rate:.1f} MB/s", rate=pulled.rate_bytes_s / 1e6)
    if pulled.left_s < 90:
        return tr("{rate}, {seconds:.0f} s left", rate=rate, seconds=pulled.left_s)
    if pulled.left_s < 5400:
        return tr("{rate}, {minutes:.0f} min left", rate=rate, minutes=pulled.left_s / 60)
    return tr("{rate}, {hours:.1f} h left", rate=rate, hours=pulled.left_s / 3600)


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
        self._offer = text
        self._purpose = without_controls(sentence)
        self.received_bytes = 0
        tone: Tone | None = "primary" if primary else None
        self._sentence = make_label(self._purpose, name="offer_sentence")
        self._button = make_button(text, name=f"get_{model_id}", tone=tone)
        self._pause = make_button(tr("Pause"), name=f"pause_{model_id}")
        self._cancel = make_button(tr("Cancel"), name=f"cancel_{model_id}")
        self._bar = QProgressBar()
        self._bar.setObjectName("offer_progress")
        self._bar.setAccessibleName(tr("Progress of the download"))
        self._bar.setTextVisible(False)
        self._bar.setRange(0, STEPS)
        self._progress = make_label(name="offer_progress_text", tone="quiet")
        self._notice = make_label(name="offer_notice", tone="quiet")
        row = QHBoxLayout()
        row.addWidget(self._button)
        row.addWidget(self._progress, 1)
        row.addWidget(self._pause)
        row.addWidget(self._cancel)
        row.addStretch(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addWidget(self._sentence)
        column.addWidget(self._bar)
        column.addWidget(self._notice)
        column.addLayout(row)
        self._button.clicked.connect(self._want)
        self._pause.clicked.connect(self._hold)
        self._cancel.clicked.connect(self._give_up)
        self._set_fetching(False)

    def _want(self) -> None:
        # What was said of the last try is no longer true.
        set_tone(self._sentence, "danger", False)
        self._sentence.setText(self._purpose)
        self._notice.clear()
        self._progress.clear()
        # At once, so that a second click can't fetch it twice.
        self._set_fetching(True)
        self.wanted.emit()

    def _hold(self) -> None:
        self.show_paused()
        self.cancelled.emit()

    def _give_up(self) -> None:
        self.show_cancelled()
        self.cancelled.emit()

    @property
    def sentence(self) -> str:
        """What the card says."""
        return self._sentence.text()

    def _set_fetching(self, fetching: bool) -> None:
        self._button.setVisible(not fetching)
        self._pause.setVisible(fetching)
        self._notice.setVisible(fetching and bool(self._notice.text()))
        self._cancel.setVisible(fetching)
        self._bar.setVisible(fetching)
        self._progress.setVisible(fetching)

    def show_progress(self, pulled: ModelPulled) -> None:
        """Show how much has arrived, how fast, and what else happened."""
        self.received_bytes = pulled.received_bytes
        if pulled.notice:
            self._notice.setText(without_controls(pulled.notice))
        self._set_fetching(True)
        total_bytes = max(pulled.total_bytes, pulled.received_bytes, 1)
        self._bar.setValue(pulled.received_bytes * STEPS // total_bytes)
        received = format_size(pulled.received_bytes) if pulled.received_bytes else tr("0 MB")
        size = tr("{received} of {total}", received=received, total=format_size(total_bytes))
        pace = format_pace(pulled)
        self._progress.setText(f"{size}, {pace}" if pace else size)

    def show_paused(self) -> None:
        """Keep what has arrived in sight, with a button that goes on."""
        self._set_fetching(False)
        self._button.setText(tr("Resume"))
        self._bar.show()
        self._cancel.show()
        self._progress.show()
        kept = tr("Paused; {size} are kept.", size=format_size(self.received_bytes))
        self._progress.setText(kept if self.received_bytes else tr("Paused."))

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
        """Offer the model again, and say what is kept."""
        self._set_fetching(False)
        self._button.setText(self._offer)
        if self.received_bytes:
            kept = tr("{size} are kept; the next try goes on from there.", size=format_size(self.received_bytes))
            self._notice.setText(kept)
            self._notice.show()


async def fetch_model(service: AgentService, card: OfferCard) -> bool:
    """Fetch the card's model and use it, showing progress on the card; True once it answers."""
    try:
        if not card.present:
            card.show_progress(ModelPulled(card.model_id, card.received_bytes, card.size_bytes))
            async with closing(service.pull_model(card.model_id)) as pull:
                async for pulled in pull:
                    card.show_progress(pulled)
                    if pulled.state == "paused":
                        card.show_paused()
                        return False
            card.present = True
        await service.use_model(card.model_id)
    except Exception as error:
        card.show_failure(describe_error(error, "fetching a model"))
        return False
    card.show_done()
    return True
