#!/usr/bin/env python3
"""可复算小票的离线核对 · Check a receipt offline.

    python3 check_receipt.py RECEIPT.json [--key VKEY] [--json]

One file, Python 3.9 or newer, standard library only: nothing of the platform is needed, not even
its program. It proves that a record stands in the signed log, that the factor rows stand in the
catalogue the record names, and recomputes its grams to the last digit from the published formula.
Exit code: 0 all checks passed, 1 some failed, 2 wrong call or unreadable file.

The formats are those of docs/receipts.md: RFC 6962 trees, RFC 8785 JSON, RFC 8032 signatures,
C2SP signed-note, tlog-checkpoint and tlog-proof, GB/T 32905 (SM3).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

MAX_BYTES = 10_000_000


class Check(NamedTuple):
    """One check: its name, whether it passed, and what was found, in both languages.

    ``warning``: passed, but with something the reader should know.
    """

    name: str
    ok: bool
    zh: str
    en: str
    warning: bool = False


class Said(NamedTuple):
    """What a check that passed found."""

    zh: str
    en: str
    warning: bool = False


class Bad(Exception):  # noqa: N818  a finding about the receipt, not an error of this program
    """What a check that failed found, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh, en)
        self.zh, self.en = zh, en


def _short(value: object) -> str:
    """A value as it may be shown: quoted, escaped, never long; of lists and objects the kind."""
    plain = value is None or isinstance(value, (bool, int, float))
    text = value if isinstance(value, str) else repr(value) if plain else type(value).__name__
    return json.dumps(text if len(text) <= 60 else text[:60] + "…")  # noqa: PLR2004  one line


# --- form: what a receipt may look like -------------------------------------------------------

_HASH = re.compile(r"[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-f]{1,64}")
_ID = re.compile(r"[0-9a-f]{32}")
_BASE64_HASH = re.compile(r"[A-Za-z0-9+/]{43}=")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_GRAMS = re.compile(r"0|-?[1-9][0-9]{0,15}")
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?(e[+-]?[0-9]{1,3})?")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
#: Text on one line, without what could disguise it on a screen.
_LINE = re.compile("[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{1,2000}")

_CONTEXT = {
    "catalogue": _HASH,
    "catalogue_rows": int,
    "methodology": _LINE,
    "formula": _HASH,
    "digest": re.compile("sha256|sm3"),
    "demonstration": bool,
    "as_of?": _DAY,
    "fields": re.compile("1"),
    "recorded_on": _DAY,
    "project?": re.compile(r"[a-z0-9][a-z0-9-]{0,39}"),
}
_NUMBERS = ("age_years", "allowance", "mass_kg", "quantity", "transport_km")
_WORDS = (
    "condition",
    "destination",
    "evidence",
    "process",
    "region",
    "subsidised",
    "transport_mode",
)
_FIELDS = {
    "act": _LINE,
    "hedong": bool,
    "item": bool,
    "item_type": _LINE,
    "month": _MONTH,
    **{name + "?": _LINE for name in _WORDS},
    **{name + "?": _NUMBER for name in _NUMBERS},
}
_FIGURES = ("be_g", "pe_g", "u_g", "le_g", "er_g")
_PRIVATE = ("giver", "receiver", "rest")
_ROW = {
    "id": _ID,
    "in": _FIELDS,
    "f": (_NAME, int),
    **dict.fromkeys(_FIGURES, _GRAMS),
    "grade": re.compile("creditable|display"),
    "flags?": _LINE,
    **{name + "?": _HASH for name in _PRIVATE},
}
_LEAVES: dict[str, Any] = {
    "record": {"type": _NAME, "row": _ROW, **_CONTEXT},
    "submission": {
        "type": _NAME,
        "id": _HEX,
        "rows": int,
        "root": _HASH,
        "file": {"sha256": _HASH, "sm3?": _HASH},
        "er_g": _GRAMS,
        **_CONTEXT,
    },
    "correction": {"type": _NAME, "replaces": _HEX, "reason": str, "row": _ROW, **_CONTEXT},
}
_PROVEN = {"number": int, "row": str, "proof": [_BASE64_HASH]}
_SALTED = {"salt": _HASH, "value": str}
_RECEIPT: dict[str, Any] = {
    "receipt": re.compile("1"),
    "leaf": str,
    "proof": str,
    "key": str,
    "item": _PROVEN,
    "factors": (_NAME, _PROVEN),
    "formula": str,
    "steps": (_NAME, _NUMBER),
    "private?": {name + "?": _SALTED for name in _PRIVATE},
}
_BULK = {"row": str, "row_index": int, "row_proof": [_BASE64_HASH]}
_CATALOGUE_ROW = {"cells": (_LINE, str), "table": _LINE}
_FORMULA = {"methodology": _LINE, "roles": (_NAME, _LINE), "steps": [list]}


def _fit(value: Any, rule: Any, where: str) -> None:
    """Check a JSON value against a rule of the tables above; raises :class:`Bad`.

    A rule is a type, a pattern of a text, ``[rule]`` of a list, ``(key pattern, rule)`` of an
    object with free keys, or an object of rules, where ``name?`` may be absent.
    """
    if isinstance(rule, dict):
        _fit_members(value, rule, where)
    elif isinstance(rule, list):
        for number, inner in enumerate(_typed(value, list, where)):
            _fit(inner, rule[0], f"{where}[{number}]")
    elif isinstance(rule, tuple):
        for name, inner in _typed(value, dict, where).items():
            _fit(name, rule[0], where)
            _fit(inner, rule[1], f"{where}.{name}")
    elif isinstance(rule, re.Pattern):
        if not rule.fullmatch(_typed(value, str, where)):
            raise Bad(f"{where} 的写法不对：{_short(value)}", f"{where} is {_short(value)}")
    elif _typed(value, rule, where) < 0 if rule is int else False:
        raise Bad(f"{where} 为负数", f"{where} is negative")
    else:
        _typed(value, rule, where)


def _typed(value: Any, kind: type, where: str) -> Any:
    if type(value) is not kind:
        raise Bad(
            f"{where} 的类型不对：{_short(value)}", f"{where} has a wrong type: {_short(value)}"
        )
    return value


def _fit_members(value: Any, rule: dict[str, Any], where: str) -> None:
    members = {name.rstrip("?"): inner for name, inner in rule.items()}
    needed = {name for name in rule if not name.endswith("?")}
    found = _typed(value, dict, where)
    for name in sorted(found.keys() - members.keys()):
        raise Bad(f"{where} 有多余成员 {_short(name)}", f"{where} has a member {_short(name)}")
    for name in sorted(needed - found.keys()):
        raise Bad(f"{where} 缺少成员 {name}", f"{where} lacks the member {name}")
    for name, inner in found.items():
        _fit(inner, members[name], f"{where}.{name}")


def _no_number(text: str) -> NoReturn:
    raise Bad(f"不允许的数：{_short(text)}", f"a number that is not allowed: {_short(text)}")


def _whole(text: str) -> int:
    return int(text) if len(text) < 16 else _no_number(text)  # noqa: PLR2004  below 2^53


def _parse(text: str, where: str) -> Any:
    """Canonical JSON: reading it and writing it again gives the same bytes."""
    try:
        value = json.loads(
            text, parse_int=_whole, parse_float=_no_number, parse_constant=_no_number
        )
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        again.encode()
    except (ValueError, RecursionError):
        raise Bad(f"{where} 不是 JSON", f"{where} is not JSON") from None
    if again != text:
        raise Bad(f"{where} 不是规范 JSON", f"{where} is not canonical JSON")
    return value


class Receipt(NamedTuple):
    """A receipt whose form is sound, with what its texts hold."""

    raw: dict[str, Any]
    leaf: dict[str, Any]
    row: dict[str, Any]
    item: dict[str, Any]
    factors: dict[str, dict[str, Any]]
    formula: dict[str, Any]


def _read(data: bytes) -> Receipt:
    """Read a receipt; raises :class:`Bad` for any other form."""
    if len(data) > MAX_BYTES:
        raise Bad("小票超过 10 MB", "the receipt is larger than 10 MB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("小票不是 UTF-8", "the receipt is not UTF-8") from None
    if not text.endswith("\n"):
        raise Bad("末尾没有换行", "there is no newline at the end")
    raw = _typed(_parse(text[:-1], "receipt"), dict, "receipt")
    leaf = _typed(_parse(_typed(raw.get("leaf"), str, "receipt.leaf"), "leaf"), dict, "leaf")
    kind = leaf.get("type")
    if not isinstance(kind, str) or kind not in _LEAVES:
        raise Bad(f"这种叶没有小票：{_short(kind)}", f"no receipts of such a leaf: {_short(kind)}")
    _fit(leaf, _LEAVES[kind], "leaf")
    _fit(raw, {**_RECEIPT, **(_BULK if kind == "submission" else {})}, "receipt")
    row = _parse(raw["row"], "row") if kind == "submission" else leaf["row"]
    _fit(row, _ROW, "row")
    factors = {role: _catalogue_row(own, role) for role, own in raw["factors"].items()}
    formula = _parse(raw["formula"], "formula")
    _fit(formula, _FORMULA, "formula")
    for step in formula["steps"]:
        _sound_step(step)
    return Receipt(raw, leaf, row, _catalogue_row(raw["item"], "item"), factors, formula)


def _catalogue_row(proven: dict[str, Any], where: str) -> dict[str, Any]:
    row: dict[str, Any] = _parse(proven["row"], where)
    _fit(row, _CATALOGUE_ROW, where)
    return row


# --- RFC 6962 trees ---------------------------------------------------------------------------


def _decoded(text: str) -> bytes:
    """Base64 in its one canonical spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if base64.b64encode(data).decode() != text:
        raise Bad(f"base64 写法不对：{_short(text)}", f"not canonical base64: {_short(text)}")
    return data


def inclusion_root(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2).

    Raises :class:`Bad` where a proof of this length cannot be for this place.
    """
    if index >= size:
        raise Bad(f"序号 {index} 不在 {size} 之内", f"index {index} is not below {size}")
    place, last = index, size - 1
    found = hashlib.sha256(b"\x00" + leaf).digest()
    for other in proof:
        if last == 0:
            raise Bad("证明过长", "the proof is too long")
        if place & 1 or place == last:
            found = hashlib.sha256(b"\x01" + other + found).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + other).digest()
        place, last = place >> 1, last >> 1
    if last:
        raise Bad("证明过短", "the proof is too short")
    return found


def _included(text: str, index: int, size: int, proof: list[str], root: str, what: str) -> None:
    found = inclusion_root(text.encode(), index, size, [_decoded(line) for line in proof])
    if found.hex() != root:
        raise Bad(f"{what} 的证明不通向根", f"the proof of {what} does not lead to the root")


# --- Ed25519 (RFC 8032), verification only ----------------------------------------------------

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]
_ZERO: _Point = (0, 1, 1, 0)


def _plus(a: _Point, b: _Point) -> _Point:
    """Sum of two points in extended coordinates (RFC 8032, 5.1.4)."""
    u, v = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    w, z = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    e, f, g, h = v - u, z - w, z + w, v + u
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: _Point) -> _Point:
    found = _ZERO
    while factor:
        if factor & 1:
            found = _plus(found, point)
        point, factor = _plus(point, point), factor >> 1
    return found


def _same(a: _Point, b: _Point) -> bool:
    return not ((a[0] * b[2] - b[0] * a[2]) % _P or (a[1] * b[2] - b[1] * a[2]) % _P)


def _point(data: bytes) -> _Point | None:
    """Decode a point in its one canonical encoding; ``None`` for anything else."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_1 % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


_BASE = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little")) or _ZERO


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is good, strictly: s < L, canonical points, none of small order."""
    if (len(public), len(signature)) != (32, 64):
        return False
    key, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= _L:
        return False
    if _same(_times(8, key), _ZERO) or _same(_times(8, r), _ZERO):
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(digest, "little") % _L
    return _same(_times(s, _BASE), _plus(r, _times(challenge, key)))


# --- SM3 (GB/T 32905), where Python's OpenSSL has none ----------------------------------------

_WORD = 0xFFFFFFFF
_SM3_START = (
    0x7380166F,
    0x4914B2B9,
    0x172442D7,
    0xDA8A0600,
    0xA96F30BC,
    0x163138AA,
    0xE38DEE4D,
    0xB0FB0E4E,
)


def _turn(word: int, by: int) -> int:
    by %= 32
    return (word << by | word >> 32 - by) & _WORD


def _sm3_words(block: bytes) -> list[int]:
    words = [int.from_bytes(block[n : n + 4], "big") for n in range(0, 64, 4)]
    for n in range(16, 68):
        mixed = words[n - 16] ^ words[n - 9] ^ _turn(words[n - 3], 15)
        mixed ^= _turn(mixed, 15) ^ _turn(mixed, 23)
        words.append(mixed ^ _turn(words[n - 13], 7) ^ words[n - 6])
    return words


def _sm3_block(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    words = _sm3_words(block)
    a, b, c, d, e, f, g, h = state
    for n in range(64):
        early = n < 16  # noqa: PLR2004  the standard's first sixteen rounds
        constant = _turn(0x79CC4519 if early else 0x7A879D8A, n)
        s1 = _turn(_turn(a, 12) + e + constant & _WORD, 7)
        ff = a ^ b ^ c if early else a & b | a & c | b & c
        gg = e ^ f ^ g if early else e & f | ~e & g
        t1 = ff + d + (s1 ^ _turn(a, 12)) + (words[n] ^ words[n + 4]) & _WORD
        t2 = gg + h + s1 + words[n] & _WORD
        a, b, c, d = t1, a, _turn(b, 9), c
        e, f, g, h = t2 ^ _turn(t2, 9) ^ _turn(t2, 17), e, _turn(f, 19), g
    return tuple(old ^ new for old, new in zip(state, (a, b, c, d, e, f, g, h)))  # noqa: B905  3.9


def sm3(data: bytes) -> str:
    """SM3 digest, hexadecimal."""
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    state: tuple[int, ...] = _SM3_START
    for start in range(0, len(padded), 64):
        state = _sm3_block(state, padded[start : start + 64])
    return "".join(f"{word:08x}" for word in state)


def _digest(algorithm: str, data: bytes) -> str:
    if algorithm == "sha256":
        return hashlib.sha256(data).hexdigest()
    try:
        return hashlib.new("sm3", data).hexdigest()
    except ValueError:
        return sm3(data)


# --- formulas ---------------------------------------------------------------------------------
# This evaluator shares no line with the platform's own (carbon.domain.quantification.expression)
# on purpose: two independent paths to one number.

_MOST = 1_000
_MAX_DEPTH = 32
_ARITY = {
    "num": (1, 1),
    "given": (1, 1),
    "is": (2, _MOST),
    "if": (3, 3),
    "and": (2, _MOST),
    "or": (2, _MOST),
    "not": (1, 1),
    "lt": (2, 2),
    "le": (2, 2),
    "round": (2, 2),
    "floor": (1, 1),
    "ceil": (1, 1),
    **dict.fromkeys(("add", "sub", "mul", "div", "min", "max"), (2, 2)),
}


def _sound_step(step: list[Any]) -> None:
    if len(step) != 2:  # noqa: PLR2004  a name and an expression
        raise Bad("公式的步骤不成对", "a step of the formula is no pair")
    _fit(step[0], _NAME, "formula.steps")
    _sound(step[1], _MAX_DEPTH)


def _sound(expr: Any, depth: int) -> None:
    """Whether an expression is one: known operations, right numbers of arguments."""
    if isinstance(expr, str):
        return
    op = expr[0] if isinstance(expr, list) and expr else expr
    least, most = _ARITY.get(op, (1, 0)) if isinstance(op, str) else (1, 0)
    if not (depth and isinstance(expr, list) and least <= len(expr) - 1 <= most):
        raise Bad(f"公式写法不对：{_short(op)}", f"no expression: {_short(op)}")
    if op in ("num", "given", "is"):
        for arg in expr[1:]:
            _fit(arg, _NUMBER if op == "num" else _LINE, "formula")
        return
    for arg in expr[1:]:
        _sound(arg, depth - 1)
    if op == "round" and not (
        isinstance(expr[2], list)
        and expr[2][0] == "num"
        and re.fullmatch("[0-9]|1[0-5]", expr[2][1])
    ):
        raise Bad("公式写法不对：round 的小数位", "no expression: the decimals of round")


def evaluate(steps: list[Any], names: dict[str, Any]) -> dict[str, Any]:
    """The value of every step; names that are absent are missing. Raises :class:`Bad`."""
    values = dict(names)
    for name, expr in steps:
        if name in values:
            raise Bad(f"公式重复定义 {name}", f"the formula defines {name} twice")
        values[name] = _evaluated(expr, values)
    return {name: values[name] for name, _ in steps}


def _evaluated(expr: Any, values: dict[str, Any]) -> Any:
    if isinstance(expr, str):
        return values.get(expr)
    op = expr[0]
    if op == "num":
        return _number_of(expr[1])
    if op in ("given", "is"):
        found = values.get(expr[1])
        return found in expr[2:] if op == "is" else found is not None
    if op == "if":
        return _evaluated(expr[2] if _truth(expr[1], values) else expr[3], values)
    if op in ("and", "or", "not"):
        return _connected(op, expr[1:], values)
    return _computed(op, [_figure(arg, values) for arg in expr[1:]])


def _truth(expr: Any, values: dict[str, Any]) -> bool:
    found = _evaluated(expr, values)
    if found is not True and found is not False:
        raise Bad(f"公式中 {_short(expr)} 不是真假", f"{_short(expr)} is neither true nor false")
    return bool(found)


def _figure(expr: Any, values: dict[str, Any]) -> float:
    found = _evaluated(expr, values)
    if type(found) is not float or not math.isfinite(found):
        raise Bad(f"公式需要的数 {_short(expr)} 没有", f"the number {_short(expr)} is missing")
    return found


def _connected(op: str, args: list[Any], values: dict[str, Any]) -> bool:
    if op == "not":
        return not _truth(args[0], values)
    for arg in args:
        if _truth(arg, values) is (op == "or"):
            return op == "or"
    return op == "and"


def _rint(x: float) -> float:
    """To the nearest whole number, halves to even: what adding 2^52 does in binary64."""
    large = 4503599627370496.0
    return x if abs(x) >= large else math.copysign(abs(x) + large - large, x)


def _computed(op: str, numbers: list[float]) -> Any:
    a, b = numbers[0], numbers[-1]
    if op in ("lt", "le"):
        return a < b or (op == "le" and a == b)
    if op == "div" and b == 0:
        raise Bad("公式除以零", "the formula divides by zero")
    if op == "round":
        scale = float(10 ** int(b))
        found = _rint(a * scale) / scale
    else:
        found = _ARITHMETIC[op](a, b)
    if not math.isfinite(found):
        raise Bad("公式的结果不是有限数", "a result of the formula is not finite")
    return found


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "min": min,
    "max": max,
    "floor": lambda a, _: math.copysign(float(math.floor(a)), a),
    "ceil": lambda a, _: math.copysign(float(math.ceil(a)), a),
}


def _names(receipt: Receipt) -> dict[str, Any]:
    """What the formula may name: the row's inputs, its item type's cells, its factors."""
    names: dict[str, Any] = {}
    for name, value in receipt.row["in"].items():
        names[name] = _number_of(value) if name in _NUMBERS else value
    for column, cell in receipt.item["cells"].items():
        number = column.endswith("_kg") or column.startswith("ef_band")
        names["item." + column] = _number_of(cell) if number else cell or None
    for role, row in receipt.factors.items():
        if role in names or role + "?" in _FIELDS:
            raise Bad(f"因子名 {role} 与输入重名", f"the role {role} has the name of an input")
        names[role] = _number_of(row["cells"].get("value", ""))
        names[role + ".includes"] = row["cells"].get("includes") or None
    return names


def _number_of(text: str) -> float | None:
    if not text:
        return None
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise Bad(f"不是数：{_short(text)}", f"not a number: {_short(text)}")
    return float(text)


# --- the checks, in order ---------------------------------------------------------------------


class Key(NamedTuple):
    """A log's verifier key: its name, key id and public key (C2SP signed-note)."""

    name: str
    id: bytes
    public: bytes


def _key(text: str) -> Key:
    match = re.fullmatch(r"([^\s+]{1,200})\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)", text)
    data = _decoded(match[3]) if match else b""
    if not match or len(data) != 33 or data[0] != 1:  # noqa: PLR2004  a type byte and 32 more
        raise Bad(f"不是公钥：{_short(text)}", f"not a verifier key: {_short(text)}")
    if hashlib.sha256(match[1].encode() + b"\n" + data).hexdigest()[:8] != match[2]:
        raise Bad("公钥编号与公钥不符", "the key id is not that of the key")
    return Key(match[1], bytes.fromhex(match[2]), data[1:])


class Proof(NamedTuple):
    """The parts of a tlog-proof: the leaf's place and hashes, then those of the checkpoint."""

    place: int
    hashes: list[str]
    signed: str
    origin: str
    size: int
    root: str
    signatures: list[str]


def _proof(text: str) -> Proof:
    """Take a tlog-proof apart; raises :class:`Bad` for any other text."""
    parts = text.split("\n\n")
    head, body = parts[0].split("\n"), parts[1].split("\n") if len(parts) > 1 else []
    index = re.fullmatch("index (0|[1-9][0-9]{0,14})", head[1]) if len(head) > 1 else None
    sound = len(parts) == 3 and text.endswith("\n") and len(body) == 3  # noqa: PLR2004  three of each
    if not sound or not index or head[0] != "c2sp.org/tlog-proof@v1":
        raise Bad("不是 tlog-proof", "not a tlog-proof")
    if not re.fullmatch("[1-9][0-9]{0,14}", body[1]):
        raise Bad("检查点的大小不对", "the checkpoint has no size")
    for line in (*head[2:], body[2]):
        _fit(line, _BASE64_HASH, "proof")
    root = _decoded(body[2]).hex()
    return Proof(
        int(index[1]),
        head[2:],
        parts[1] + "\n",
        body[0],
        int(body[1]),
        root,
        parts[2][:-1].split("\n"),
    )


def _check_key(receipt: Receipt, pinned: str | None) -> Said:
    key = receipt.raw["key"]
    name = _key(key).name
    if pinned is None:
        return Said(
            f"公钥 {json.dumps(key)} 未固定：请与另处取得的公钥比对",
            f"the key {json.dumps(key)} is not pinned: compare it with one from elsewhere",
            warning=True,
        )
    if key != pinned:
        raise Bad("小票的公钥不是固定的公钥", "the receipt's key is not the pinned one")
    return Said(f"日志 {_short(name)} 的固定公钥", f"the pinned key of the log {_short(name)}")


def _check_checkpoint(receipt: Receipt, _: str | None) -> Said:
    key, proof = _key(receipt.raw["key"]), _proof(receipt.raw["proof"])
    if proof.origin != key.name:
        raise Bad("检查点不是这个日志的", "the checkpoint is of another log")
    own = []
    for line in proof.signatures:
        match = re.fullmatch("— ([^\\s+]{1,200}) ([A-Za-z0-9+/]+=*)", line)
        if not match:
            raise Bad("签名行写法不对", "a signature line is not one")
        data = _decoded(match[2])
        if match[1] == key.name and data[:4] == key.id:
            own.append(data[4:])
    if len(own) != 1 or not verify_ed25519(key.public, proof.signed.encode(), own[0]):
        raise Bad("检查点没有日志的有效签名", "the checkpoint lacks the log's good signature")
    others = len(proof.signatures) - 1
    return Said(
        f"签名有效；另有 {others} 行见证签名未核对" if others else "签名有效",
        f"signed by the log; {others} other signatures not checked" if others else "signed",
    )


def _check_log(receipt: Receipt, _: str | None) -> Said:
    proof = _proof(receipt.raw["proof"])
    _included(receipt.raw["leaf"], proof.place, proof.size, proof.hashes, proof.root, "leaf")
    return Said(
        f"叶 {proof.place} 在 {proof.size} 个叶的日志中",
        f"leaf {proof.place} is in the log of {proof.size} leaves",
    )


def _check_row(receipt: Receipt, _: str | None) -> Said:
    raw, leaf, row = receipt.raw, receipt.leaf, receipt.row
    if leaf["type"] == "submission":
        _included(raw["row"], raw["row_index"], leaf["rows"], raw["row_proof"], leaf["root"], "row")
    trial = leaf["demonstration"] or "as_of" in leaf or row["grade"] == "display"
    return Said(
        f"{row['in']['month']} 净减排 {row['er_g']} 克" + ("，仅供展示，不可签发" if trial else ""),
        f"er = {row['er_g']} g in {row['in']['month']}" + (", for display only" if trial else ""),
        warning=bool(trial),
    )


def _check_item(receipt: Receipt, _: str | None) -> Said:
    row = receipt.item
    _in_catalogue(receipt, receipt.raw["item"], "item")
    item_type = receipt.row["in"]["item_type"]
    if row["table"] != "items" or row["cells"].get("item_type") != item_type:
        raise Bad("物品行不是该物品类型的行", "the item row is not that of the item type")
    return Said(f"物品类型 {item_type} 在因子库中", f"item type {item_type} is in the catalogue")


def _in_catalogue(receipt: Receipt, own: dict[str, Any], what: str) -> None:
    leaf = receipt.leaf
    _included(
        own["row"], own["number"], leaf["catalogue_rows"], own["proof"], leaf["catalogue"], what
    )


def _check_factors(receipt: Receipt, _: str | None) -> Said:
    numbers = {role: own["number"] for role, own in receipt.raw["factors"].items()}
    if numbers != receipt.row["f"]:
        raise Bad("因子行号与该行所载不同", "the factor rows are not those the row names")
    told = []
    for role, row in receipt.factors.items():
        _in_catalogue(receipt, receipt.raw["factors"][role], role)
        _check_factor(receipt, role, row)
        named = _short(row["table"] + "/" + row["cells"]["key"])
        told.append(f"{role} = {_number_of(row['cells']['value'])} {named}")
    grades = {row["cells"]["grade"] for row in receipt.factors.values()}
    if receipt.row["grade"] != ("display" if grades - {"creditable"} else "creditable"):
        raise Bad("等级与所用因子不符", "the grade is not that of the factors used")
    return Said(
        f"{len(told)} 个因子：" + "；".join(told), f"{len(told)} factors: " + "; ".join(told)
    )


def _named_for(receipt: Receipt, role: str) -> re.Pattern[str]:
    """The table and key that a role's row must have: the formula's template, filled from the row.

    A delivery to the door has a class by weight, which stays open here.
    """
    template = receipt.formula["roles"].get(role)
    if template is None:
        raise Bad(f"公式没有因子 {_short(role)}", f"the formula has no factor {_short(role)}")
    words = {name: word for name, word in receipt.row["in"].items() if isinstance(word, str)}
    words["displacement_class"] = receipt.item["cells"].get("displacement_class", "")
    words["condition"] = words.get("condition", "fair")
    words["transport"] = words.get("transport_mode", "")
    door = words["transport"] == "home_delivery"
    parts = re.split(r"{(\w+)}", template)
    for place in range(1, len(parts), 2):
        by_class = door and parts[place] == "transport"
        parts[place] = re.escape(words.get(parts[place], "")) + (r"_\w+" if by_class else "")
    parts[::2] = [re.escape(part) for part in parts[::2]]
    return re.compile("".join(parts))


def _check_factor(receipt: Receipt, role: str, row: dict[str, Any]) -> None:
    """Whether a factor row is the one of its role, and could hold in the record's month."""
    cells = row["cells"]
    lacking = {"key", "effective", "until", "carry", "value", "grade"} - cells.keys()
    if lacking or row["table"] in ("items", "categories", "sources", "evidence"):
        raise Bad(f"{role} 不是因子行", f"{role} is no factor row")
    if not _named_for(receipt, role).fullmatch(f"{row['table']}/{cells['key']}"):
        named = _short(f"{row['table']}/{cells['key']}")
        raise Bad(f"{named} 不是因子 {role} 的行", f"{named} is no row for the factor {role}")
    month = receipt.row["in"]["month"]
    first = receipt.leaf.get("as_of", month + "-01")
    last = receipt.leaf.get("as_of", month + "-31")
    _fit(cells["effective"], _DAY, role)
    if cells["effective"] > last:
        raise Bad(f"因子 {role} 当时尚未生效", f"the factor {role} was not in force yet")
    if cells["until"] and cells["carry"] != "yes" and cells["until"] < first:
        raise Bad(f"因子 {role} 当时已失效", f"the factor {role} had ended")


def _check_formula(receipt: Receipt, _: str | None) -> Said:
    """SHA-256 of the formula's text without the newline that ends its published file."""
    digest = hashlib.sha256(receipt.raw["formula"].encode()).hexdigest()
    if digest != receipt.leaf["formula"]:
        raise Bad("公式不是叶所载的公式", "the formula is not the one the leaf names")
    name = receipt.formula["methodology"]
    if name != receipt.leaf["methodology"]:
        raise Bad("公式是另一方法学的", "the formula is of another methodology")
    return Said(f"{name} 的公式 {digest[:16]}", f"formula of {name}, {digest[:16]}")


def _check_recomputation(receipt: Receipt, _: str | None) -> Said:
    values = evaluate(receipt.formula["steps"], _names(receipt))
    for name in _FIGURES:
        found = values.get(name)
        if type(found) is not float or str(int(found)) != receipt.row[name]:
            told = "?" if type(found) is not float else str(int(found))
            raise Bad(
                f"{name} 算得 {told}，该行写的是 {receipt.row[name]}",
                f"{name} comes to {told}, the row says {receipt.row[name]}",
            )
    told = ", ".join(f"{name} {receipt.row[name]}" for name in _FIGURES)
    return Said(f"逐位相同：{told}", f"the same to the last digit: {told}")


def _check_steps(receipt: Receipt, _: str | None) -> Said:
    values = evaluate(receipt.formula["steps"], _names(receipt))
    own = {name: repr(value) for name, value in values.items() if type(value) is float}
    shown = receipt.raw["steps"]
    for name in sorted(own.keys() | shown.keys()):
        if own.get(name) != shown.get(name):
            raise Bad(
                f"步骤 {name} 算得 {own.get(name)}，小票写的是 {_short(shown.get(name))}",
                f"step {name} comes to {own.get(name)}, the receipt says {_short(shown.get(name))}",
            )
    return Said(f"{len(own)} 个步骤相同", f"{len(own)} steps are the same")


def _check_private(receipt: Receipt, _: str | None) -> Said:
    private = receipt.raw.get("private", {})
    for name, own in private.items():
        data = bytes.fromhex(own["salt"]) + own["value"].encode()
        if _digest(receipt.leaf["digest"], data) != receipt.row.get(name):
            raise Bad(f"{name} 与该行的摘要不符", f"{name} is not what the row's digest is of")
    hidden = [name for name in _PRIVATE if name in receipt.row and name not in private]
    return Said(
        f"{len(private)} 项与摘要相符，{len(hidden)} 项未附",
        f"{len(private)} values match their digests, {len(hidden)} not enclosed",
    )


#: The checks after the form, in order, with their Chinese names.
CHECKS: tuple[tuple[str, Callable[[Receipt, str | None], Said]], ...] = (
    ("key", _check_key),
    ("checkpoint", _check_checkpoint),
    ("log", _check_log),
    ("row", _check_row),
    ("item", _check_item),
    ("factors", _check_factors),
    ("formula", _check_formula),
    ("recomputation", _check_recomputation),
    ("steps", _check_steps),
    ("private", _check_private),
)
TITLES = {
    "form": "形式",
    "key": "公钥",
    "checkpoint": "检查点",
    "log": "日志证明",
    "row": "该行",
    "item": "物品类型",
    "factors": "因子",
    "formula": "公式",
    "recomputation": "重算",
    "steps": "步骤",
    "private": "私有值",
}


def check(receipt_bytes: bytes, pinned: str | None = None) -> list[Check]:
    """Check a receipt; ``pinned`` is the verifier key its log is known by.

    The list ends after the form where that is not sound: nothing else could be trusted. Never
    raises for what a receipt may hold.
    """
    try:
        receipt = _read(receipt_bytes)
    except Bad as bad:
        return [Check("form", ok=False, zh=bad.zh, en=bad.en)]
    found = [Check("form", ok=True, zh="规范形式", en="canonical form")]
    for name, own in CHECKS:
        try:
            said = own(receipt, pinned)
            found.append(Check(name, True, said.zh, said.en, said.warning))
        except Bad as bad:
            found.append(Check(name, ok=False, zh=bad.zh, en=bad.en))
    return found


def _pinned_beside() -> str | None:
    """The log folder's own key, where this file lies in its folder ``tools``."""
    path = Path(__file__).resolve().parent.parent / "log.vkey"
    return path.read_text("utf-8").strip() if path.is_file() else None


def _print(checks: list[Check], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([own._asdict() for own in checks]))
        return
    for own in checks:
        mark = "注意 note  " if own.warning else "通过 ok    " if own.ok else "失败 FAILED"
        print(f"{mark}  {TITLES[own.name]} {own.name}: {own.zh} · {own.en}")
    failed = [own.name for own in checks if not own.ok]
    names = ", ".join(failed)
    print(f"未通过 failed: {names}" if failed else "全部通过 all checks passed")


def main(arguments: list[str] | None = None) -> int:
    """Run as a command; returns the exit code."""
    parser = argparse.ArgumentParser(description="可复算小票的离线核对 · Check a receipt offline.")
    parser.add_argument("receipt", type=Path, help="小票文件 · the receipt")
    parser.add_argument("--key", metavar="VKEY", help="固定的日志公钥 · the log's key, pinned")
    parser.add_argument("--json", action="store_true", help="输出 JSON · print JSON")
    for stream in (sys.stdout, sys.stderr):
        # A console without Chinese still gets every line.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a TextIOWrapper
    chosen = parser.parse_args(arguments)
    try:
        pinned = chosen.key or _pinned_beside()
        with chosen.receipt.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        print(f"读不了 cannot read: {_short(str(error))}", file=sys.stderr)
        return 2
    checks = check(data, pinned)
    _print(checks, as_json=chosen.json)
    return 0 if all(own.ok for own in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
