"""Where the user is: time zone and the order of dates. Start at `region.py`."""

from openclaw_desktop.system.region.region import find_zone, is_day_first, zone_named

__all__ = ["find_zone", "is_day_first", "zone_named"]
