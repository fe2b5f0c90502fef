"""Scheduled jobs: what they do and how front ends use them. Start at `scheduling.py`."""
