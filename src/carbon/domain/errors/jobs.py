"""Faults of recurring work."""

from __future__ import annotations

from carbon.domain.errors.fault import fault

FAULTS = (
    fault(
        "job.unknown",
        "没有名为 {job} 的任务。",
        "There is no job {job}.",
        "可用任务：{known}。",
        "There are: {known}.",
    ),
    fault(
        "job.stopped",
        "任务 {job} 应要求停止，未完成。",
        "The job {job} stopped when it was told to, unfinished.",
        "其他工作进程会接着做，无需处理。",
        "Another worker goes on with it; nothing is to be done.",
    ),
    fault(
        "job.differences",
        "对账发现 {count} 处差异，第一处：{first}",
        "Reconciliation found {count} differences, the first: {first}",
        "请停止写入并运行 carbon reconcile 查看全部。",
        "Stop writing and run carbon reconcile to see all of them.",
    ),
)
