"""What the popup shows while there is no conversation: starting, what went wrong, a model to fetch, or a greeting.

Owns that page. Must not know the agent; its cards and examples say what the user wants. Main thread.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from openclaw_desktop.core.errors import Failure
from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.service.api import ModelView
from openclaw_desktop.ui.labels import make_button, make_label
from openclaw_desktop.ui.offer import OfferCard


def choose_offers(models: tuple[ModelView, ...]) -> tuple[ModelView, ...]:
    """Return the models to offer first: the smallest that works here, and the best that does.

    Of the catalogue, those that were measured; a bigger one is the user's own choice.
    """
    usable = [model for model in models if not model.problem and model.kind == "chat"]
    first = [model for model in usable if model.recommended] or usable
    fitting = sorted(first, key=lambda model: model.size_bytes)
    if not fitting:
        return ()
    able = [model for model in fitting if model.calls_tools] or fitting
    return (fitting[0],) if able[-1] is fitting[0] else (fitting[0], able[-1])


class Welcome(QScrollArea):
    """One page that is built anew for each state."""

    example_chosen = Signal(str)
    offer_made = Signal(OfferCard)
    quit_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("welcome")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.show_starting()

    def _begin(self, title: str, sentence: str) -> QVBoxLayout:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(24, 24, 24, 12)
        column.setSpacing(10)
        column.addStretch(2)
        headline = make_label(title, name="headline")
        font = headline.font()
        font.setPointSizeF(font.pointSizeF() * 1.5)
        headline.setFont(font)
        column.addWidget(headline)
        text = make_label(sentence, name="welcome_text", tone="quiet")
        text.setVisible(bool(sentence))
        column.addWidget(text)
        column.addSpacing(8)
        # The old page is deleted by Qt here.
        self.setWidget(page)
        return column

    def show_starting(self) -> None:
        """Say that the agent is not there yet."""
        self._begin(tr("Starting…"), tr("You can write already; send it in a moment.")).addStretch(3)

    def show_failure(self, failure: Failure) -> None:
        """Say why there is no agent."""
        column = self._begin(without_controls(failure.sentence), without_controls(failure.advice))
        button = make_button(tr("Quit"), name="welcome_quit")
        button.clicked.connect(self.quit_requested)
        column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(3)

    def show_greeting(self, leaves_machine: bool = False) -> None:
        """Greet, with three things to try; `leaves_machine`: another one answers, or makes the memories' vectors."""
        if leaves_machine:
            sentence = tr("Ask me something, or tell me what to remember. It leaves this machine: another works on it.")
        else:
            sentence = tr("Ask me something, or tell me what to remember. Everything stays on this machine.")
        column = self._begin(tr("Hello."), sentence)
        for example, complete in (
            (tr("Remember that my sister's birthday is on March 14"), True),
            (tr("What does my notes.txt say?"), True),
            (tr("What did I tell you about …"), False),
        ):
            button = make_button(example, name="example", tone="example")
            text = example if complete else example.removesuffix("…")
            button.clicked.connect(lambda _checked=False, text=text: self.example_chosen.emit(text))
            column.addWidget(button)
        column.addStretch(3)

    def show_models(self, models: tuple[ModelView, ...]) -> None:
        """Offer a model: without one, only what needs no model works."""
        column = self._begin(
            tr("One thing is missing: a model."),
            tr("It is downloaded once and then answers on this machine, without the network."),
        )
        offers = choose_offers(models)
        for index, model in enumerate(offers):
            best = index == len(offers) - 1
            sentence = tr("The best that runs well here.") if best else tr("Small and quick to get.")
            present = model.path is not None
            card = OfferCard(model.id, model.title, model.size_bytes, sentence, present=present, primary=best)
            column.addWidget(card)
            self.offer_made.emit(card)
        if not offers:
            problem = next((model.problem for model in models if model.problem), "")
            column.addWidget(
                make_label(without_controls(problem) or tr("No model of the catalogue fits this machine."))
            )
        column.addStretch(3)
