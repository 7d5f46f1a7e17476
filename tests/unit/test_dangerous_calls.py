"""What our source never does, or does in few places that are named here (ASVS V1, V11, V13)."""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import Iterator
from functools import cache

import pytest

from carbon.adapters.json_log import JsonLines
from carbon.adapters.proofs import Passwords
from carbon.adapters.vault import seals, unsealed
from carbon.domain.access import MIN_PASSWORD
from carbon.domain.errors import CarbonError
from conftest import ROOT

SOURCE = ROOT / "src" / "carbon"
#: Modules of ours that may import one of these, below ``src/carbon``.
IMPORTS = {
    "pickle": {"audit/terms.py", "files/row_slices.py"},  # this program's own bytes
    "subprocess": {
        "adapters/store/backup.py",  # pg_dump and pg_restore, in a list of words
        "adapters/tabular/apart.py",  # this program again, under limits
    },
    "random": {"services/attempts.py", "adapters/store/ledger.py"},  # how long to wait
    "httpx": {"client.py", "adapters/oidc.py", "adapters/request_key.py"},
    "urllib.request": {"files/log_folder.py"},  # the auditor's
    "xml": set(),
    "lxml": set(),
    "marshal": set(),
    "shelve": set(),
    "socket": {"bootstrap/jobs.py"},  # the name of this machine
    "smtplib": set(),
    "logging.handlers": set(),  # logs go to standard error
    "syslog": set(),
    "ldap3": set(),
    "ctypes": set(),
}
#: Calls that run text, or turn text into markup unescaped.
CALLS = {"eval", "exec", "__import__", "os.system", "os.popen", "from_string", "Markup"}


@cache
def trees() -> dict[str, ast.Module]:
    return {
        path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text("utf-8"))
        for path in SOURCE.rglob("*.py")
    }


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def called(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            yield name if name.startswith("os.") else name.rpartition(".")[2], node


@pytest.mark.parametrize("module", IMPORTS)
def test_dangerous_modules_are_imported_where_they_are_named(module):
    found = {
        path
        for path, tree in trees().items()
        if any(name == module or name.startswith(module + ".") for name in imported(tree))
    }
    assert found <= IMPORTS[module]


def test_no_text_is_run_as_a_program():
    found = [(path, name) for path, tree in trees().items() for name, _ in called(tree)]
    assert [(path, name) for path, name in found if name in CALLS] == []
    assert ("adapters/store/backup.py", "run") in found, "the search finds calls at all"


@pytest.mark.parametrize(
    "weakened", ["shell=True", "verify=False", "follow_redirects=True", "autoescape=False"]
)
def test_no_call_weakens_what_it_calls(weakened):
    """No shell, no certificate left unchecked, no redirect followed, no text taken for markup."""
    found = [
        path
        for path, tree in trees().items()
        for _, call in called(tree)
        if any(ast.unparse(given) == weakened for given in call.keywords)
    ]
    assert found == []


#: Modules that put names of our own tables, roles and files into statements; values are parameters.
STATEMENTS = {
    "adapters/store/database.py",  # a snapshot's name, a pragma's number
}


def test_no_statement_is_made_of_values():
    """What is put together before the call is for the linter to see (ruff S608)."""
    found = {
        path
        for path, tree in trees().items()
        for name, call in called(tree)
        if name in {"text", "exec_driver_sql"} and call.args
        for part in ast.walk(call.args[0])
        if isinstance(part, ast.JoinedStr | ast.BinOp)
        or (isinstance(part, ast.Attribute) and part.attr == "format")
    }
    assert found <= STATEMENTS


def test_pages_escape_what_they_are_given():
    """No template switches escaping off, and none is made of text."""
    templates = [*SOURCE.rglob("*.html"), *SOURCE.rglob("*.j2")]
    assert templates
    for path in templates:
        text = path.read_text("utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape", text), path


def test_pages_use_no_plugin():
    for path in [*SOURCE.rglob("*.html"), *SOURCE.rglob("*.j2")]:
        assert not re.search(r"<(object|embed|applet|iframe)\b", path.read_text("utf-8")), path


def test_no_broken_algorithm_is_named():
    """SHA-1 is left to the libraries of one-time passwords, as RFC 6238 has it (HMAC)."""
    names = re.compile(r"\b(md4|md5|sha1|des3?|rc4|ecb|cbc|pkcs1v15|none)\b", re.IGNORECASE)
    for path, tree in trees().items():
        for name, call in called(tree):
            if name in {"new", "digest", "hash", "decode", "encode", "Cipher"}:
                texts = [a.value for a in ast.walk(call) if isinstance(a, ast.Constant)]
                assert not any(names.fullmatch(t) for t in texts if isinstance(t, str)), path
        assert not any(
            n.startswith("cryptography.hazmat.primitives.ciphers.") and ".aead" not in n
            for n in imported(tree)
        ), path


def test_our_scripts_write_no_markup_and_keep_nothing():
    """P7; nothing is sent between windows, and nothing is made into markup or code."""
    words = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function"
    kept = r"localStorage|sessionStorage|postMessage|document\.cookie|__proto__"
    scripts = [p for p in SOURCE.rglob("*.js") if "vendor" not in p.parts]
    assert scripts
    for path in scripts:
        assert not re.search(f"{words}|{kept}", path.read_text("utf-8")), path


@pytest.mark.parametrize("place", [0, 11, 12, 20, -1])
def test_a_changed_seal_opens_nothing(place):
    (seal,) = seals([b"k" * 32], [b"fact"], [b"13800138000"])
    assert unsealed(b"k" * 32, b"fact", seal) == b"13800138000"
    changed = bytearray(seal)
    changed[place] ^= 1
    for key, fact, value in (
        (b"k" * 32, b"fact", bytes(changed)),
        (b"k" * 32, b"another", seal),
        (b"K" * 32, b"fact", seal),
    ):
        with pytest.raises(CarbonError, match=re.escape("key.wrong")):
            unsealed(key, fact, value)


def test_passwords_are_hashed_slowly():
    assert Passwords().hash("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_log_line_is_one_line_with_its_moment():
    """A line break in a message is no second entry; the moment says its zone."""
    record = logging.LogRecord("carbon", logging.INFO, "", 0, 'a\n{"level": "forged"}', None, None)
    line = JsonLines().format(record)
    assert "\n" not in line
    assert re.search(r"T\d\d:\d\d:\d\d[+-]\d{4}$", json.loads(line)["at"])


def test_what_installs_is_named_with_its_digest():
    """Every package with its version and digests, those of others' scripts included."""
    for name in ("run", "dev", "setup"):
        lines = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").splitlines()
        pins = [line for line in lines if line and not line.startswith((" ", "#", "-"))]
        assert pins
        assert all("==" in line and line.rstrip().endswith("\\") for line in pins), name
    packages = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    assert all("integrity" in entry for path, entry in packages.items() if path)


def test_the_common_passwords_are_three_thousand_that_could_be_chosen():
    words = (SOURCE / "adapters" / "common_passwords.txt").read_text("utf-8").split()
    assert len(set(words)) >= 3_000
    assert all(len(word) >= MIN_PASSWORD for word in words)
