"""What is published of a record, in plain Python: the slow, obvious way, for tests to compare with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from carbon.domain.activity.record import FIXED_VOCABULARIES
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.factors.table import GRADES, RawTable
from carbon.domain.period import month_name, months_of
from carbon.domain.quantification.trace import GRAMS

#: Published name of each code column, and the number columns.
CODES = {
    name: name
    for name in "act condition destination evidence process subsidised transport_mode".split()
} | {"receiver_region": "region"}
NUMBERS = "age_years mass_kg quantity transport_km".split()


class Published:
    """The rows of one catalogue's tables, numbered as in the catalogue tree."""

    def __init__(self, tables: Mapping[str, RawTable]) -> None:
        self.catalogue = Catalogue.of(tables)
        self.tree = [(name, raw) for name in sorted(tables) for _, raw in tables[name].rows]
        self._number = {
            (name, raw.get("key", raw.get("item_type")), raw.get("effective")): number
            for number, (name, raw) in enumerate(self.tree)
        }

    def item_number(self, item_type: str) -> int:
        return self._number["items", item_type, None]

    def factor_number(self, row: int) -> int:
        found = self.catalogue.rows[row]
        return self._number[found.family, found.key, found.effective.isoformat()]

    def fields(self, batch, n: int, allowance: float = np.inf) -> dict[str, str | bool]:
        """The member ``in`` of a record's row."""
        found = {"item_type": self.catalogue.items[batch.codes["item_type"][n]].item_type}
        for column, name in CODES.items():
            code = int(batch.codes[column][n])
            if code >= 0:
                found[name] = FIXED_VOCABULARIES[column].codes[code]
        numbers = {name: float(batch.numbers[name][n]) for name in NUMBERS}
        numbers["allowance"] = float(allowance)
        found |= {name: repr(x) for name, x in numbers.items() if np.isfinite(x)}
        month = month_name(int(months_of(batch.days["occurred_on"])[n]))
        return found | {
            "month": month,
            "hedong": bool(batch.in_hedong[n]),
            "item": bool(batch.has_item_id[n]),
        }

    def factors(self, quantities, n: int) -> dict[str, int]:
        """The member ``f``: catalogue row numbers of the roles whose row entered the figures."""
        used = {role: int(rows[n]) for role, rows in quantities.rows.items()}
        return {role: self.factor_number(row) for role, row in used.items() if row >= 0}

    def row(self, batch, quantities, n: int, allowance: float = np.inf) -> dict[str, object]:
        """A record's whole row, without its id and its salted digests."""
        grams = {name: str(int(getattr(quantities, name)[n])) for name in GRAMS}
        return {
            "in": self.fields(batch, n, allowance),
            "f": self.factors(quantities, n),
            "grade": GRADES[int(quantities.grade[n])],
            **grams,
        }
