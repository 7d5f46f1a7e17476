"""Fixtures: the shipped catalogue, a small month of records, and a way to run the product."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import settings
from sqlalchemy.engine import make_url

import postgres
from carbon.adapters.clock import ZONE
from carbon.adapters.vault import Vault
from carbon.bootstrap import runs
from carbon.bootstrap.system import STORE_KEY, System
from carbon.domain.activity.record import COLUMNS
from carbon.domain.factors.catalog import Catalogue
from carbon.files.factor_folder import read_catalogue
from carbon.settings import Settings

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


@dataclass
class FixedClock:
    """A clock that stands still until it is moved."""

    at: datetime = field(default=datetime(2026, 11, 23, 12, tzinfo=ZONE))

    def today(self) -> date:
        return self.at.date()

    def now(self) -> datetime:
        return self.at

    def move(self, **step: float) -> None:
        """Move it by so many days, hours and so on."""
        self.at += timedelta(**step)


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
        request = runs.QuantifyRequest(source=source, out=out, lang="en", **options)
        runs.run_quantify(request, lambda *_: None, FixedClock())
        return Run(out, json.loads((out / "summary.json").read_text("utf-8")))

    return start


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the real records of ../shared are not beside this checkout")
    return SHARED


# --- one suite, two engines -----------------------------------------------------------------------
#
# A test that asks for `home` or `system` runs once on SQLite and once on PostgreSQL, each time on
# a database of its own. Both are copies of one that was upgraded once.

#: Name of the upgraded database that PostgreSQL copies.
_TEMPLATE = "upgraded"


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server; without its programs tests are skipped, except where CI promises them."""
    if postgres.programs() is None:
        reason = "no PostgreSQL server programs: run tools/install-postgres"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    # Tests kill no power: what is not written through is as good and several times as fast.
    with postgres.cluster({"fsync": "off", "synchronous_commit": "off"}) as running:
        yield running


def new_database(cluster: postgres.Cluster, template: str | None = None) -> str:
    """A database under a new name, empty or a copy."""
    name = f"test_{uuid4().hex}"
    copied = f" TEMPLATE {template}" if template else ""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}{copied}")  # type: ignore[call-overload]
    return name


def settings_at(folder: Path, cluster: postgres.Cluster | None = None, name: str = "") -> Settings:
    """Settings of a system in a folder: on SQLite, or with a database of a cluster."""
    urls = {}
    if cluster is not None:
        urls["CARBON_DATABASE_URL"] = cluster.url(name, postgres.APPLICATION)
        urls["CARBON_DATABASE_OWNER_URL"] = cluster.url(name)
    return Settings.read({"CARBON_HOME": str(folder), "CARBON_FACTORS": str(FACTORS), **urls})


def environment_of(settings: Settings) -> dict[str, str]:
    """What another process needs to be the same system."""
    return {
        "CARBON_HOME": str(settings.log.parent),
        "CARBON_FACTORS": str(FACTORS),
        "CARBON_DATABASE_URL": settings.database,
        "CARBON_DATABASE_OWNER_URL": settings.owner,
    }


def upgraded(settings: Settings) -> Settings:
    """The same settings, their database upgraded and no connection left open."""
    System(settings, FixedClock()).upgrade()
    return settings


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    upgraded(settings_at(folder))
    return folder / "carbon.db"


@pytest.fixture(scope="session")
def postgresql_template(cluster: postgres.Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    upgraded(settings_at(tmp_path_factory.mktemp("template"), cluster, cluster.database(_TEMPLATE)))
    return _TEMPLATE


ENGINES = ("sqlite", "postgresql")


@pytest.fixture(params=ENGINES)
def empty_home(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a system that was never upgraded, on each engine."""
    if request.param == "sqlite":
        return settings_at(tmp_path / "home")
    cluster = request.getfixturevalue("cluster")
    return settings_at(tmp_path / "home", cluster, new_database(cluster))


@pytest.fixture(params=ENGINES)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an upgraded, otherwise fresh system on each engine: schema and store key."""
    folder = tmp_path / "home"
    folder.mkdir()
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "carbon.db")
        settings = settings_at(folder)
    else:
        template = request.getfixturevalue("postgresql_template")
        cluster = request.getfixturevalue("cluster")
        settings = settings_at(folder, cluster, new_database(cluster, template))
    Vault.create(settings.keys / STORE_KEY)
    return settings


@pytest.fixture
def clock() -> FixedClock:
    """The clock of `system`; ``clock.move(days=1)``."""
    return FixedClock()


@pytest.fixture
def system(home: Settings, clock: FixedClock) -> Iterator[System]:
    """A fresh system with a log, on each engine."""
    made = System(home, clock)
    made.init_log("log.example.cn/hedong")
    yield made
    made.close()


def a_phone(number: int, **changes: str) -> dict[str, str]:
    """The n-th of any number of phones, each an act of its own."""
    own = {
        "record_id": f"r{number}",
        "item_id": f"imei-{number}",
        "giver": f"giver-{number}",
        "receiver": f"receiver-{number}",
    }
    return PHONE | own | changes


@pytest.fixture
def phone() -> Callable[..., dict[str, str]]:
    """Makes phones: `phone(3, age_years="1")`."""
    return a_phone


# --- a pilot project part of the way --------------------------------------------------------------
#
# The way from records to credits takes seconds. Each stage is reached once per engine; a test gets a
# copy of it: `pilot = pilot_at("issued")`.


def _advance(home: Settings, stage: str) -> None:
    """Bring a home from the stage before to this one, and leave no connection open."""
    from pilot import Pilot

    system = System(home, FixedClock())
    Pilot(system, home.log.parent / "people").reach(stage)
    system.close()


def _copied(home: Settings, folder: Path, cluster: postgres.Cluster | None) -> Settings:
    """The same system in another folder, with a database of its own."""
    shutil.copytree(home.log.parent, folder)
    if cluster is None:
        return settings_at(folder)
    return settings_at(folder, cluster, new_database(cluster, make_url(home.database).database))


@pytest.fixture(scope="session")
def reached() -> dict[tuple[str, str], Settings]:
    """Homes at some stage, by engine and stage."""
    return {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module marked ``doors`` runs its pilots once in process and once over REST."""
    if "pilot_at" in metafunc.fixturenames and metafunc.definition.get_closest_marker("doors"):
        metafunc.parametrize("door", ("process", "rest"), indirect=True)


@pytest.fixture
def door(request: pytest.FixtureRequest) -> str:
    """Where a pilot's people act: in process, unless the module says otherwise."""
    return getattr(request, "param", "process")


@pytest.fixture
def pilot_at(
    home: Settings,
    door: str,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    reached: dict[tuple[str, str], Settings],
) -> Iterator[Callable[[str], Any]]:
    """A pilot project at a stage of `pilot.STAGES`, on each engine, with a clock of its own."""
    from pilot import STAGES, Pilot

    engine = make_url(home.database).get_backend_name()
    cluster = request.getfixturevalue("cluster") if engine == "postgresql" else None
    opened: list[System] = []

    def at(stage: str) -> Settings:
        if (engine, stage) not in reached:
            before = STAGES[: STAGES.index(stage)]
            base = at(before[-1]) if before else home
            made = _copied(base, tmp_path_factory.mktemp(stage) / "home", cluster)
            _advance(made, stage)
            reached[engine, stage] = made
        return reached[engine, stage]

    def start(stage: str) -> Pilot:
        folder = tmp_path / f"{stage}-{len(opened)}"
        opened.append(System(_copied(at(stage), folder, cluster), FixedClock()))
        pilot = Pilot(opened[-1], folder / "people")
        if door == "rest":
            from doors import RestRegistry

            pilot.at_door = RestRegistry(pilot.system)
        return pilot

    yield start
    for system in opened:
        system.close()
