"""What runs and how well, and what the doctor finds and mends. Start at `doctor.py`."""
