"""The worker's jobs: what they did, what is due, and asking for a run."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Router, get, put
from litestar.di import NamedDependency
from litestar.params import PathParameter

from carbon.bootstrap.jobs import job_named, told_run
from carbon.bootstrap.system import System
from carbon.web.answers import Limit
from carbon.web.guards import PERMISSION

Name = Annotated[str, PathParameter(max_length=40, description="任务名 / job")]


@get("/jobs", sync_to_thread=True)
def list_jobs(system: NamedDependency[System]) -> dict[str, list[dict[str, Any]]]:
    """Every job with its last run and its next due moment."""
    return {"items": system.jobs.status()}


@get("/jobs/{job:str}/runs", sync_to_thread=True)
def list_runs(
    system: NamedDependency[System], job: Name, limit: Limit = 50
) -> dict[str, list[dict[str, Any]]]:
    """The last runs of a job, the newest first."""
    runs = system.jobs.runs.latest(job_named(job).name, limit)
    return {"items": [told_run(run) for run in runs]}


@put("/jobs/{job:str}/runs/{run:str}", status_code=202, sync_to_thread=True)
def ask(
    system: NamedDependency[System],
    job: Name,
    run: Annotated[
        str, PathParameter(max_length=64, description="客户端编号 / the client's id of the run")
    ],
) -> dict[str, Any]:
    """Ask for a run now; a worker takes it within seconds. The same id is the same run."""
    return told_run(system.jobs.ask(job, run))


jobs = Router(
    "/",
    route_handlers=[list_jobs, list_runs, ask],
    tags=["operations"],
    opt={PERMISSION: "jobs"},
)
