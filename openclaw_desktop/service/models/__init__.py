"""The models and endpoints that answer, as front ends use them. Start at `thinking.py`."""
