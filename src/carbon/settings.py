"""Settings from the environment, read once, frozen."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from carbon.domain.errors import Lang


@dataclass(frozen=True, slots=True)
class Settings:
    """``CARBON_LANG`` (zh, en), ``CARBON_FACTORS`` (folder), ``CARBON_DEBUG`` (1: tracebacks)."""

    lang: Lang
    factors: Path
    debug: bool

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Chinese unless the environment asks for another language."""
        wanted = environment.get("CARBON_LANG", "zh").lower()
        folder = environment.get("CARBON_FACTORS")
        return cls(
            lang="en" if wanted.startswith("en") else "zh",
            factors=Path(folder) if folder else shipped_factors(),
            debug=environment.get("CARBON_DEBUG") == "1",
        )


def shipped_factors() -> Path:
    """The factor tables that came with the program: inside the wheel, or in the checkout."""
    package = Path(__file__).parent
    installed = package / "factors"
    return installed if installed.is_dir() else package.parents[1] / "factors"
