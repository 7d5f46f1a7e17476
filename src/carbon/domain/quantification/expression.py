"""The expression language methodologies publish their formulas in (docs/receipts.md, section 4).

A formula is a list of steps ``(name, expression)``. An expression is a name or ``(op, args…)``,
as tuples here and as JSON arrays in the published file. It is evaluated in IEEE 754 binary64 in
the order written, so that every language gets the same bits, and those of the array kernel.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from math import isfinite
from operator import itemgetter
from typing import Final, TypeAlias

from carbon.domain.errors import CarbonError
from carbon.domain.quantification.trace import GRAMS

Value: TypeAlias = float | str | bool | None
Expr: TypeAlias = "str | Sequence[Expr]"
Step: TypeAlias = tuple[str, Expr]
Names: TypeAlias = Mapping[str, Value]

#: Input fields of a published row, and those of them and of an item type's row that are numbers.
FIELDS: Final = frozenset(
    "act age_years allowance condition destination evidence hedong item item_type mass_kg month "
    "process quantity region subsidised transport_km transport_mode".split()
)
NUMBERS: Final = frozenset("age_years allowance mass_kg quantity transport_km".split())
ITEM_NUMBERS: Final = frozenset("mass_low_kg mass_high_kg ef_band_low ef_band_high".split())

_NAME = re.compile(r"[a-z][a-z0-9_]*")
#: Numbers as Python's shortest ``repr`` and plain decimals write them.
_LITERAL = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]{1,3})?")
#: Deeper expressions are refused: no formula needs them, and a reader's stack is finite.
_MAX_DEPTH = 32
#: ``10 ** decimals`` is exact up to here.
_MAX_DECIMALS = 15


def _fault(value: object) -> CarbonError:
    return CarbonError("formula.invalid", value=value)


# --- evaluation -------------------------------------------------------------------------------

#: An expression made ready: a function of the names known so far.
Compiled: TypeAlias = Callable[[Names], Value]
Number: TypeAlias = Callable[[Names], float]
Truth: TypeAlias = Callable[[Names], bool]


def evaluate(steps: Sequence[Step], names: Names) -> dict[str, Value]:
    """The value of every step, in order; ``names`` that are absent are missing.

    Raises ``formula.invalid`` where arithmetic meets a missing value, a word, a division by zero
    or a number that is not finite.

    >>> evaluate([("be", ("mul", "q", ("num", "0.5"))), ("be_g", ("floor", "be"))], {"q": 5.0})
    {'be': 2.5, 'be_g': 2.0}
    """
    known = compile_steps(steps)(names)
    return {name: known[name] for name, _ in steps}


def compile_steps(steps: Sequence[Step]) -> Callable[[Names], dict[str, Value]]:
    """A sound formula (:func:`validate`) as a function, for many rows.

    It gives the names it was given and the value of every step, and raises what
    :func:`evaluate` raises.
    """
    compiled, numbers = [], set[str]()
    for name, expr in steps:
        compiled.append((name, _compiled(expr, numbers)))
        if not isinstance(expr, str) and expr[0] in _FINITE:
            numbers.add(name)

    def compute(names: Names) -> dict[str, Value]:
        known = dict(names)
        for name, value in compiled:
            known[name] = value(known)
        return known

    return compute


def _compiled(expr: Expr, numbers: Collection[str]) -> Compiled:
    """An expression as a function. ``numbers``: earlier steps that always are finite numbers."""
    if isinstance(expr, str):
        return lambda names: names.get(expr)
    op, *args = expr
    return _OPS[str(op)][1](args, numbers)


def _number(expr: Expr, numbers: Collection[str]) -> Number:
    """An expression that must give a finite number; that of an operation always is."""
    if isinstance(expr, str):
        return itemgetter(expr) if expr in numbers else _named_number(expr)
    value = _compiled(expr, numbers)
    if expr[0] in _FINITE:
        return value  # type: ignore[return-value]  # these operations give numbers

    def checked(names: Names) -> float:
        found = value(names)
        if not isinstance(found, float) or not isfinite(found):
            raise _fault(f"{expr} = {found}")
        return found

    return checked


def _named_number(name: str) -> Number:
    def checked(names: Names) -> float:
        found = names.get(name)
        if not isinstance(found, float) or not isfinite(found):
            raise _fault(f"{name} = {found}")
        return found

    return checked


def _truth(expr: Expr, numbers: Collection[str]) -> Truth:
    value = _compiled(expr, numbers)
    if not isinstance(expr, str) and expr[0] in _TRUTHS:
        return value  # type: ignore[return-value]  # these operations give truths

    def checked(names: Names) -> bool:
        found = value(names)
        if not isinstance(found, bool):
            raise _fault(f"{expr} = {found}")
        return found

    return checked


Op: TypeAlias = Callable[[Sequence[Expr], Collection[str]], Compiled]


def _literal(args: Sequence[Expr], _: Collection[str]) -> Compiled:
    number = float(str(args[0]))
    return lambda _: number


def _unary(compute: Callable[[float], float]) -> Op:
    def build(args: Sequence[Expr], numbers: Collection[str]) -> Compiled:
        operand = _number(args[0], numbers)

        def apply(names: Names) -> float:
            x = operand(names)
            try:
                found = compute(x)
            except OverflowError as error:
                raise _fault(f"{x}") from error
            if not isfinite(found):
                raise _fault(f"{x}")
            return found

        return apply

    return build


def _binary(compute: Callable[[float, float], float]) -> Op:
    def build(args: Sequence[Expr], numbers: Collection[str]) -> Compiled:
        left, right = _number(args[0], numbers), _number(args[1], numbers)

        def apply(names: Names) -> float:
            x, y = left(names), right(names)
            try:
                found = compute(x, y)
            except ZeroDivisionError as error:
                raise _fault(f"{x}, {y}") from error
            if not isfinite(found):
                raise _fault(f"{x}, {y}")
            return found

        return apply

    return build


def _extreme(*, largest: bool) -> Op:
    """The larger or smaller of two finite numbers is one; the first of two that are equal."""

    def build(args: Sequence[Expr], numbers: Collection[str]) -> Compiled:
        left, right = _number(args[0], numbers), _number(args[1], numbers)

        if largest:
            return lambda names: max(left(names), right(names))
        return lambda names: min(left(names), right(names))

    return build


def _comparison(compare: Callable[[float, float], bool]) -> Op:
    def build(args: Sequence[Expr], numbers: Collection[str]) -> Compiled:
        left, right = _number(args[0], numbers), _number(args[1], numbers)
        return lambda names: compare(left(names), right(names))

    return build


def _whole(to_whole: Callable[[float], int]) -> Callable[[float], float]:
    """A rounding to whole numbers that keeps the sign of zero, as IEEE 754 does."""
    return lambda x: float(to_whole(x)) or math.copysign(0.0, x)


_rint = _whole(round)


def _round(args: Sequence[Expr], numbers: Collection[str]) -> Compiled:
    """``rint(x · 10^d) / 10^d`` with halves to even: what ``numpy.round`` computes."""
    scale = 10.0 ** int(str(args[1][1]))
    return _unary(lambda x: _rint(x * scale) / scale)(args[:1], numbers)


def _if(args: Sequence[Expr], numbers: Collection[str]) -> Compiled:
    """Only the chosen branch is evaluated: the other one may lack its values."""
    condition = _truth(args[0], numbers)
    then, otherwise = (_compiled(arg, numbers) for arg in args[1:])
    return lambda names: then(names) if condition(names) else otherwise(names)


def _given(args: Sequence[Expr], _: Collection[str]) -> Compiled:
    name = str(args[0])
    return lambda names: names.get(name) is not None


def _is(args: Sequence[Expr], _: Collection[str]) -> Compiled:
    name, words = str(args[0]), tuple(args[1:])
    return lambda names: names.get(name) in words


def _joined(*, ends: bool) -> Op:
    """``or`` ends with the first part that is true, ``and`` with the first that is not."""

    def build(args: Sequence[Expr], numbers: Collection[str]) -> Compiled:
        parts = [_truth(arg, numbers) for arg in args]

        def apply(names: Names) -> bool:
            for part in parts:
                if part(names) is ends:
                    return ends
            return not ends

        return apply

    return build


def _not(args: Sequence[Expr], numbers: Collection[str]) -> Compiled:
    part = _truth(args[0], numbers)
    return lambda names: not part(names)


#: As many arguments as anyone could write.
_ANY = 1_000
#: The operations: how many arguments (least, most) and what makes them ready.
_OPS: Final[Mapping[str, tuple[tuple[int, int], Op]]] = {
    "num": ((1, 1), _literal),
    "add": ((2, 2), _binary(operator.add)),
    "sub": ((2, 2), _binary(operator.sub)),
    "mul": ((2, 2), _binary(operator.mul)),
    "div": ((2, 2), _binary(operator.truediv)),
    "min": ((2, 2), _extreme(largest=False)),
    "max": ((2, 2), _extreme(largest=True)),
    "floor": ((1, 1), _unary(_whole(math.floor))),
    "ceil": ((1, 1), _unary(_whole(math.ceil))),
    "round": ((2, 2), _round),
    "if": ((3, 3), _if),
    "given": ((1, 1), _given),
    "is": ((2, _ANY), _is),
    "lt": ((2, 2), _comparison(operator.lt)),
    "le": ((2, 2), _comparison(operator.le)),
    "and": ((2, _ANY), _joined(ends=False)),
    "or": ((2, _ANY), _joined(ends=True)),
    "not": ((1, 1), _not),
}
_FINITE: Final = frozenset("num add sub mul div min max floor ceil round".split())
_TRUTHS: Final = frozenset("given is lt le and or not".split())


# --- validation -------------------------------------------------------------------------------


def validate(steps: Sequence[Step], names: Collection[str]) -> None:
    """Check a formula that may use ``names`` before it is published or evaluated.

    Raises ``formula.invalid``: an unknown operation or name, a wrong number of arguments, a name
    bound twice, or other last steps than the five figures.
    """
    known = set(names)
    for name, expr in steps:
        if name in known or not _NAME.fullmatch(name):
            raise _fault(name)
        _check(expr, known, _MAX_DEPTH)
        known.add(name)
    if tuple(name for name, _ in steps[-len(GRAMS) :]) != GRAMS:
        raise _fault(", ".join(GRAMS))


def _check(expr: Expr, known: Collection[str], depth: int) -> None:
    if isinstance(expr, str):
        if expr not in known:
            raise _fault(expr)
        return
    op, *args = expr if isinstance(expr, list | tuple) and expr else ("",)
    least, most = _OPS[op][0] if isinstance(op, str) and op in _OPS else (1, 0)
    if not (depth and least <= len(args) <= most):
        raise _fault(expr)
    for arg in _inner(str(op), args, known):
        _check(arg, known, depth - 1)


def _is_number(text: str) -> bool:
    return bool(_LITERAL.fullmatch(text)) and math.isfinite(float(text))


def _inner(op: str, args: Sequence[Expr], known: Collection[str]) -> Sequence[Expr]:
    """The arguments that are expressions; literals, names and words are checked here."""
    if op == "num":
        sound = isinstance(args[0], str) and _is_number(args[0])
    elif op in ("given", "is"):
        sound = args[0] in known and all(isinstance(arg, str) for arg in args)
    elif op == "round":
        sound = _is_decimals(args[1])
    else:
        return args
    if not sound:
        raise _fault([op, *args])
    return args[:1] if op == "round" else ()


def _is_decimals(expr: Expr) -> bool:
    """Whether an expression is a literal number of decimals, such as ``("num", "6")``."""
    digits = expr[-1] if isinstance(expr, list | tuple) and list(expr[:-1]) == ["num"] else ""
    return isinstance(digits, str) and digits.isdecimal() and int(digits) <= _MAX_DECIMALS


# --- names ------------------------------------------------------------------------------------


def names_of(
    fields: Mapping[str, str | bool],
    item: Mapping[str, str],
    factors: Mapping[str, Mapping[str, str]],
) -> dict[str, Value]:
    """The names of a published row: its input fields, its item type's cells, its factor rows.

    ``fields``: the row's ``in``; ``item``: cells of its row of the table ``items``; ``factors``:
    cells of the factor row of each role. Empty cells are missing.
    """
    names = {**input_names(fields), **item_names(item)}
    for role, cells in factors.items():
        names.update(factor_names(role, cells))
    return names


def input_names(fields: Mapping[str, str | bool]) -> dict[str, Value]:
    """Names of a row's input fields. Raises ``formula.invalid`` for a malformed number."""
    names: dict[str, Value] = {name: None if v == "" else v for name, v in fields.items()}
    for name in NUMBERS & names.keys():
        names[name] = _read(fields[name], number=True)
    return names


def item_names(cells: Mapping[str, str]) -> dict[str, Value]:
    """Names of the cells of an item type's row."""
    return {f"item.{name}": _read(cells[name], number=name in ITEM_NUMBERS) for name in cells}


def factor_names(role: str, cells: Mapping[str, str]) -> dict[str, Value]:
    """The two names of a role: its row's value and what that includes."""
    return {
        role: _read(cells["value"], number=True),
        f"{role}.includes": _read(cells["includes"], number=False),
    }


def _read(value: str | bool, *, number: bool) -> Value:
    if isinstance(value, bool) or not value:
        return value or (None if value == "" else False)
    if number and not _is_number(value):
        raise _fault(value)
    return float(value) if number else value
