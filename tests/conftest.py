"""Fixtures: the shipped catalogue, a small month of records, and a way to run the product."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import settings

from carbon import bootstrap
from carbon.domain.activity.record import COLUMNS
from carbon.domain.factors.catalog import Catalogue
from carbon.files.factor_folder import read_catalogue

ROOT = Path(__file__).parents[1]
FACTORS = ROOT / "factors"
#: Real tables and records; present beside a development checkout and in CI only.
SHARED = Path(os.environ.get("CARBON_SHARED", ROOT.parent / "shared")) / "data"

settings.register_profile(
    "carbon", deadline=None, max_examples=int(os.environ.get("CARBON_EXAMPLES", "100"))
)
settings.load_profile("carbon")

TODAY = date(2026, 11, 23)

#: A record that quantifies under HD-REUSE: one phone sold by a Hedong shop, age 2.5 of 5 years.
PHONE = {
    "record_id": "r1",
    "occurred_on": "2026-10-05",
    "channel": "shop",
    "act": "sale",
    "item_type": "phone",
    "quantity": "1",
    "mass_kg": "0.2",
    "condition": "good",
    "age_years": "2.5",
    "process": "light",
    "transport_mode": "home_delivery",
    "item_id": "imei-1",
    "receiver_region": "120000",
    "site": "120102-001",
}


class FixedClock:
    """A clock that stands still."""

    def today(self) -> date:
        return TODAY


@dataclass
class Run:
    """A finished run, opened for assertions."""

    folder: Path
    summary: Mapping[str, Any]

    @property
    def records(self) -> list[dict[str, Any]]:
        return pq.read_table(self.folder / "records.parquet").to_pylist()

    @property
    def rejects(self) -> list[dict[str, Any]]:
        return pacsv.read_csv(self.folder / "rejects.csv").to_pylist()

    @property
    def codes(self) -> set[str]:
        return {row["code"] for row in self.rejects}

    def record(self, record_id: str) -> dict[str, Any]:
        return next(r for r in self.records if r["record_id"] == record_id)


def write_csv(path: Path, rows: list[Mapping[str, str]], encoding: str = "utf-8") -> Path:
    """Write records under canonical headers."""
    names = [c.name for c in COLUMNS]
    lines = [",".join(names)]
    lines += [",".join(str(row.get(name, "")) for name in names) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return read_catalogue(FACTORS)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """Quantify records (dicts) or a file; keyword arguments are those of the request."""

    def start(source: Path | list[Mapping[str, str]], **options: Any) -> Run:
        number = len(list(tmp_path.iterdir()))
        if not isinstance(source, Path):
            source = write_csv(tmp_path / f"in-{number}.csv", source)
        out = tmp_path / f"out-{number}"
        options.setdefault("factors", FACTORS)
        request = bootstrap.QuantifyRequest(source=source, out=out, lang="en", **options)
        bootstrap.run_quantify(request, lambda *_: None, FixedClock())
        return Run(out, json.loads((out / "summary.json").read_text("utf-8")))

    return start


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the real records of ../shared are not beside this checkout")
    return SHARED
