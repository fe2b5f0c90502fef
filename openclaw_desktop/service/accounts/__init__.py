"""Accounts for mail and calendars, as front ends use them. Start at `desk.py`."""
