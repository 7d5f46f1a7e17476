"""All methodologies, found by looking into this package: adding one is adding a module."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from importlib import import_module
from pkgutil import iter_modules

from carbon.domain.errors import CarbonError
from carbon.domain.quantification.methodology import Methodology


def _collect(found: Iterable[Methodology]) -> dict[str, tuple[Methodology, ...]]:
    """Versions by id, oldest first. Raises ``ValueError`` where two hold on one day."""
    versions: dict[str, list[Methodology]] = {}
    for methodology in sorted(found, key=lambda m: (m.id, m.effective)):
        earlier = versions.setdefault(methodology.id, [])
        if earlier and (earlier[-1].until is None or earlier[-1].until >= methodology.effective):
            raise ValueError(f"{earlier[-1].name} and {methodology.name} overlap")
        earlier.append(methodology)
    return {name: tuple(own) for name, own in versions.items()}


#: All versions of every methodology, by id.
METHODOLOGIES = _collect(
    import_module(f"{__name__}.{module.name}").METHODOLOGY for module in iter_modules(__path__)
)


def methodology_named(name: str, day: date) -> Methodology:
    """The version of a methodology in force on a day; before its first one, the first.

    Records of other days are then rejected as ``methodology.not_in_force``. Raises
    ``methodology.unknown``.
    """
    versions = METHODOLOGIES.get(name.strip().upper())
    if versions is None:
        raise CarbonError("methodology.unknown", name=name, known=", ".join(METHODOLOGIES))
    return next((m for m in reversed(versions) if m.effective <= day), versions[0])
