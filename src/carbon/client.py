"""A client of the REST API: the service's use cases as plain calls.

    with Client("https://carbon.example.cn", token=token) as client:
        told = client.record({"record_id": "r1", ...})
        client.sign([Path("issuer.key")], "issuance", report="phones/2026-10/0")

Signing keys and nonces stay on this machine: the service computes what a decision says, the client
checks what it was asked to sign against what it said, signs the digest it computed itself, and
sends the signature. Every error is the :class:`~carbon.domain.errors.CarbonError` the service
raised, with its code and values.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from carbon.adapters.nonces import kept_nonce, read_nonce
from carbon.adapters.signing import SigningKey
from carbon.domain.credit.decision import digest, message
from carbon.domain.errors import FAULTS, CarbonError, Lang, Text
from carbon.domain.mrv.sampling import commitment

API: Final = "/api/v1"
#: Seconds an answer may take.
TIMEOUT: Final = 60.0
#: How often a request is sent again that was not answered, or answered with "try again"; every one
#: of ours may be sent again.
_TRIES: Final = 5
_AGAIN: Final = (429, 503)
#: Seconds waited at most before sending again.
_MAX_WAIT: Final = 10.0
_PAGE: Final = 100
#: Bytes of a file sent at once.
PIECE_BYTES: Final = 4 << 20
#: States of an upload that a worker will change, and seconds until it is looked at again.
_BUSY: Final = ("queued", "checking", "storing")
_LOOK_AGAIN: Final = 0.5


def _unseen(rows: int, total: int | None) -> None:
    """Progress nobody watches."""


class Client:
    """The service at an address. ``token``: of a session; ``auth``: signs requests with a key.

    Raises ``client.unreachable``, ``client.answer``, and whatever the service raises.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str = "",
        auth: httpx.Auth | None = None,
        lang: Lang = "zh",
        http: httpx.Client | None = None,
    ) -> None:
        self._http = http or httpx.Client(base_url=address, timeout=TIMEOUT)
        self._auth = auth
        self._headers: dict[str, str] = {"Accept-Language": lang}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    # --- asking -------------------------------------------------------------------------------

    def send(self, method: str, path: str, **given: Any) -> httpx.Response:
        """An answer below the API's root; retried where that is what to do."""
        headers = {**self._headers, **given.pop("headers", {})}
        auth = self._auth or httpx.USE_CLIENT_DEFAULT
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            try:
                answer = self._http.request(method, API + path, headers=headers, auth=auth, **given)
            except httpx.TransportError as error:
                if last:
                    raise CarbonError("client.unreachable", reason=error) from error
                continue
            if answer.status_code not in _AGAIN or last:
                return _checked(answer)
            time.sleep(min(float(answer.headers.get("Retry-After", 1)), _MAX_WAIT))
        raise AssertionError("unreachable: the last try returns or raises")

    def get(self, path: str, **params: Any) -> Any:
        """What a path tells."""
        return self.send("GET", path, params=params).json()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What a body is answered."""
        return self.send("POST", path, json=dict(body)).json()

    def every(self, path: str, **params: Any) -> Iterator[Any]:
        """All items of a list, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(path, limit=_PAGE, cursor=cursor, **params)
            yield from page["items"]
            cursor = page["next"]

    # --- signing in ---------------------------------------------------------------------------

    def sign_in(self, account: str, password: str, code: str) -> dict[str, Any]:
        """Begin a session and go on with it. ``code``: one-time password, used once."""
        body = {"kind": "password", "account": account, "password": password, "code": code}
        return self._began(self.post("/sessions", body))

    def sign_in_by_code(self, phone: str, code: str) -> dict[str, Any]:
        """The same for a resident, with the code that was sent to the phone."""
        return self._began(self.post("/sessions", {"kind": "code", "phone": phone, "code": code}))

    def _began(self, told: dict[str, Any]) -> dict[str, Any]:
        self._headers["Authorization"] = f"Bearer {told.pop('token')}"
        return told

    def step_up(self, code: str) -> None:
        """Prove oneself again, for what moves credits or grants rights."""
        self.post("/sessions/current/step-up", {"code": code})

    def sign_out(self) -> None:
        """End the session."""
        self.send("DELETE", "/sessions/current")
        del self._headers["Authorization"]

    # --- records ------------------------------------------------------------------------------

    def record(
        self,
        cells: Mapping[str, str],
        methodology: str = "HD-REUSE",
        project: str | None = None,
    ) -> dict[str, Any]:
        """Store one record; its id is the request's. Raises ``record.rejected`` with no findings.

        The findings are in the answer of :meth:`records`.
        """
        body = _record_body(cells, methodology, project)
        name = body.pop("record_id")
        answer: dict[str, Any] = self.send(
            "PUT", f"/records/{quote(name, safe='')}", json=body
        ).json()
        return answer

    def records(
        self,
        all_cells: Sequence[Mapping[str, str]],
        methodology: str = "HD-REUSE",
        project: str | None = None,
    ) -> list[dict[str, Any]]:
        """Store up to 500 records, each answered by itself."""
        bodies = [_record_body(cells, methodology, project) for cells in all_cells]
        answers: list[dict[str, Any]] = self.post("/records", {"records": bodies})
        return answers

    def correct(
        self,
        record_id: str,
        reason: str,
        cells: Mapping[str, str] | None = None,
        methodology: str = "HD-REUSE",
    ) -> dict[str, Any]:
        """Replace a record by another one with an id of its own, or withdraw it."""
        body: dict[str, Any] = {"reason": reason}
        if cells is not None:
            body["replacement"] = _record_body(cells, methodology, None)
        answer: dict[str, Any] = self.post(
            f"/records/{quote(record_id, safe='')}/corrections", body
        )
        return answer

    def receipt(self, record_id: str) -> bytes:
        """The receipt that recomputes a record offline. Raises ``receipt.pending``."""
        return self.file(f"/records/{quote(record_id, safe='')}/receipt")

    # --- uploads ------------------------------------------------------------------------------

    def upload(self, path: Path, id_: str) -> dict[str, Any]:
        """Send a file under an id of one's own; one that broke off goes on where it was.

        Raises ``upload.digest`` where the file changed meanwhile.
        """
        with path.open("rb") as stream:
            size, digest_ = path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest()
            body = {"name": path.name, "size": size, "sha256": digest_}
            told: dict[str, Any] = self.send(
                "PUT", f"/uploads/{quote(id_, safe='')}", json=body
            ).json()
            while told["state"] == "receiving":
                stream.seek(told["received"])
                piece = stream.read(PIECE_BYTES)
                if not piece:
                    # It is shorter than it was when it was announced.
                    raise CarbonError("upload.digest", id=id_)
                told = self._piece(id_, told["received"], piece)
        return told

    def _piece(self, id_: str, offset: int, piece: bytes) -> dict[str, Any]:
        """Send a piece; where it was counted before, where the upload is now."""
        path = f"/uploads/{quote(id_, safe='')}/content"
        try:
            answer = self.send("PATCH", path, params={"offset": offset}, content=piece)
        except CarbonError as error:
            if error.code != "upload.offset" or error.values["offset"] == str(offset):
                raise
            answer = self.send("GET", f"/uploads/{quote(id_, safe='')}")
        told: dict[str, Any] = answer.json()
        return told

    def check(self, id_: str, **given: Any) -> dict[str, Any]:
        """Have an upload checked: ``methodology``, ``project``, ``mapping``."""
        told: dict[str, Any] = self.post(f"/uploads/{quote(id_, safe='')}/check", given)
        return told

    def commit_upload(self, id_: str, *, accept_valid: bool = False) -> dict[str, Any]:
        """Have a checked upload stored."""
        body = {"accept_valid": accept_valid}
        told: dict[str, Any] = self.post(f"/uploads/{quote(id_, safe='')}/commit", body)
        return told

    def wait(
        self, id_: str, progress: Callable[[int, int | None], None] = _unseen, looks: int = 7_200
    ) -> dict[str, Any]:
        """Where an upload is when no worker has to do with it any more, or after so many looks."""
        for _ in range(looks):
            told: dict[str, Any] = self.get(f"/uploads/{quote(id_, safe='')}")
            progress(told["rows"], told["total"])
            if told["state"] not in _BUSY:
                break
            time.sleep(_LOOK_AGAIN)
        return told

    # --- decisions ----------------------------------------------------------------------------

    def propose(self, kind: str, /, **given: Any) -> dict[str, Any]:
        """What would be signed: kind, id, content, digest. Raises ``client.differs``."""
        body = {_NAMES.get(name, name): value for name, value in given.items() if value is not None}
        told: dict[str, Any] = self.post("/proposals", {"kind": kind, **body})
        _check_proposed(kind, body, told)
        return told

    def sign(self, keys: Sequence[Path], kind: str, /, **given: Any) -> dict[str, Any]:
        """Let the service compute a decision and sign it with each key in turn; the last answer."""
        told, answer = self.propose(kind, **given), dict[str, Any]()
        for key in keys:
            answer = self.decide(kind, told["id"], told["content"], key, told["private"])
        return answer

    def decide(
        self,
        kind: str,
        id_: str,
        content: Mapping[str, Any],
        key: Path,
        private: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Sign a decision; it takes effect with the last signature it needs, or waits."""
        body = {"kind": kind, "id": id_, "content": content, "private": private}
        signed = _signed(digest(kind, id_, content), key)
        answer: dict[str, Any] = self.post("/decisions", {**body, **signed})
        return answer

    def waiting(self) -> list[dict[str, Any]]:
        """Decisions that wait."""
        items: list[dict[str, Any]] = self.get("/decisions/waiting")["items"]
        return items

    def approve(self, name: str, key: Path) -> dict[str, Any]:
        """Add a signature to a waiting decision, found by its digest. Raises ``decision.unknown``.

        Its content is signed as it is shown: look at it first.
        """
        found = next((one for one in self.waiting() if one["digest"] == name), None)
        if found is None:
            raise CarbonError("decision.unknown", id=name)
        return self.decide(found["kind"], found["id"], found["content"], key)

    def undo(self, name: str, key: Path) -> dict[str, Any]:
        """Take a waiting decision back."""
        answer: dict[str, Any] = self.post(f"/decisions/{name}/undo", _signed(f"{name}/undo", key))
        return answer

    def commit(self, project: str, month: str, nonce: Path, key: Path) -> dict[str, Any]:
        """Commit to a nonce, kept in a new secret file until it is revealed."""
        told, signer = commitment(kept_nonce(nonce)).hex(), SigningKey(key).key.public.hex()
        return self.sign(
            [key], "commitment", project=project, month=month, commitment=told, signer=signer
        )

    def reveal(self, report: str, nonce: Path, key: Path) -> dict[str, Any]:
        """Reveal it."""
        told, signer = read_nonce(nonce).hex(), SigningKey(key).key.public.hex()
        return self.sign([key], "reveal", report=report, nonce=told, signer=signer)

    # --- verification and registry ------------------------------------------------------------

    def work_list(self, report: str) -> list[dict[str, str]]:
        """Open the drawn sample."""
        items: list[dict[str, str]] = self.post("/verification/work-lists", {"report": report})[
            "items"
        ]
        return items

    def decisions(self, kind: str, prefix: str = "") -> Iterator[dict[str, Any]]:
        """All decisions of a kind whose id starts with something."""
        return self.every("/decisions", kind=kind, prefix=prefix)

    def file(self, path: str, **params: Any) -> bytes:
        """A document as bytes: a report, a certificate, a list, a formula."""
        return self.send("GET", path, params=params).content


#: Parameters named as Python allows, by the name the API has for them.
_NAMES: Final = {"id_": "id", "class_": "class", "credits_": "credits"}


#: What a content calls otherwise than who says it.
_TOLD: Final = {"transfer": {"holder": "from", "other": "to"}}


def _record_body(cells: Mapping[str, str], methodology: str, project: str | None) -> dict[str, Any]:
    """A record with its id apart from its cells."""
    own = dict(cells)
    name = own.pop("record_id")
    about = {"cells": own, "methodology": methodology, "project": project}
    return {"record_id": name, **about}


def _signed(name: str, key: Path) -> dict[str, str]:
    signer = SigningKey(key)
    return {
        "key": signer.key.public.hex(),
        "signature": signer.sign(message(name)).hex(),
    }


def _check_proposed(kind: str, said: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Raise ``client.differs`` where a proposal says something else than its signer did.

    What only the service knows (figures of a report, numbers) is for the signer to look at.
    """
    names = _TOLD.get(kind, {})
    content = {**told["content"], "id": told["id"], "design": told["content"]}
    for name, value in said.items():
        if _plain(content.get(names.get(name, name), value)) != _plain(value):
            raise CarbonError("client.differs", kind=kind, name=name)


def _plain(value: object) -> object:
    """A value however it is written: numbers may be text, lists are in order."""
    if isinstance(value, list):
        return sorted(value, key=str)
    return str(value) if isinstance(value, int) else value


def _checked(answer: httpx.Response) -> httpx.Response:
    """The answer, or the error it tells. Raises ``client.answer`` for no problem of ours."""
    if answer.is_success or answer.status_code == httpx.codes.NOT_MODIFIED:
        return answer
    kind = answer.headers.get("content-type", "")
    told = answer.json() if kind.startswith("application/problem+json") else {}
    if told.get("code") not in FAULTS:
        raise CarbonError("client.answer", status=answer.status_code, path=answer.url.path)
    values = {
        name: Text(**value) if isinstance(value, dict) else value
        for name, value in told["values"].items()
    }
    raise CarbonError(told["code"], **values)
