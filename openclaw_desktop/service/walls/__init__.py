"""The walls, as front ends use them: questions, the inbox, grants, the tools put together. Start at `tooling.py`."""
