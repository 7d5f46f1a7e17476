"""All methodologies, found by looking into this package: adding one is adding a module."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from carbon.domain.errors import CarbonError
from carbon.domain.quantification.methodology import Methodology

#: Methodology by id, in alphabetical order of their modules.
METHODOLOGIES: dict[str, Methodology] = {
    methodology.id: methodology
    for methodology in (
        import_module(f"{__name__}.{module.name}").METHODOLOGY for module in iter_modules(__path__)
    )
}


def methodology_named(name: str) -> Methodology:
    """The methodology of an id. Raises ``methodology.unknown``."""
    found = METHODOLOGIES.get(name.strip().upper())
    if found is None:
        raise CarbonError("methodology.unknown", name=name, known=", ".join(METHODOLOGIES))
    return found
