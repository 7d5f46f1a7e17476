"""Runs on files, without a store: quantify, explain, simulate."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from carbon.adapters.clock import SystemClock
from carbon.adapters.executors import Cluster, Threads
from carbon.adapters.report import render_report
from carbon.adapters.results import StoredResult, TableEncoder, TableFolder
from carbon.adapters.simulated import write_blocks
from carbon.adapters.tabular import open_source, read_mapping
from carbon.domain.activity.record import vocabularies
from carbon.domain.errors import Lang
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.period import Period, day_number
from carbon.domain.quantification.engine import Conditions, Engine
from carbon.domain.quantification.methodologies import methodology_named
from carbon.domain.quantification.trace import Trace
from carbon.domain.simulation import Simulation, simulate
from carbon.files.factor_folder import read_catalogue
from carbon.ports import Clock, Executor, Progress
from carbon.services.explain import explain
from carbon.services.quantify import quantify
from carbon.services.summary import UncertaintyOptions


@dataclass(frozen=True, slots=True)
class QuantifyRequest:
    """Everything `carbon quantify` was asked for."""

    source: Path
    out: Path
    factors: Path
    methodology: str = "HD-REUSE"
    mapping: str = "canonical"
    period: str | None = None
    demonstration: bool = False
    as_of: date | None = None
    scheduler: str | None = None
    uncertainty: UncertaintyOptions = field(default_factory=UncertaintyOptions)
    lang: Lang = "zh"


def run_quantify(
    request: QuantifyRequest, progress: Progress, clock: Clock | None = None
) -> dict[str, object]:
    """Quantify a file into a folder and return the summary. Raises :class:`CarbonError`."""
    catalogue = read_catalogue(request.factors)
    today = (clock or SystemClock()).today()
    month = None if request.period is None else Period.parse(request.period)
    day = request.as_of or (today if month is None else month.last_day)
    conditions = Conditions(
        today=day_number(today),
        demonstration=request.demonstration,
        as_of=None if request.as_of is None else day_number(request.as_of),
        month=None if month is None else month.month,
    )
    engine = Engine(catalogue, methodology_named(request.methodology, day), conditions)
    words = vocabularies(catalogue)
    source = open_source(request.source, read_mapping(request.mapping), words)
    executor: Executor = Cluster(request.scheduler) if request.scheduler else Threads()
    folder = TableFolder(request.out, TableEncoder(engine, words, request.lang), request.lang)
    return quantify(
        source,
        engine,
        folder,
        executor,
        lambda summary: render_report(summary, request.lang),
        request.uncertainty,
        progress,
    )


def run_explain(folder: Path, record_id: str, factors: Path) -> Trace:
    """The trace of a stored record, from the catalogue it was computed with."""
    stored = StoredResult(folder)
    return explain(stored.record(record_id), stored.summary, read_catalogue(factors))


def run_simulate(simulation: Simulation, out: Path, progress: Progress) -> int:
    """Write simulated acts; returns their number."""
    return write_blocks(simulate(simulation), out, lambda rows: progress(rows, simulation.rows))


def load_catalogue(folder: Path) -> Catalogue:
    """The catalogue of a folder."""
    return read_catalogue(folder)
