"""How long work is shown: a bar on standard error that goes away when done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bar

from carbon.ports import Progress

errors = Console(stderr=True, markup=False)


@contextmanager
def progress(label: str, *, quiet: bool) -> Iterator[Progress]:
    """A bar; rows and total are told to what it yields."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=errors, transient=True, disable=quiet) as bar:
        task = bar.add_task(label, total=None)

        def update(rows: int, total: int | None) -> None:
            bar.update(task, completed=rows, total=total)

        yield update
