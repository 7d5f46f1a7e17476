"""The parties of a submission: their pseudonyms and keys, by file row."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from carbon.adapters.tabular.survey import Survey
from carbon.adapters.tabular.typed import identifiers
from carbon.adapters.vault import (
    KEY_BYTES,
    NONCE_BYTES,
    PSEUDONYM_BYTES,
    Vault,
    seals,
)
from carbon.domain.units import Code, Int

#: Persons asked for at once.
_BATCH = 20_000
#: New pseudonyms are chance and a number: an index takes them in order, several times as fast.
_NUMBER_BYTES = 4


def person_lookup(vault: Vault, identity: str) -> str:
    """The keyed hash under which a person is found, in whatever form the identity is written."""
    folded = identifiers(pa.array([identity], pa.string()))[0].as_py() or ""
    return vault.pseudonym("person", folded.encode())


#: Persons by keyed hash: pseudonym and nonce.
Known = Callable[[Sequence[str]], Mapping[str, tuple[str, bytes]]]


@dataclass(frozen=True, slots=True)
class Submitters:
    """Who submits: names, and by file row the place of its own among them.

    Without places the first of them submits every row.
    """

    names: Sequence[str]
    places: Code | None = None

    def of_rows(self, rows: Int) -> Code:
        """Places of the submitters of file rows."""
        return np.zeros(len(rows), np.int32) if self.places is None else self.places[rows]


@dataclass(frozen=True, slots=True)
class PartyColumn:
    """The party of each of some records, −1 where there is none."""

    places: Code
    _ids: bytearray
    _keys: bytearray

    def ids(self) -> list[str]:
        """Pseudonyms, empty where there is no party."""
        size, ids = PSEUDONYM_BYTES, self._ids
        return ["" if n < 0 else ids[n * size : (n + 1) * size].hex() for n in self.places.tolist()]

    def keys(self) -> list[bytes]:
        """Keys, empty where there is no party."""
        size, keys = KEY_BYTES, self._keys
        return [
            b"" if n < 0 else bytes(keys[n * size : (n + 1) * size]) for n in self.places.tolist()
        ]


class _NewPersons:
    """Persons seen for the first time, column by column."""

    def __init__(self) -> None:
        self.ids: list[bytes] = []
        self._lookups: list[str] = []
        self._nonces: list[bytes] = []
        self._keys: list[bytes] = []
        self._identities: list[bytes] = []

    def note(
        self, person_id: bytes, lookup: str, nonce: bytes, key: bytes, identity: bytes
    ) -> None:
        self.ids.append(person_id)
        self._lookups.append(lookup)
        self._nonces.append(nonce)
        self._keys.append(key)
        self._identities.append(identity)

    def table(self) -> pa.Table:
        """Rows of the table of persons."""
        return pa.table(
            {
                "person_id": pa.array([i.hex() for i in self.ids], pa.string()),
                "lookup": pa.array(self._lookups, pa.string()),
                "nonce": pa.array(self._nonces, pa.binary()),
                "sealed": pa.array(seals(self._keys, self.ids, self._identities), pa.binary()),
            }
        )


class Parties:
    """Pseudonym and key of everyone a submission names, and of who submits it.

    Known persons are asked for, new ones are made and given to ``add`` as tables of the store's
    columns: both a batch at a time, so that a million of them fit into memory as bytes. Of the new
    ones those alone are stored whose records are, see :meth:`kept`.
    """

    def __init__(
        self,
        survey: Survey,
        submitters: Submitters,
        vault: Vault,
        known: Known,
        add: Callable[[pa.Table], None],
    ) -> None:
        self._rows = {"giver": survey.giver, "receiver": survey.receiver}
        # A source is a party like any other, yet no person of that name: its hash is its own.
        sources = pa.array([f"source\n{name}" for name in submitters.names], pa.string())
        names = pa.chunked_array([survey.identities, sources])
        count = len(names)
        self._ids, self._keys = bytearray(count * PSEUDONYM_BYTES), bytearray(count * KEY_BYTES)
        self._vault, self._known, self._add = vault, known, add
        self._prefix = os.urandom(PSEUDONYM_BYTES - _NUMBER_BYTES)
        self._used = np.zeros(count, bool)
        self._new: list[Int] = []
        self._submitters, self._sources = submitters, len(survey.identities)
        for start in range(0, count, _BATCH):
            self._resolve(start, names.slice(start, _BATCH).cast(pa.binary()).to_pylist())

    def _resolve(self, start: int, identities: Sequence[bytes]) -> None:
        lookups = self._vault.pseudonyms("person", identities)
        known = self._known(lookups)
        nonces = os.urandom(NONCE_BYTES * len(lookups))
        added, places = _NewPersons(), []
        for n, (identity, lookup) in enumerate(zip(identities, lookups, strict=True)):
            found = known.get(lookup)
            if found is None:
                person_id = self._prefix + (start + n).to_bytes(_NUMBER_BYTES, "big")
                nonce = nonces[n * NONCE_BYTES : (n + 1) * NONCE_BYTES]
            else:
                person_id, nonce = bytes.fromhex(found[0]), found[1]
            key = self._vault.person_key(nonce)
            place = start + n
            self._ids[place * PSEUDONYM_BYTES : (place + 1) * PSEUDONYM_BYTES] = person_id
            self._keys[place * KEY_BYTES : (place + 1) * KEY_BYTES] = key
            if found is None:
                added.note(person_id, lookup, nonce, key, identity)
                places.append(place)
        if added.ids:
            self._new.append(np.array(places, np.int64))
            self._add(added.table())

    def of_rows(self, name: Literal["giver", "receiver"], rows: Int) -> PartyColumn:
        """Givers or receivers of file rows."""
        return PartyColumn(self._rows[name][rows], self._ids, self._keys)

    def owners(self, rows: Int) -> PartyColumn:
        """Whose key keeps a record's other cells: giver, or receiver, or who submitted it."""
        return PartyColumn(self._owners(rows).astype(np.int32), self._ids, self._keys)

    def _owners(self, rows: Int) -> Int:
        giver, receiver = self._rows["giver"][rows], self._rows["receiver"][rows]
        source = self._sources + self._submitters.of_rows(rows)
        return np.where(giver >= 0, giver, np.where(receiver >= 0, receiver, source))

    def keep(self, rows: Int) -> None:
        """Note that the records of file rows are stored; safe to call from any thread."""
        for places in (self._rows["giver"][rows], self._rows["receiver"][rows], self._owners(rows)):
            self._used[places[places >= 0]] = True

    def kept(self) -> Callable[[Iterable[pa.Table]], Iterator[pa.Table]]:
        """What takes the tables given to ``add``, in order, and leaves the persons to store.

        It outlives the keys, which may be forgotten before.
        """
        masks = self._used[np.concatenate(self._new)] if self._new else np.zeros(0, bool)

        def chosen(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
            start = 0
            for table in tables:
                end = start + table.num_rows
                yield table.filter(pa.array(masks[start:end]))
                start = end

        return chosen
