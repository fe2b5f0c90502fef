"""OpenCLaw Desktop: a personal agent that lives in the tray and runs on the user's own machine."""

__version__ = "0.1.0"
