"""The agent as a service of systemd: a unit of the user's own manager, or one of the whole machine."""

from openclaw_desktop.system.service_unit.systemd import UNIT, SystemUnit, UnitState, UserUnit, UserUnitPlace

__all__ = ["UNIT", "SystemUnit", "UnitState", "UserUnit", "UserUnitPlace"]
