"""Accepted records on their way into the store: typed columns, keys, digests, seals and leaf texts.

Column work is done by Arrow and numpy for a chunk at a time; only what is keyed (pseudonyms,
salts, seals) is done record by record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from carbon.adapters.columns import (
    Kept,
    coded,
    day_column,
    flag_words,
    number_column,
    string_column,
)
from carbon.adapters.parties import Parties, Submitters
from carbon.adapters.published import (
    CODES,
    GRAMS,
    SEALED,
    TEXTS,
    json_object,
    json_text,
    rest_texts,
    row_texts,
)
from carbon.adapters.tabular import typed
from carbon.adapters.tabular.chunk import TableChunk
from carbon.adapters.vault import Vault, digest_of, salts, seals
from carbon.domain.activity.record import COLUMN, Vocabulary
from carbon.domain.factors.table import GRADES
from carbon.domain.log.merkle import leaf_hash
from carbon.domain.quantification.engine import Engine, Quantities
from carbon.domain.units import Float, Int
from carbon.ports import Claims

_ROW_BYTES = 4
_QUANTITY = (*GRAMS, "life", "allowance", "grade", "flags", "factors")


def _bytes(cells: pa.Array) -> list[bytes]:
    """Strings as UTF-8; null as nothing."""
    return [c or b"" for c in cells.cast(pa.binary()).to_pylist()]


def _numbered(numbers: Int) -> pa.Array:
    """Row numbers as text; negative ones are null."""
    return pa.array(numbers, pa.int64(), mask=numbers < 0).cast(pa.string())


def source_keys(vault: Vault, names: Sequence[str]) -> list[str]:
    """The keys under which sources find their records."""
    return vault.pseudonyms("source", [name.encode() for name in names])


@dataclass(slots=True)
class Staged:
    """Records ready to be stored: a table of columns for each table of the store.

    ``texts``: published rows, each with a line end; ``ends``: where each of them ends;
    ``hashes``: their leaf hashes, 32 bytes each; ``rows``: their file rows.
    """

    tables: dict[str, pa.Table]
    rows: Int
    texts: bytes
    ends: Int
    hashes: bytes

    def __len__(self) -> int:
        return len(self.ends)


class RecordWriter:
    """Writes the accepted records of one submission.

    ``prefix``: first twelve bytes of its fact ids, the file row being the last four;
    ``submitters``: each has a name space of record ids; ``digest``: algorithm of the salted
    digests.
    """

    def __init__(
        self,
        engine: Engine,
        words: Mapping[str, Vocabulary],
        vault: Vault,
        parties: Parties,
        *,
        prefix: bytes,
        submitters: Submitters,
        digest: str,
    ) -> None:
        self._vault, self._parties, self._prefix = vault, parties, prefix
        self._submitters = submitters
        self._sources = pa.array(source_keys(vault, submitters.names), pa.string())
        self._words = {name: pa.array(v.codes, pa.string()) for name, v in words.items()}
        self._grades = pa.array(GRADES, pa.string())
        self._flags = flag_words()
        self._roles = [role.name for role in engine.methodology.roles]
        self._numbers = np.array([*engine.catalogue.leaf_numbers, -1])
        self._new_digest = digest_of(digest)

    # --- what a claim is told apart by --------------------------------------------------------

    def claims(self, chunk: TableChunk, quantities: Quantities) -> Claims:
        """Identity of each record that was not rejected."""
        kept = np.flatnonzero(~quantities.rejected)
        columns = self._cells(chunk, Kept(quantities.rejected))
        ids = _bytes(typed.identifiers(columns["record_id"]))
        giver, receiver = (self._identities(chunk, name, kept) for name in ("giver", "receiver"))
        rest = _bytes(rest_texts(columns))
        bodies = [b"\n".join(parts) for parts in zip(rest, giver, receiver, strict=True)]
        sellers = self._sellers(chunk, kept)
        return Claims(
            positions=kept,
            record=self._vault.pseudonyms("record", self._scoped(chunk.row_numbers()[kept], ids)),
            # Keyed, because a plain hash of few unknown cells could be tried out, erased or not.
            body=self._vault.pseudonyms("body", bodies),
            rest=rest,
            item=self._vault.pseudonyms("item", _bytes(typed.item_ids(columns["item_id"]))),
            pair=self._vault.pseudonyms("pair", self._pair_names(chunk, columns, sellers, kept)),
            giver=sellers,
            day=columns["occurred_on"].cast(pa.int32()).to_numpy(zero_copy_only=False),
            quantity=columns["quantity"].to_pylist(),
            mass_kg=columns["mass_kg"].to_pylist(),
            order=ids,
        )

    def _scoped(self, rows: Int, ids: Sequence[bytes]) -> list[bytes]:
        """Record ids as ids of who submits them."""
        scopes = [name.encode() + b"\n" for name in self._submitters.names]
        places = self._submitters.of_rows(rows).tolist()
        return [scopes[place] + name for place, name in zip(places, ids, strict=True)]

    def _sellers(self, chunk: TableChunk, kept: Int) -> list[str]:
        """Pseudonyms of who handed over: the giver, or the enterprise; empty if neither."""
        givers = self._parties.of_rows("giver", chunk.row_numbers()[kept]).ids()
        firms = self._vault.pseudonyms("enterprise", self._identities(chunk, "enterprise", kept))
        return [giver or firm for giver, firm in zip(givers, firms, strict=True)]

    @staticmethod
    def _identities(chunk: TableChunk, name: str, kept: Int) -> list[bytes]:
        return _bytes(chunk.folded(name).take(pa.array(kept)))

    def _pair_names(
        self, chunk: TableChunk, columns: Mapping[str, pa.Array], sellers: Sequence[str], kept: Int
    ) -> list[bytes]:
        """Pseudonyms of seller and receiver, and item type; empty without a receiver.

        Persons have pseudonyms by chance: who is erased cannot be found by trying out names.
        """
        receivers = self._parties.of_rows("receiver", chunk.row_numbers()[kept]).ids()
        items = columns["item_type"].cast(pa.string()).to_pylist()
        return [
            f"{seller}\n{receiver}\n{item}".encode() if receiver else b""
            for seller, receiver, item in zip(sellers, receivers, items, strict=True)
        ]

    # --- what is stored -----------------------------------------------------------------------

    def stage(
        self, chunk: TableChunk, quantities: Quantities, claims: Claims, allowance: Float | None
    ) -> Staged:
        """The records of some claims, complete. ``allowance``: by position in the chunk."""
        kept = claims.positions
        rejected = np.ones(len(quantities.rejected), bool)
        rejected[kept] = False
        columns = self._cells(chunk, Kept(rejected))
        columns |= self._figures(quantities, kept, allowance)
        rows = chunk.row_numbers()[kept]
        ids = [self._prefix + n.to_bytes(_ROW_BYTES, "big") for n in rows.tolist()]
        columns["fact_id"] = pa.array([i.hex() for i in ids], pa.string())
        columns["hedong"] = pa.array(chunk.batch().in_hedong[kept])
        columns["item"] = pa.array(chunk.batch().has_item_id[kept])
        personal = self._disclose(chunk, columns, ids, rows, claims)
        texts = _bytes(row_texts(columns))
        activity = [c for c in columns if c not in SEALED and c not in _QUANTITY]
        return Staged(
            tables={
                "claim": self._claim_table(claims, columns["fact_id"], rows),
                "activity": pa.table({c: columns[c] for c in activity}),
                "quantity": pa.table({c: columns[c] for c in ("fact_id", *_QUANTITY)}),
                "personal": personal,
            },
            rows=rows,
            texts=b"\n".join(texts) + b"\n" if texts else b"",
            ends=np.cumsum([len(t) + 1 for t in texts], dtype=np.int64),
            hashes=b"".join(map(leaf_hash, texts)),
        )

    def _cells(self, chunk: TableChunk, kept: Kept) -> dict[str, pa.Array]:
        """Canonical columns of the kept records, typed."""
        batch = chunk.batch()
        columns: dict[str, pa.Array] = {
            name: coded(kept.array(batch.codes[name]), self._words[name]) for name in CODES
        }
        for name, values in batch.numbers.items():
            whole = COLUMN[name].kind == "whole"
            columns[name] = number_column(kept.array(values), whole=whole)
        columns["occurred_on"] = day_column(kept.array(batch.days["occurred_on"]))
        for name in TEXTS:
            columns[name] = typed.trimmed(
                typed.plain(kept.cells(string_column(chunk.column(name))))
            )
        return columns

    def _figures(
        self, quantities: Quantities, kept: Int, allowance: Float | None
    ) -> dict[str, pa.Array]:
        """Grams, grade, flags and factor rows, as the published row has them."""
        granted = np.full(len(kept), np.inf) if allowance is None else allowance[kept]
        roles = {
            role: _numbered(self._numbers[np.maximum(quantities.rows[role][kept], -1)])
            for role in self._roles
        }
        return {
            **{name: pa.array(getattr(quantities, name)[kept]) for name in GRAMS},
            "life": pa.array(quantities.life[kept]),
            "allowance": pa.array(granted, mask=np.isinf(granted)),
            "grade": coded(quantities.grade[kept], self._grades).cast(pa.string()),
            "flags": coded(quantities.flags[kept], self._flags).cast(pa.string()),
            "factors": json_object(roles),
        }

    def _disclose(
        self,
        chunk: TableChunk,
        columns: dict[str, pa.Array],
        ids: Sequence[bytes],
        rows: Int,
        claims: Claims,
    ) -> pa.Table:
        """Add pseudonyms and salted digests to the columns; returns the sealed texts."""
        self._parties.keep(rows)
        owners = self._parties.owners(rows)
        columns["rest_digest"] = self._digests("rest", owners.keys(), ids, claims.rest)
        for name in ("giver", "receiver"):
            party = self._parties.of_rows(name, rows)
            values = self._identities(chunk, name, claims.positions)
            columns[name] = pa.array([i or None for i in party.ids()], pa.string())
            columns[f"{name}_digest"] = self._digests(name, party.keys(), ids, values)
        secret = _bytes(json_object({name: json_text(columns[name]) for name in SEALED}))
        return pa.table(
            {
                "fact_id": columns["fact_id"],
                "person_id": pa.array(owners.ids(), pa.string()),
                "sealed": pa.array(seals(owners.keys(), ids, secret), pa.binary()),
            }
        )

    def kept_persons(self) -> Callable[[Iterable[pa.Table]], Iterator[pa.Table]]:
        """What leaves of the new persons those that a staged record names."""
        return self._parties.kept()

    def _digests(
        self, field: str, keys: Sequence[bytes], ids: Sequence[bytes], values: Sequence[bytes]
    ) -> pa.Array:
        """Salted digests; null where there is no party to hold the salt."""
        new = self._new_digest
        found = [
            new(salt + value).hexdigest() if salt else None
            for salt, value in zip(salts(keys, ids, field), values, strict=True)
        ]
        return pa.array(found, pa.string())

    def _claim_table(self, claims: Claims, fact_id: pa.Array, rows: Int) -> pa.Table:
        def optional(values: Sequence[str]) -> pa.Array:
            return pa.array([v or None for v in values], pa.string())

        return pa.table(
            {
                "record_key": pa.array(claims.record, pa.string()),
                "fact_id": fact_id,
                "body": pa.array(claims.body, pa.string()),
                "item_key": optional(claims.item),
                "pair_key": optional(claims.pair),
                "giver": optional(claims.giver),
                "occurred_on": pa.array(claims.day, pa.int32()).cast(pa.date32()),
                "quantity": pa.array(claims.quantity, pa.int64()),
                "mass_kg": pa.array(claims.mass_kg, pa.float64()),
                "source": self._sources.take(pa.array(self._submitters.of_rows(rows))),
            }
        )
