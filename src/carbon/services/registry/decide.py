"""Decide: one path for every signed act, from the first signature to the fact with its leaf.

A decision that lacks signatures waits. One that its submitter may take back waits too, what it
moves held meanwhile, and takes effect when the time has passed (:func:`settle`). Everything else
takes effect with its last signature, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from carbon.domain.calendar import Calendar
from carbon.domain.credit.contents import check_content
from carbon.domain.credit.decision import (
    KINDS,
    Decision,
    Draft,
    Signature,
    Verify,
    check_signatures,
    digest,
    members_of,
    message,
)
from carbon.domain.credit.history import Check
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.ports.registry import Unit, Waiting

WAITING, DUE, DONE = "waiting", "due", "done"
#: Decisions that may wait at one time.
MAX_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Context:
    """What rules may ask: the unit of work, the moment, data that is not code.

    ``prepared``: what was computed from the log before the transaction, by what it is for;
    ``demonstration``: whether pilot units may move.
    """

    unit: Unit
    now: datetime
    calendar: Calendar
    catalogue: Catalogue
    verify: Verify
    demonstration: bool = False
    prepared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The day in Tianjin; ``now`` has that zone."""
        return self.now.date()

    def at(self) -> str:
        """The moment as a leaf tells it."""
        return self.now.isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind is checked and takes effect.

    ``check`` raises what stands against it, before each signature and before the effect;
    ``apply`` does it and returns what the leaf tells of it; ``reserve`` holds what it will move;
    ``release`` gives that back. ``independent``: verifier and reviewer, whom the database keeps
    from being signers.
    """

    check: Callable[[Context, Draft], None]
    apply: Callable[[Context, Draft], Mapping[str, Any]] = lambda *_: {}
    reserve: Callable[[Context, Draft, datetime], None] | None = None
    release: Callable[[Context, Draft], None] | None = None
    independent: Callable[[Context, Draft], tuple[str, str] | None] = lambda *_: None


Rules = Mapping[str, Rule]


def rules_of(checks: Mapping[str, Check]) -> Rules:
    """Kinds that need no more than the history, and do nothing but stand in it."""

    def rule(check: Check) -> Rule:
        return Rule(lambda context, draft: check(context.unit, draft, context.today))

    return {kind: rule(check) for kind, check in checks.items()}


def decide(
    context: Context,
    rules: Rules,
    kind: str,
    id_: str,
    content: Mapping[str, Any],
    signature: Signature,
    private: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Add a signature to a decision, and let it take effect where it is complete.

    The same call is told the same; another content under the same id is ``request.conflict``.
    Raises ``decision.*`` and whatever the kind's rule says.
    """
    check_content(kind, id_, content)
    name = digest(kind, id_, content)
    done = context.unit.find(kind, id_)
    if done is not None:
        if done.decision.digest != name:
            raise CarbonError("request.conflict", id=f"{kind} {id_}")
        return _answer(done.decision, DONE)
    waiting = _waiting(context, kind, id_, name, content, private)
    if signature.key not in {given.key for given in waiting.signatures}:
        waiting = replace(waiting, signatures=(*waiting.signatures, signature))
    elif waiting.due_at is not None:
        return _told(waiting, DUE)
    draft = _draft(context, waiting)
    rules[kind].check(context, draft)
    return _further(context, rules[kind], waiting, draft)


def _waiting(
    context: Context,
    kind: str,
    id_: str,
    name: str,
    content: Mapping[str, Any],
    private: Mapping[str, str] | None,
) -> Waiting:
    """What waits under this kind and id, or a new one."""
    others = context.unit.waiting()
    for known in others:
        if (known.kind, known.id) == (kind, id_):
            if known.digest != name:
                raise CarbonError("request.conflict", id=f"{kind} {id_}")
            return known
    if len(others) >= MAX_WAITING:
        raise CarbonError("decision.crowded", limit=MAX_WAITING)
    return Waiting(name, kind, id_, content, (), context.now, private=private)


def _draft(context: Context, waiting: Waiting) -> Draft:
    """The decision with its signers, their signatures checked."""
    members = context.unit.members()
    if not members and waiting.kind == "member":
        # Nobody can grant yet: the first issuers vouch for one another.
        members = {m.key: m for m in members_of(waiting.content)}
    signers = check_signatures(
        waiting.kind, waiting.digest, waiting.signatures, members, context.verify
    )
    return Draft(
        waiting.kind,
        waiting.id,
        waiting.content,
        tuple(signers),
        waiting.made_at,
        waiting.private,
    )


def _further(context: Context, rule: Rule, waiting: Waiting, draft: Draft) -> dict[str, Any]:
    kind = KINDS[draft.kind]
    if len(draft.signers) < len(kind.signers):
        context.unit.keep(waiting)
        return _told(waiting, WAITING)
    if kind.undone_within_minutes and rule.reserve is not None:
        due = context.now + timedelta(minutes=kind.undone_within_minutes)
        rule.reserve(context, draft, due)
        waiting = replace(waiting, due_at=due)
        context.unit.keep(waiting)
        return _told(waiting, DUE)
    context.unit.drop(waiting)
    return _answer(_take_effect(context, rule, waiting, draft), DONE)


def _take_effect(context: Context, rule: Rule, waiting: Waiting, draft: Draft) -> Decision:
    independent = rule.independent(context, draft)
    effect = rule.apply(context, draft)
    decision = Decision(
        draft.kind, draft.id, draft.content, context.at(), waiting.signatures, effect
    )
    context.unit.add(decision, draft.signers, independent)
    return decision


def due(context: Context) -> list[Waiting]:
    """Decisions whose time to be taken back has passed, the oldest first."""
    waiting = context.unit.waiting()
    return [w for w in waiting if w.due_at is not None and w.due_at <= context.now]


def settle(context: Context, rules: Rules, waiting: Waiting) -> dict[str, Any]:
    """Let a due decision take effect; the same answer again if another process was faster.

    Raises what now stands against it (its holder was frozen, its signer's key ended): then it goes
    on waiting, its amount held.
    """
    done = context.unit.find(waiting.kind, waiting.id)
    if done is not None:
        return _answer(done.decision, DONE)
    draft = _draft(context, waiting)
    rules[waiting.kind].check(context, draft)
    context.unit.drop(waiting)
    return _answer(_take_effect(context, rules[waiting.kind], waiting, draft), DONE)


def held_back(waiting: Waiting, reason: str) -> dict[str, Any]:
    """The answer about a due decision that something stands against."""
    return {**_told(waiting, DUE), "reason": reason}


def undo(context: Context, rules: Rules, name: str, signature: Signature) -> dict[str, Any]:
    """Take a waiting decision back, by its first signer.

    Raises ``decision.unknown``, ``decision.final`` once it took effect or its time has passed,
    ``decision.signature``.
    """
    waiting = find_waiting(context.unit.waiting(), name)
    over = f"{waiting.digest}/undo"
    first = waiting.signatures[0].key
    signed = bytes.fromhex(signature.signature)
    if signature.key != first or not context.verify(bytes.fromhex(first), message(over), signed):
        raise CarbonError("decision.signature", key=signature.key[:16])
    if waiting.due_at is not None:
        if waiting.due_at <= context.now:
            raise CarbonError("decision.final", id=waiting.id)
        release = rules[waiting.kind].release
        if release is not None:
            release(context, _draft(context, waiting))
    context.unit.drop(waiting)
    return {**_told(waiting, "undone")}


def find_waiting(all_: Any, name: str) -> Waiting:
    """What waits, by its digest, the first digits of that, or its id. Raises ``decision.unknown``.

    Digits that fit several are told as unknown too: nothing is guessed. A whole digest is nobody
    else's id, whatever ids were chosen.
    """
    exact = [w for w in all_ if w.digest == name]
    found = exact or [
        w for w in all_ if w.id == name or (len(name) >= _DIGITS and w.digest.startswith(name))
    ]
    if len(found) != 1:
        raise CarbonError("decision.unknown", id=name)
    return found[0]  # type: ignore[no-any-return]  # of the sequence given


_DIGITS = 8


def _told(waiting: Waiting, state: str) -> dict[str, Any]:
    due = waiting.due_at
    return {
        "kind": waiting.kind,
        "id": waiting.id,
        "digest": waiting.digest,
        "state": state,
        "signatures": len(waiting.signatures),
        "needed": len(KINDS[waiting.kind].signers),
        **({} if due is None else {"due_at": due.isoformat(timespec="seconds")}),
    }


def _answer(decision: Decision, state: str) -> dict[str, Any]:
    return {
        "kind": decision.kind,
        "id": decision.id,
        "digest": decision.digest,
        "state": state,
        "at": decision.at,
        "effect": dict(decision.effect),
    }
