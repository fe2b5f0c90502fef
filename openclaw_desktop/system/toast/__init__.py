"""Short messages of the desktop, and whether it may be disturbed. Start at `toast.py`, then `attention.py`."""

from openclaw_desktop.system.toast.attention import Attention, choose_attention
from openclaw_desktop.system.toast.toast import (
    OPEN,
    NoToasts,
    OnToast,
    Toast,
    ToastAction,
    ToastClosed,
    ToastEvent,
    ToastPressed,
    Toasts,
    ToastsBack,
    ToastsLost,
    Urgency,
    choose_toasts,
)

__all__ = [
    "OPEN",
    "Attention",
    "NoToasts",
    "OnToast",
    "Toast",
    "ToastAction",
    "ToastClosed",
    "ToastEvent",
    "ToastPressed",
    "Toasts",
    "ToastsBack",
    "ToastsLost",
    "Urgency",
    "choose_attention",
    "choose_toasts",
]
