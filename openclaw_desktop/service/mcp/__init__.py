"""Servers of MCP, as front ends use them. Start at `desk.py`."""
