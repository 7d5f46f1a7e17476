"""Files of simulated acts for tests."""

from __future__ import annotations

from pathlib import Path

from carbon.bootstrap import runs
from carbon.domain.simulation import Simulation


def write_simulated(path: Path, simulation: Simulation) -> Path:
    """Write a simulated file; ids of another seed are others, as another month's would be."""
    runs.run_simulate(simulation, path, lambda *_: None)
    return path
