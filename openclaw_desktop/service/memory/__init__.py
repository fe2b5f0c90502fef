"""Memory, as front ends use it, and its upkeep. Start at `desk.py`."""
