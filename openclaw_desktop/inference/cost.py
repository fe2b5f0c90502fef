"""What a million tokens from a model here cost in energy and money, beside a price of the cloud.

Owns the estimate and its assumptions. Must not read the machine. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from openclaw_desktop.core.text import tr

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """In the user's own money, hundredths: a million tokens from the cloud, a kilowatt-hour. None: not said."""

    cloud_cents: int | None = None
    electricity_cents: int | None = None


@dataclass(frozen=True, slots=True)
class Power:
    """What the machine draws while it computes, in watts, and where that figure is from."""

    watts: float
    source: str


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a million written tokens. None where a price was not said."""

    wh: float
    cents: float | None
    cloud_cents: float | None


def assume_power(watts_per_core: int, cores: int) -> Power:
    """Return the power where nothing here tells it: the setting's assumption for every core."""
    source = tr("assumed: energy.watts_per_core = {watts} for each core", watts=watts_per_core)
    return Power(float(cores * watts_per_core), source)


def estimate_cost(decode_tokens_per_s: float, power: Power, prices: Prices) -> Cost:
    """Return the cost of a million tokens written at this speed with this power."""
    wh = power.watts * MILLION / decode_tokens_per_s / 3600
    cents = None if prices.electricity_cents is None else wh / 1000 * prices.electricity_cents
    return Cost(wh, cents, None if prices.cloud_cents is None else float(prices.cloud_cents))
