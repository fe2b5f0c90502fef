"""Models behind an OpenAI-compatible endpoint, on this machine or another: the same protocols as the built-in one."""
