"""How much is measured: enough to tell, or just enough to see that the harness works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of a run. `functions` and `scripts` a connection type make the series of a large exporter."""

    repetitions: int
    batches: int
    functions: int
    scripts: int
    narrow_functions: int
    seconds: float
    scrape_every_s: float
    window_s: float
    servers: int
    rounds: int
    crowded_every_s: float
    tail_seconds: float
    history_s: float


FULL = Scale(
    repetitions=7,
    batches=50,
    functions=740,
    scripts=2,
    narrow_functions=200,
    seconds=30.0,
    scrape_every_s=5.0,
    window_s=3.0,
    servers=6,
    rounds=200,
    crowded_every_s=0.5,
    tail_seconds=20.0,
    history_s=300.0,
)
"""100,000 series of 14,800 label sets, and 2,065 label sets for what needs only those."""

SMOKE = Scale(
    repetitions=2,
    batches=2,
    functions=20,
    scripts=1,
    narrow_functions=4,
    seconds=1.0,
    scrape_every_s=0.3,
    window_s=0.8,
    servers=2,
    rounds=2,
    crowded_every_s=0.1,
    tail_seconds=1.0,
    history_s=1.0,
)
