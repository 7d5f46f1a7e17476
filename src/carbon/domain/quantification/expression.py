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


def evaluate(steps: Sequence[Step], names: Names) -> dict[str, Value]:
    """The value of every step, in order; ``names`` that are absent are missing.

    Raises ``formula.invalid`` where arithmetic meets a missing value, a word, a division by zero
    or a number that is not finite.

    >>> evaluate([("be", ("mul", "q", ("num", "0.5"))), ("be_g", ("floor", "be"))], {"q": 5.0})
    {'be': 2.5, 'be_g': 2.0}
    """
    known = dict(names)
    for name, expr in steps:
        known[name] = _value(expr, known)
    return {name: known[name] for name, _ in steps}


def _value(expr: Expr, names: Names) -> Value:
    if isinstance(expr, str):
        return names.get(expr)
    op, *args = expr
    return _OPS[str(op)][1](args, names)


def _number(expr: Expr, names: Names) -> float:
    found = _value(expr, names)
    if not isinstance(found, float) or not math.isfinite(found):
        raise _fault(f"{expr} = {found}")
    return found


def _truth(expr: Expr, names: Names) -> bool:
    found = _value(expr, names)
    if not isinstance(found, bool):
        raise _fault(f"{expr} = {found}")
    return found


Op: TypeAlias = Callable[[Sequence[Expr], Names], Value]


def _arithmetic(compute: Callable[..., float]) -> Op:
    def apply(args: Sequence[Expr], names: Names) -> float:
        numbers = [_number(arg, names) for arg in args]
        try:
            found = compute(*numbers)
        except (ZeroDivisionError, OverflowError) as error:
            raise _fault(f"{numbers}") from error
        if not math.isfinite(found):
            raise _fault(f"{numbers}")
        return found

    return apply


def _comparison(compare: Callable[[float, float], bool]) -> Op:
    return lambda args, names: compare(_number(args[0], names), _number(args[1], names))


def _whole(to_whole: Callable[[float], int]) -> Callable[[float], float]:
    """A rounding to whole numbers that keeps the sign of zero, as IEEE 754 does."""
    return lambda x: float(to_whole(x)) or math.copysign(0.0, x)


_rint = _whole(round)


def _round(args: Sequence[Expr], names: Names) -> Value:
    """``rint(x · 10^d) / 10^d`` with halves to even: what ``numpy.round`` computes."""
    scale = 10.0 ** int(str(args[1][1]))
    return _arithmetic(lambda x: _rint(x * scale) / scale)(args[:1], names)


def _if(args: Sequence[Expr], names: Names) -> Value:
    """Only the chosen branch is evaluated: the other one may lack its values."""
    return _value(args[1] if _truth(args[0], names) else args[2], names)


#: As many arguments as anyone could write.
_ANY = 1_000
#: The operations: how many arguments (least, most) and what they do.
_OPS: Final[Mapping[str, tuple[tuple[int, int], Op]]] = {
    "num": ((1, 1), lambda args, _: float(str(args[0]))),
    "add": ((2, 2), _arithmetic(operator.add)),
    "sub": ((2, 2), _arithmetic(operator.sub)),
    "mul": ((2, 2), _arithmetic(operator.mul)),
    "div": ((2, 2), _arithmetic(operator.truediv)),
    "min": ((2, 2), _arithmetic(min)),
    "max": ((2, 2), _arithmetic(max)),
    "floor": ((1, 1), _arithmetic(_whole(math.floor))),
    "ceil": ((1, 1), _arithmetic(_whole(math.ceil))),
    "round": ((2, 2), _round),
    "if": ((3, 3), _if),
    "given": ((1, 1), lambda args, names: names.get(str(args[0])) is not None),
    "is": ((2, _ANY), lambda args, names: names.get(str(args[0])) in args[1:]),
    "lt": ((2, 2), _comparison(operator.lt)),
    "le": ((2, 2), _comparison(operator.le)),
    "and": ((2, _ANY), lambda args, names: all(_truth(arg, names) for arg in args)),
    "or": ((2, _ANY), lambda args, names: any(_truth(arg, names) for arg in args)),
    "not": ((1, 1), lambda args, names: not _truth(args[0], names)),
}


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
    names = {name: _read(value, number=name in NUMBERS) for name, value in fields.items()}
    for column, cell in item.items():
        names[f"item.{column}"] = _read(cell, number=column in ITEM_NUMBERS)
    for role, cells in factors.items():
        names[role] = _read(cells["value"], number=True)
        names[f"{role}.includes"] = _read(cells["includes"], number=False)
    return names


def _read(value: str | bool, *, number: bool) -> Value:
    if isinstance(value, bool) or not value:
        return value or (None if value == "" else False)
    if number and not _is_number(value):
        raise _fault(value)
    return float(value) if number else value
