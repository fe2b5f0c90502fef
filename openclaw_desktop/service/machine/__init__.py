"""The watch over the machine, as front ends see it. Start at `care.py`."""
