"""Notices, as front ends use them. Start at `noticing.py`."""
