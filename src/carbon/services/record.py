"""Records one by one, many of them in one transaction.

Every record has a leaf and an answer of its own, as if it had come alone: what one is told depends
on no other one of its group. Records that may have to do with one another (the same id, item, or
parties) take turns; all others are examined and stored together, which costs about as much as one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from carbon.domain.errors import CarbonError
from carbon.ports.recording import Desk, Single, Sitting, Tray
from carbon.services.attempts import attempt
from carbon.services.ingest import Count, ExamineChunk, Examined, answer_of

#: An answer, or why there is none.
Told = Mapping[str, Any] | Exception
_NOBODY = np.zeros(0, np.int64)


def record_each(desk: Desk, singles: Sequence[Single]) -> list[Told]:
    """Answer every record as if they had come one after another, those of one methodology in turn.

    What fails for several is tried for each by itself, so that only whoever caused it is harmed.
    """
    groups: dict[str, list[Single]] = defaultdict(list)
    for single in singles:
        groups[single.methodology].append(single)
    told = {name: iter(_tried(desk, group)) for name, group in groups.items()}
    return [next(told[single.methodology]) for single in singles]


def _tried(desk: Desk, singles: Sequence[Single]) -> list[Told]:
    try:
        return attempt(partial(_answer, desk, singles))
    except Exception as error:  # noqa: BLE001  told to whom it concerns
        if len(singles) == 1:
            return [error]
    return _one_by_one(desk, singles)


def _one_by_one(desk: Desk, singles: Sequence[Single]) -> list[Told]:
    """Each by itself; once two in a row found no store, the others need not look for it."""
    told: list[Told] = []
    for single in singles:
        gone = len(told) > 1 and all(map(_found_no_store, told[-2:]))
        told += told[-1:] if gone else _tried(desk, [single])
    return told


def _found_no_store(told: Told) -> bool:
    return isinstance(told, CarbonError) and told.code == "store.unavailable"


def _answer(desk: Desk, singles: Sequence[Single]) -> list[Told]:
    """Answer records of one methodology: those apart together, then the others in turn."""
    with desk.sitting() as sitting:
        told = _told_before(sitting, singles)
        places = [place for place in range(len(singles)) if place not in told]
        tray = sitting.lay([singles[place] for place in places]) if places else None
        answers = {} if tray is None else _examined(tray)
    if tray is None:
        return [told[place] for place in range(len(singles))]
    if any(answer["accepted"] for answer in answers.values()):
        answers |= tray.intake.commit(answers)
    told |= {places[row]: answer for row, answer in answers.items()}
    told |= _faster(desk, singles, [places[r] for r, a in answers.items() if "id" not in a])
    for row in tray.touching.tolist():
        (told[places[row]],) = _tried(desk, [singles[places[row]]])
    return [told[place] for place in range(len(singles))]


def _told_before(sitting: Sitting, singles: Sequence[Single]) -> dict[int, Told]:
    """What was answered before, or cannot be asked, by place."""
    told = _answered(sitting, singles)
    named = sorted({single.project for single in singles if single.project is not None})
    known = sitting.projects(named) if named else frozenset()
    for place, single in enumerate(singles):
        if place not in told and single.project is not None and single.project not in known:
            told[place] = CarbonError("project.unknown", project=single.project)
    return told


def _answered(sitting: Sitting, singles: Sequence[Single]) -> dict[int, Told]:
    """The same request is told the same; another one under its id is a conflict."""
    answered = sitting.answered(singles)
    return {
        place: (
            answered[single.key].answer
            if answered[single.key].request == single.digest
            else CarbonError("request.conflict", id=single.named)
        )
        for place, single in enumerate(singles)
        if single.key in answered
    }


def _faster(desk: Desk, singles: Sequence[Single], places: Sequence[int]) -> dict[int, Told]:
    """Answers where nothing was new: because the same request was stored meanwhile?"""
    if not places:
        return {}
    with desk.sitting() as sitting:
        found = _answered(sitting, [singles[place] for place in places])
    return {places[n]: answer for n, answer in found.items()}


def _examined(tray: Tray) -> dict[int, Mapping[str, Any]]:
    """Examine the records that have nothing to do with another one; answers as far as they go."""
    apart = np.setdiff1d(np.arange(len(tray.chunk.batch())), tray.touching)
    if not apart.size:
        return {}
    examine = ExamineChunk(tray.engine, tray.intake, tray.store, _NOBODY)
    done = [examine(tray.chunk.take(apart))]
    if done[0].held is not None:
        done.append(examine.settle(done[0].held))
    answers: dict[int, Mapping[str, Any]] = {}
    for part in done:
        answers |= _answers(part)
        tray.intake.add(part.staged, part.life)
    return answers


def _answers(done: Examined) -> dict[int, Mapping[str, Any]]:
    """The answer of every record of an examined chunk, by row, as far as it is known by now."""
    reasons: dict[int, Counter[tuple[str, str]]] = defaultdict(Counter)
    for found in done.findings:
        for place in found.rows.tolist():
            reasons[place][found.code, found.column] += 1
    grams = dict(zip(done.kept.tolist(), done.grams.tolist(), strict=True))
    rows = done.chunk.batch().row.tolist()
    return {
        rows[place]: answer_of(_count(place, grams, reasons), reasons.get(place, Counter()), 0)
        for place in done.places.tolist()
    }


def _count(place: int, grams: Mapping[int, int], reasons: Mapping[int, Any]) -> Count:
    rejected = int(place in reasons)
    accepted = int(place in grams)
    return Count(1, accepted, 1 - accepted - rejected, rejected, grams.get(place, 0))
