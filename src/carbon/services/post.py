"""Journals of many callers posted in one transaction, each with its own answer.

An account that everybody uses (issuer, fees, cash) is locked by one transaction at a time, so that
single posts wait for one another; a thousand journals in one transaction lock it once.
"""

from __future__ import annotations

from carbon.domain.errors import CarbonError
from carbon.domain.ledger.journal import Journal
from carbon.ports.ledger import MAX_BATCH, Answer, Poster
from carbon.services.gather import Gather, Limits

#: How long a journal waits for company at most, in seconds.
GATHER_SECONDS = 0.015
#: Journals that wait at most; more are refused with ``ledger.busy``.
MAX_WAITING = 50_000


def group_commit(poster: Poster) -> Gather[Journal, Answer]:
    """Posts journals in groups of at most ``MAX_BATCH``."""
    limits = Limits(MAX_BATCH, GATHER_SECONDS, MAX_WAITING)
    return Gather(poster, limits, lambda journal: CarbonError("ledger.busy", key=journal.key))
