"""Files that organisations send in: received by the web, checked and stored by workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from carbon.adapters.annotated import AnnotatedFile
from carbon.adapters.executors import Threads
from carbon.adapters.intake import fact_prefix
from carbon.adapters.parties import Parties, Submitters
from carbon.adapters.records import RecordWriter
from carbon.adapters.rehearsal import Rehearsal, Samples
from carbon.adapters.store.claims import Facts
from carbon.adapters.store.uploads import UploadRows, change_row
from carbon.adapters.tabular import Mapping as ColumnMapping
from carbon.adapters.tabular.apart import open_apart
from carbon.adapters.tabular.mapping import MAX_MAPPING_BYTES, told_mapping
from carbon.adapters.tabular.proposal import Proposal, header_digest, propose
from carbon.adapters.tabular.source import TableSource
from carbon.adapters.tabular.tables import TableFile
from carbon.adapters.upload_files import UploadFolders
from carbon.bootstrap.submissions import IngestRequest
from carbon.bootstrap.system import System
from carbon.domain.errors import FAULTS, CarbonError
from carbon.domain.quantification.engine import Engine
from carbon.domain.quantification.methodologies import methodology_named
from carbon.domain.upload import Announced, Task, Wanted
from carbon.ports import Progress
from carbon.ports.uploads import Performer, Upload
from carbon.services.ingest import check
from carbon.services.uploads.asking import ask_check, ask_commit, cancel
from carbon.services.uploads.expiring import expire
from carbon.services.uploads.receiving import Arriving, announce, arriving
from carbon.services.uploads.working import Desk, ended, work

#: CSV bytes read at once.
_BLOCK_BYTES: Final = 1 << 20


class Uploads:
    """Uploads of one system."""

    def __init__(self, system: System) -> None:
        self._system, self._clock = system, system.clock
        self._book = UploadRows(system.database)
        self._files = UploadFolders(system.settings.spool)

    # --- receiving ----------------------------------------------------------------------------

    def announce(self, organisation: str, id_: str, announced: Announced) -> Upload:
        """See :func:`carbon.services.uploads.receiving.announce`."""
        return announce(self._book, self._clock, organisation, id_, announced)

    def arriving(
        self, organisation: str, id_: str, offset: int
    ) -> AbstractContextManager[Arriving]:
        """A piece of a file, to be written and finished. Raises ``upload.*``."""
        return arriving(self._book, self._files, self._clock, organisation, id_, offset)

    # --- asking -------------------------------------------------------------------------------

    def find(self, organisation: str, id_: str) -> Upload:
        """One upload of an organisation. Raises ``upload.unknown``."""
        return self._book.find(organisation, id_)

    def page(self, organisation: str, after: str, limit: int) -> Sequence[Upload]:
        """Uploads of an organisation, the latest first, those after an id."""
        return self._book.page(organisation, after, limit)

    def check(self, organisation: str, id_: str, wanted: Wanted) -> Upload:
        """Queue a check. Raises ``upload.*``, ``mapping.invalid``, ``methodology.*``,
        ``project.unknown``, ``request.conflict``.
        """
        if wanted.mapping:
            _mapping(wanted.mapping)
        methodology_named(wanted.methodology, self._clock.today())
        self._system.submissions.check_project(wanted.project)
        return ask_check(self._book, self._clock, organisation, id_, wanted)

    def commit(self, organisation: str, id_: str, *, accept_valid: bool) -> Upload:
        """Queue the storing of a checked file. Raises ``upload.*``, ``request.conflict``."""
        return ask_commit(self._book, self._clock, organisation, id_, accept_valid=accept_valid)

    def cancel(self, organisation: str, id_: str) -> Upload:
        """Forget an upload. Raises ``upload.unknown``, ``upload.state``."""
        return cancel(self._book, self._clock, organisation, id_)

    def annotated(self, organisation: str, id_: str) -> Path:
        """The annotated file. Raises ``upload.unknown``, ``upload.no_annotated``."""
        upload = self.find(organisation, id_)
        if upload.folder and upload.annotated is not None:
            path = self._files.annotated(upload.folder, upload.annotated)
            if path.is_file():
                return path
        raise CarbonError("upload.no_annotated", id=id_)

    # --- working ------------------------------------------------------------------------------

    def work(self, stop: Callable[[], bool]) -> int:
        """See :func:`carbon.services.uploads.working.work`."""
        perform = {Task.CHECK: self._named(self._check), Task.STORE: self._named(self._store)}
        return work(Desk(self._book, self._clock, perform), stop)

    def expire(self) -> int:
        """See :func:`carbon.services.uploads.expiring.expire`."""
        return expire(self._book, self._files, self._clock)

    def _named(self, perform: Performer) -> Performer:
        """The same task; what it raises calls the file what its owner does."""

        def named(upload: Upload, report: dict[str, Any], progress: Progress) -> bool:
            try:
                return perform(upload, report, progress)
            except CarbonError as error:
                path, name = str(self._files.file(upload.folder)), upload.announced.name
                told = {
                    n: v if isinstance(v, int) else str(v).replace(path, name)
                    for n, v in error.values.items()
                }
                raise CarbonError(error.code, **told) from error

        return named

    def _check(self, upload: Upload, report: dict[str, Any], progress: Progress) -> bool:
        """Read a file as it would be stored, and tell everything about it."""
        wanted = _wanted(upload)
        report.clear()
        progress(0, None)
        file = open_apart(self._files.file(upload.folder), _BLOCK_BYTES)
        reading = self._reading(upload, wanted, file)
        report["mapping"] = reading.told()
        source = TableSource(file, reading.mapping, self._system.words)
        engine = self._system.submissions.engine(wanted.methodology)
        annotated = AnnotatedFile(self._files.annotated(upload.folder, upload.fence), wanted.lang)
        samples = Samples()
        progress(0, source.total_rows)
        rehearsal = self._rehearsal(upload, source, engine, annotated, samples)
        facts = Facts(self._system.database)
        answer = check(source, engine, rehearsal, facts, Threads(), progress)
        report["summary"] = {**answer, "reasons": _reasons(answer, samples)}
        said = json.dumps(_plain(reading.mapping), ensure_ascii=False)
        if wanted.mapping:
            self._book.remember(upload.organisation, reading.header, said, self._clock.now())
        values = ended(self._clock, upload, report)
        return self._book.hold(upload, **values, mapping=said)

    def _reading(self, upload: Upload, wanted: Wanted, file: TableFile) -> _Reading:
        """How a file is read: as asked, as its like was before, or as its header suggests."""
        header = file.header()
        proposal, digest = propose(header), header_digest(header)
        remembered = self._book.remembered(upload.organisation, digest)
        chosen = wanted.mapping or remembered
        origin = "given" if wanted.mapping else "remembered" if remembered else "proposed"
        told = json.loads(chosen) if chosen else proposal.mapping()
        mapping = told_mapping(told, upload.id) if told["columns"] else ColumnMapping()
        return _Reading(mapping, origin, proposal, digest)

    def _rehearsal(
        self,
        upload: Upload,
        source: TableSource,
        engine: Engine,
        annotated: AnnotatedFile,
        samples: Samples,
    ) -> Rehearsal:
        system, survey = self._system, source.survey()
        submitters = Submitters([upload.organisation])
        known = Facts(system.database).known_persons
        parties = Parties(survey, submitters, system.vault, known, lambda _: None)
        writer = RecordWriter(
            engine,
            system.words,
            system.vault,
            parties,
            prefix=fact_prefix(self._clock.now()),
            submitters=submitters,
            digest=system.submissions.reference(engine).salted,
        )
        return Rehearsal(writer, survey.suspects, annotated, samples)

    def _store(self, upload: Upload, report: dict[str, Any], progress: Progress) -> bool:
        """Store a file exactly once: the upload's end is written with the facts, or neither."""
        wanted, written = _wanted(upload), False

        def beside(connection: sa.Connection, answer: Mapping[str, Any]) -> None:
            nonlocal written
            report["stored"] = answer
            if not change_row(connection, upload, ended(self._clock, upload, report)):
                raise CarbonError("upload.lost", id=upload.id)
            written = True

        progress(0, None)
        request = IngestRequest(
            path=self._files.file(upload.folder),
            source=upload.organisation,
            submission=upload.id,
            methodology=wanted.methodology,
            mapping=_mapping(upload.mapping),
            accept_valid=upload.accept_valid,
            annotated=self._files.annotated(upload.folder, upload.fence),
            lang=wanted.lang,
            project=wanted.project,
            beside=beside,
            reader=open_apart,
        )
        answer = report["stored"] = self._system.submissions.ingest(request, progress)
        if "id" not in answer and answer["rejected"] and not upload.accept_valid:
            del report["stored"]
            raise CarbonError("upload.rejected", id=upload.id, rejected=answer["rejected"])
        return written


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a file is read, and why so."""

    mapping: ColumnMapping
    origin: str
    proposal: Proposal
    header: str

    def told(self) -> dict[str, Any]:
        """For who looks at it and may want it otherwise."""
        sure = {g.column: g.confidence for g in self.proposal.guesses}
        return {
            "origin": self.origin,
            "used": _plain(self.mapping),
            "proposed": self.proposal.mapping(),
            "confidence": sure,
            "unmapped": list(self.proposal.unmapped),
        }


def _wanted(upload: Upload) -> Wanted:
    assert upload.wanted is not None, "what is at work was asked for"  # noqa: S101
    return upload.wanted


def _mapping(said: str) -> ColumnMapping:
    """A mapping as JSON. Raises ``mapping.invalid``."""
    if len(said.encode()) > MAX_MAPPING_BYTES:
        raise CarbonError("mapping.invalid", name="JSON", reason=f"> {MAX_MAPPING_BYTES} bytes")
    return told_mapping(json.loads(said), "JSON")


def _plain(mapping: ColumnMapping) -> dict[str, Any]:
    """A mapping as its file would say it."""
    return mapping.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _reasons(answer: Mapping[str, Any], samples: Samples) -> list[dict[str, Any]]:
    """Why rows are rejected, what to do, and the first of them, in both languages."""
    told = []
    for reason in answer["reasons"]:
        code, column = reason["code"], reason["column"]
        fault = FAULTS[code]
        told.append(
            {
                **reason,
                "header": samples.header(column),
                "what": {"zh": fault.what.zh, "en": fault.what.en},
                "fix": {"zh": fault.fix.zh, "en": fault.fix.en},
                "first": samples.of(code, column),
            }
        )
    return told
