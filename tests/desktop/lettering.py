"""Finding written text on a screen: the text is drawn the way the program draws it, and its picture looked for.

Owns the drawing (in a child, on the same screen, so with the same fonts) and the search. The search compares light and
dark, whatever the two colours are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from session import DesktopSession

# Of two identical pictures the likeness is 1, of one drawn half a pixel further 0.9; other words stay below 0.8.
ALIKE = 0.87

_DRAW = """
import json, os, sys
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import QApplication
from openclaw_desktop.ui.application import choose_platform_theme
choose_platform_theme(os.environ)
application = QApplication(["lettering"])
for text, size, path in json.loads(sys.argv[1]):
    font = application.font()
    font.setPointSizeF(font.pointSizeF() * size)
    metrics = QFontMetrics(font)
    image = QImage(metrics.horizontalAdvance(text) + 2, metrics.height(), QImage.Format.Format_Grayscale8)
    image.fill(QColor("white"))
    painter = QPainter(image)
    painter.setFont(font)
    painter.drawText(0, metrics.ascent(), text)
    painter.end()
    with open(path, "wb") as file:
        file.write(b"%d %d\\n" % (image.width(), image.height()))
        for y in range(image.height()):
            file.write(bytes(image.constScanLine(y))[: image.width()])
"""


class Lettering:
    """Pictures of texts, drawn once each."""

    def __init__(self, session: DesktopSession) -> None:
        self._session = session
        self._pictures: dict[tuple[str, float], NDArray[np.float64]] = {}

    def picture_of(self, text: str, size: float = 1.0) -> NDArray[np.float64]:
        """Return `text` as light and dark, cut to its ink."""
        if (text, size) not in self._pictures:
            self.draw(text, size=size)
        return self._pictures[text, size]

    def draw(self, *texts: str, size: float = 1.0) -> None:
        """Draw several texts at once, which takes as long as one."""
        order = [(text, size, str(self._session.folder / f"lettering-{index}")) for index, text in enumerate(texts)]
        self._session.run(sys.executable, "-c", _DRAW, json.dumps(order))
        for text, _, path in order:
            head, _, data = Path(path).read_bytes().partition(b"\n")
            width, height = map(int, head.split())
            picture = np.frombuffer(data, np.uint8).reshape(height, width).astype(float)
            rows, columns = np.nonzero(picture < 128)
            self._pictures[text, size] = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def find_picture(picture: NDArray[np.float64], image: NDArray[np.float64]) -> tuple[int, int, int, int] | None:
    """Return x, y, width and height of the place that is most like `picture`; None where none is alike."""
    height, width = picture.shape
    if image.shape[0] < height or image.shape[1] < width:
        return None
    pattern = picture - picture.mean()
    shape = (image.shape[0] + height, image.shape[1] + width)
    seen = np.fft.irfft2(np.fft.rfft2(image, shape) * np.conj(np.fft.rfft2(pattern, shape)), shape)
    seen = seen[: image.shape[0] - height + 1, : image.shape[1] - width + 1]
    count = height * width
    spread = _box_sums(image**2, height, width) - _box_sums(image, height, width) ** 2 / count
    scale = np.sqrt(np.maximum(spread, 1.0) * (pattern**2).sum())
    # Flat places have nothing to compare; light text on dark is alike with the sign turned.
    likeness = np.where(spread > count, np.abs(seen) / scale, 0.0)
    y, x = np.unravel_index(int(likeness.argmax()), likeness.shape)
    return (int(x), int(y), width, height) if likeness[y, x] >= ALIKE else None


def _box_sums(image: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    sums = np.pad(image, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    return sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
