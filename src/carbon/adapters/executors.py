"""Where chunks are quantified: threads of this process, or a Dask cluster."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from carbon.domain.errors import CarbonError

Task = TypeVar("Task")
Result = TypeVar("Result")


class Inline:
    """Runs chunks where it is called: for few rows a thread costs more than it saves."""

    def map(self, task: Callable[[Task], Result], chunks: Iterable[Task]) -> Iterator[Result]:
        """Results in the order of the chunks."""
        return map(task, chunks)


class Threads:
    """Runs chunks on threads: numpy and Arrow release the interpreter lock for the heavy part.

    As many chunks are in flight as there are cores, and one more waiting.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or min(8, os.cpu_count() or 1)

    def map(self, task: Callable[[Task], Result], chunks: Iterable[Task]) -> Iterator[Result]:
        """Results in the order of the chunks."""
        with ThreadPoolExecutor(self._workers) as pool:
            yield from _ordered(lambda chunk: pool.submit(task, chunk), chunks, self._workers + 1)


class Cluster:
    """Runs chunks on a Dask cluster; same code, same grams. Raises ``cluster.unreachable``.

    Workers need this package; a Parquet submission on storage they share is read by them.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client

            self._client: Any = Client(address, timeout="10s", set_as_default=False)
        except (ImportError, OSError, ValueError) as error:
            raise CarbonError("cluster.unreachable", address=address, reason=error) from error

    def map(self, task: Callable[[Task], Result], chunks: Iterable[Task]) -> Iterator[Result]:
        """Results in the order of the chunks; the task travels to each worker once."""
        shared = self._client.scatter(task, broadcast=True)
        window = 2 * max(1, sum(self._client.nthreads().values()))

        def submit(chunk: Task) -> Any:
            return self._client.submit(_run, shared, chunk, pure=False)

        try:
            yield from _ordered(submit, chunks, window)
        finally:
            self._client.close()


def _run(task: Callable[[Task], Result], chunk: Task) -> Result:
    return task(chunk)


def _ordered(
    submit: Callable[[Task], Future[Result]], chunks: Iterable[Task], window: int
) -> Iterator[Result]:
    """Submit ahead up to a window and yield results in order; on failure cancel what waits."""
    waiting: deque[Future[Result]] = deque()
    try:
        for chunk in chunks:
            waiting.append(submit(chunk))
            if len(waiting) >= window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
