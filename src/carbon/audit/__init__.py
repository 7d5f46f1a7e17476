"""Audit a published log from its public files alone: the same numbers, or a list of differences.

Whatever an attacker or an accident may have altered becomes a :class:`Difference` that names the
file; the audit goes on as far as it can. A place inside a file follows its path: ``:17`` is a line
of a row file, ``#3`` a leaf of the log.

What no file can show: a log that its operator rewrote as a whole and signed again. Against that
help checkpoints kept elsewhere, by witnesses and on receipts.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

from carbon.audit.decisions import Decisions
from carbon.audit.facts import Facts
from carbon.audit.files import PublicFiles
from carbon.audit.heads import Heads, latest_note, log_key
from carbon.audit.journals import Journals
from carbon.audit.leaves import Leaves
from carbon.audit.reports import Known, Rows
from carbon.audit.result import Audit, Counts, Difference, Tally
from carbon.audit.submissions import Submissions, Workers
from carbon.audit.terms import References
from carbon.audit.tree import Tree
from carbon.domain.log.note import Key
from carbon.files.log_folder import PublishedLog

__all__ = ["Audit", "Counts", "Difference", "Progress", "audit"]

Progress = Callable[[int, int | None], None]


def audit(log: PublishedLog, key: Key | None, progress: Progress, *, jobs: int = 0) -> Audit:
    """Check everything a log publishes; ``key`` is the one it is known by, ``None`` takes its own.

    ``jobs``: processes for large row files, by default one per processor. ``progress`` is told
    rows recomputed, those of reports once more. Raises ``log.missing`` where there is no log,
    ``log.unreachable``.
    """
    with ExitStack() as stack:
        return _audit(log, key, progress, Workers(jobs or os.cpu_count() or 1, stack))


def _audit(log: PublishedLog, pinned: Key | None, progress: Progress, workers: Workers) -> Audit:
    """All checks, in the order of what they rest on."""
    tally = Tally()
    files = PublicFiles(log, tally)
    note = latest_note(files, tally)
    key = log_key(files, pinned, tally)
    heads = Heads(files, note, key, tally)

    again = 0

    def turn(rows: int = 0) -> None:
        nonlocal again
        again += rows
        progress(tally.counts.rows + again, None)

    facts, references = Facts(tally), References(files, tally)
    submissions = Submissions(files, tally, facts, workers, turn)
    journals, decisions = Journals(files, tally, turn), Decisions(files, tally)
    leaves = Leaves(files, tally, facts, references, submissions, journals, decisions)
    tree = Tree(files, tally, leaves.check, turn)
    tree.check(heads)
    facts.check()
    journals.finish()
    if tree.levels is not None:
        rows = Rows(files, references, tree.levels.size, turn)
        decisions.check(Known(heads, tree.levels), rows, facts)
    references.check_named()
    files.check_checker()
    files.check_unexpected()
    return tally.audit(key, heads.head)
