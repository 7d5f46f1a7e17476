"""The offline checker: good receipts pass, every changed byte is refused, nothing crashes it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon.domain.factors.table import RawTable
from carbon.domain.period import day_number
from carbon.domain.quantification.engine import Conditions, Engine
from carbon.domain.quantification.methodologies import METHODOLOGIES, methodology_named
from carbon.domain.quantification.published import formula_bytes
from carbon.files import check_receipt
from carbon.files.check_receipt import (
    Bad,
    check,
    evaluate,
    inclusion_root,
    main,
    sm3,
    verify_ed25519,
)
from carbon.files.factor_folder import read_tables
from conftest import FACTORS, PHONE, TODAY
from property.test_quantification import batch_of
from published_rows import Published
from receipts import LOG, Desk, Log, b64, canonical, encode, path, root

SCRIPT = Path(check_receipt.__file__)
PUBLISHED = Published(read_tables(FACTORS))
CLOTHES = {**PHONE, "act": "donation", "item_type": "clothing_kg", "quantity": "", "mass_kg": "4.5"} | {
    "age_years": "", "process": "none", "transport_mode": "collection", "destination": "reuse", "item_id": "",
}  # fmt: skip
NAMES = [
    "form",
    "key",
    "checkpoint",
    "log",
    "row",
    "item",
    "factors",
    "formula",
    "recomputation",
    "steps",
    "private",
]


def desk(size: int = 1, digest: str = "sha256", *, demonstration=False) -> Desk:
    rows = [PHONE, CLOTHES, {**PHONE, "age_years": "0.3", "transport_mode": "hand"}]
    rows = [{**rows[n % 3], "record_id": f"r{n}", "price_fen": str(n)} for n in range(size)]
    conditions = Conditions(day_number(TODAY), demonstration)
    engine = Engine(PUBLISHED.catalogue, methodology_named("HD-REUSE", TODAY), conditions)
    return Desk(PUBLISHED, engine, batch_of(rows), digest)


DESK = desk(7)


def failed(receipt: dict | bytes, pinned: str | None = LOG.vkey) -> list[str]:
    data = receipt if isinstance(receipt, bytes) else encode(receipt)
    checks = check(data, pinned)
    assert all(c.zh and c.en for c in checks)
    assert [c.name for c in checks] == NAMES[: len(checks)]
    return [c.name for c in checks if not c.ok]


# --- good receipts ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["record", "correction", "submission"])
@pytest.mark.parametrize("n", range(3))
def test_a_good_receipt_passes(kind, n):
    assert failed(DESK.receipt(kind, n)) == []


@pytest.mark.parametrize(
    ("size", "places"), [(1, [0]), (2, [0, 1]), (7, range(7)), (300, [0, 1, 255, 256, 299])]
)
def test_a_row_of_a_submission_of_any_size(size, places):
    own = desk(size)
    for n in places:
        assert failed(own.receipt("submission", n)) == []


@pytest.mark.parametrize("others", [0, 1, 2, 6, 99])
def test_a_log_of_any_size(others):
    receipt = DESK.receipt()
    assert failed(receipt | {"proof": LOG.proof(receipt["leaf"], others)}) == []


def test_digests_in_sm3():
    assert failed(desk(1, "sm3").receipt()) == []


def test_private_values_may_be_erased():
    receipt = DESK.receipt()
    for private in ({}, {"rest": receipt["private"]["rest"]}):
        checks = check(encode(receipt | {"private": private}), LOG.vkey)
        assert all(c.ok for c in checks)
        assert f"{3 - len(private)} not enclosed" in checks[-1].en
    del receipt["private"]
    assert failed(receipt) == []


def test_as_of_and_a_demonstration_are_told():
    demonstration = desk(demonstration=True)
    assert [c.name for c in check(encode(demonstration.receipt()), LOG.vkey) if c.warning] == [
        "row"
    ]
    tried = DESK.receipt(as_of="2026-01-01")
    assert [c.name for c in check(encode(tried), LOG.vkey) if c.warning] == ["row"]
    assert failed(DESK.receipt(as_of="2025-12-31")) == ["factors"]


def test_a_key_that_is_not_pinned_is_a_warning():
    checks = check(encode(DESK.receipt()))
    assert [(c.name, c.ok) for c in checks if c.warning] == [("key", True)]


def test_a_cosignature_does_not_disturb():
    receipt = DESK.receipt()
    receipt["proof"] += f"— witness.example/w {b64(bytes(76))}\n"
    (checkpoint,) = [c for c in check(encode(receipt)) if c.name == "checkpoint"]
    assert checkpoint.ok
    assert "1 other" in checkpoint.en


@pytest.mark.parametrize("methodology", [v[-1] for v in METHODOLOGIES.values()], ids=lambda m: m.id)
def test_both_evaluators_read_every_formula(methodology):
    formula = json.loads(formula_bytes(methodology))
    for step in formula["steps"]:
        check_receipt._sound_step(step)


# --- forged receipts --------------------------------------------------------------------------


def test_another_log_is_refused():
    other = Log("hedong.example/log", seed=2)
    receipt = DESK.receipt(log=other)
    assert failed(receipt) == ["key"]
    assert failed(receipt, other.vkey) == []
    assert failed(receipt | {"key": LOG.vkey}) == ["checkpoint"]
    named = Log("other.example/log")
    assert failed(DESK.receipt(log=named) | {"key": LOG.vkey}) == ["checkpoint"]


def signed_twice(receipt):
    line = receipt["proof"].splitlines()[-1]
    receipt["proof"] += line + "\n"


def unsigned(receipt):
    lines = receipt["proof"].splitlines()
    lines[-1] = f"— witness.example/w {b64(bytes(76))}"
    receipt["proof"] = "\n".join(lines) + "\n"


def other_item(receipt):
    receipt["item"] = DESK._proven(PUBLISHED.item_number("jeans"))


def category_as_item(receipt):
    receipt["item"] = DESK._proven(0)


def other_factor(receipt):
    receipt["factors"]["ef"] = DESK._proven(receipt["factors"]["ef"]["number"] + 1)


def factor_left_out(receipt):
    del receipt["factors"]["packing"]


def factor_added(receipt):
    receipt["factors"]["more"] = receipt["factors"]["ef"]


def other_formula(receipt):
    receipt["formula"] = receipt["formula"].replace('["num","30"]', '["num","31"]')


def step_left_out(receipt):
    del receipt["steps"]["pieces"]


def step_added(receipt):
    receipt["steps"]["more"] = "1.0"


def step_respelt(receipt):
    receipt["steps"]["pieces"] = "1"


def private_of_another(receipt):
    receipt["private"] = DESK.private[1]


FORGERIES = {
    signed_twice: ["checkpoint"],
    unsigned: ["checkpoint"],
    other_item: ["item", "factors"],
    category_as_item: ["item", "factors"],
    other_factor: ["factors", "recomputation", "steps"],
    factor_left_out: ["factors", "recomputation", "steps"],
    factor_added: ["factors"],
    other_formula: ["formula"],
    step_left_out: ["steps"],
    step_added: ["steps"],
    step_respelt: ["steps"],
    private_of_another: ["private"],
}


@pytest.mark.parametrize(
    ("forge", "names"), FORGERIES.items(), ids=lambda x: getattr(x, "__name__", "")
)
def test_a_forgery_names_its_check(forge, names):
    receipt = DESK.receipt()
    forge(receipt)
    assert failed(receipt) == names


def logged(row: dict, **change) -> dict:
    """A receipt whose log is in on it: a row of one's own, properly signed."""
    receipt = DESK.receipt()
    leaf = json.loads(receipt["leaf"])
    leaf = {**leaf, "row": {**leaf["row"], **row}, **change}
    text = canonical(leaf)
    return receipt | {"leaf": text, "proof": LOG.proof(text)}


GOOD_ROW = json.loads(DESK.receipt()["leaf"])["row"]


#: The production row of another item type.
ROW_OF_JEANS = next(
    number
    for number, leaf in enumerate(PUBLISHED.catalogue.leaves)
    if b'"key":"jeans"' in leaf and b'"table":"production"' in leaf
)


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"er_g": "9249"}, ["recomputation"]),
        ({"be_g": "1"}, ["recomputation"]),
        ({"grade": "display"}, ["factors"]),
        ({"in": GOOD_ROW["in"] | {"age_years": "1.0"}}, ["recomputation", "steps"]),
        ({"in": GOOD_ROW["in"] | {"allowance": "0.1"}}, ["recomputation", "steps"]),
        ({"in": GOOD_ROW["in"] | {"item_type": "jeans"}}, ["item", "factors"]),
        # A sound row of the catalogue, in force and creditable, but not the one of its role.
        ({"f": GOOD_ROW["f"] | {"ef": ROW_OF_JEANS}}, ["factors"]),
        ({"in": GOOD_ROW["in"] | {"month": "2025-12"}}, ["factors"]),
        ({"f": GOOD_ROW["f"] | {"ef": 1}}, ["factors"]),
        ({"giver": "00" * 32}, ["private"]),
    ],
    ids=str,
)
def test_a_log_that_signs_a_false_row_is_caught(row, names):
    assert failed(logged(row)) == names


def test_a_factor_that_had_ended():
    receipt = DESK.receipt()
    tree = [canonical({"cells": dict(raw), "table": t}).encode() for t, raw in PUBLISHED.tree]
    number = receipt["factors"]["ef"]["number"]
    ended = json.loads(tree[number])
    for carry, until, names in (
        ("no", "2026-09-30", ["factors"]),
        ("yes", "2026-09-30", []),
        ("no", "2026-10-01", []),
    ):
        ended["cells"] |= {"carry": carry, "until": until}
        tree[number] = canonical(ended).encode()
        changed = logged({}, catalogue=root(tree).hex())
        changed["item"] = {
            **receipt["item"],
            "proof": [b64(h) for h in path(receipt["item"]["number"], tree)],
        }
        changed["factors"] = {
            role: {
                "number": (k := own["number"]),
                "row": tree[k].decode(),
                "proof": [b64(h) for h in path(k, tree)],
            }
            for role, own in receipt["factors"].items()
        }
        assert failed(changed) == names


# --- every byte -------------------------------------------------------------------------------


def small() -> bytes:
    """A receipt of MASS-METRIC over a catalogue of four rows: short enough to try every byte."""
    policy = PUBLISHED.tree[[t for t, _ in PUBLISHED.tree].index("policy")][1]
    tables = read_tables(FACTORS)
    metric = {
        **policy,
        "key": "clothing_kg",
        "unit": "kgCO2e/kg",
        "evidence": "",
        "note": "",
        "clause": "",
    }
    keep = {
        name: RawTable(
            name, tables[name].header, tuple(r for r in tables[name].rows if wanted(r[1]))
        )
        for name, wanted in {
            "categories": lambda raw: raw["category"] == "clothing",
            "items": lambda raw: raw["item_type"] == "clothing_kg",
            "sources": lambda raw: raw["source"] == policy["source"],
        }.items()
    }
    published = Published(
        keep | {"mass_metric": RawTable("mass_metric", tables["policy"].header, ((2, metric),))}
    )
    conditions = Conditions(day_number(TODAY))
    engine = Engine(published.catalogue, methodology_named("MASS-METRIC", TODAY), conditions)
    from property import test_quantification as own

    words, own.WORDS = own.WORDS, check_words(published)
    try:
        batch = batch_of([CLOTHES, CLOTHES | {"record_id": "r2"}])
    finally:
        own.WORDS = words
    return encode(Desk(published, engine, batch).receipt("submission", 1))


def check_words(published):
    from carbon.domain.activity.record import vocabularies

    return vocabularies(published.catalogue)


@pytest.fixture
def quick(monkeypatch):
    """Signatures are remembered: the same bytes have the same answer."""
    monkeypatch.setattr(check_receipt, "verify_ed25519", lru_cache(100_000)(verify_ed25519))


@pytest.mark.usefixtures("quick")
def test_changing_any_byte_is_refused():
    data = small()
    assert failed(data, None) == []
    for place, old in enumerate(data):
        for new in {old ^ 1, old ^ 0x20, ord("0"), ord("z"), 0xFF} - {old}:
            changed = data[:place] + bytes([new]) + data[place + 1 :]
            assert failed(changed, None), (place, new)


@pytest.mark.usefixtures("quick")
def test_dropping_or_doubling_any_byte_is_refused():
    data = small()
    for place in range(len(data)):
        assert failed(data[:place] + data[place + 1 :], None), place
        assert failed(data[: place + 1] + data[place:], None), place


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", ["record", "submission", "correction"])
def test_changing_bytes_of_a_full_receipt_is_refused(kind):
    data = encode(DESK.receipt(kind, 1))
    for place in range(0, len(data), 29):
        assert failed(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]), place


# --- hostile receipts -------------------------------------------------------------------------

GOOD = DESK.receipt()


def with_leaf(**change) -> bytes:
    return encode(GOOD | {"leaf": canonical(json.loads(GOOD["leaf"]) | change)})


def with_formula(*steps) -> bytes:
    return encode(GOOD | {"formula": canonical({"methodology": "HD-REUSE v1", "steps": steps})})


DEEP = "x"
for _ in range(500):
    DEEP = ["not", DEEP]

HOSTILE = {
    "nothing": b"",
    "a newline": b"\n",
    "not UTF-8": b"\xff\xfe\n",
    "a byte order mark": b"\xef\xbb\xbf" + encode(GOOD),
    "zeros": bytes(1000),
    "a number": b"1\n",
    "null": b"null\n",
    "a list": b"[]\n",
    "deep lists": b"[" * 100_000 + b"]" * 100_000 + b"\n",
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n",
    **{f"{n} lists": b'{"leaf":' + b"[" * n + b"]" * n + b"}\n" for n in (50, 400, 800, 900, 950, 980, 990, 1_000)},
    **{f"{n} lists in the leaf": encode(GOOD | {"leaf": '{"row":' + "[" * n + "]" * n + ',"type":"record"}'}) for n in (50, 800, 950, 990)},
    "unclosed": b"[" * 1_000_000,
    "NaN": b'{"receipt":NaN}\n',
    "infinity": b'{"receipt":-Infinity}\n',
    "a float": b'{"receipt":1e999}\n',
    "a huge integer": b'{"receipt":' + b"9" * 100_000 + b"}\n",
    "a lone surrogate": b'{"receipt":"\\ud800"}\n',
    "a member twice": encode(GOOD)[:-2] + b',"receipt":"1"}\n',
    "more members": encode(GOOD | {"more": 1}),
    "fewer members": encode({n: v for n, v in GOOD.items() if n != "key"}),
    "blanks": json.dumps(GOOD, sort_keys=True, ensure_ascii=False).encode() + b"\n",
    "no newline": encode(GOOD)[:-1],
    "11 MB": b'"' + b"x" * 11_000_000 + b'"\n',
    "leaf a number": encode(GOOD | {"leaf": 1}),
    "leaf a list": encode(GOOD | {"leaf": "[]"}),
    "deep leaf": encode(GOOD | {"leaf": "[" * 50_000}),
    "leaf of another kind": with_leaf(type="catalogue"),
    "leaf type a list": with_leaf(type=[]),
    "withdrawn": encode(GOOD | {"leaf": '{"reason":"","replaces":"ab","type":"correction"}'}),
    "rows negative": with_leaf(catalogue_rows=-1),
    "rows true": with_leaf(catalogue_rows=True),
    "rows 2^60": with_leaf(catalogue_rows=2**60),
    "digest md5": with_leaf(digest="md5"),
    "role named as an input": with_leaf(row=GOOD_ROW | {"f": {"quantity": 1}}),
    "in a list": with_leaf(row=GOOD_ROW | {"in": []}),
    "quantity 1e999": with_leaf(row=GOOD_ROW | {"in": GOOD_ROW["in"] | {"quantity": "1e999"}}),
    "proof empty": encode(GOOD | {"proof": ""}),
    "proof without checkpoint": encode(GOOD | {"proof": "c2sp.org/tlog-proof@v1\nindex 0\n\n"}),
    "index huge": encode(GOOD | {"proof": GOOD["proof"].replace("index 2", "index " + "9" * 5000)}),
    "index out of the tree": encode(GOOD | {"proof": GOOD["proof"].replace("index 2", "index 900")}),
    "size huge": encode(GOOD | {"proof": GOOD["proof"].replace("\n5\n", "\n" + "9" * 5000 + "\n")}),
    "key empty": encode(GOOD | {"key": ""}),
    "key of zeros": encode(GOOD | {"key": f"x+00000000+{b64(bytes(33))}"}),
    "proofs of 100,000 hashes": encode(GOOD | {"item": GOOD["item"] | {"proof": [b64(bytes(32))] * 100_000}}),
    "item a text": encode(GOOD | {"item": "x"}),
    "factors a list": encode(GOOD | {"factors": []}),
    "steps numbers": encode(GOOD | {"steps": {"q": 1}}),
    "salt short": encode(GOOD | {"private": {"giver": {"salt": "00", "value": ""}}}),
    "formula deep": with_formula(["be", DEEP]),
    "formula unknown": with_formula(["be", ["pow", "q", "q"]]),
    "formula op a list": with_formula(["be", [["add"], "q", "q"]]),
    "formula round": with_formula(["be", ["round", "quantity", "quantity"]]),
    "formula round far": with_formula(["be", ["round", "quantity", ["num", "99999999999"]]]),
    "formula zero": with_formula(["be", ["div", "quantity", ["num", "0"]]]),
    "formula overflow": with_formula(["be", ["mul", ["num", "1e300"], ["num", "1e300"]]]),
    "formula figure infinite": with_formula(["be_g", ["num", "1e999"]]),
    "formula null": with_formula(["be", None]),
    "escape sequences": encode(GOOD | {"\x1b[2J": "\u202e", "key": "\x1b[2J+00000000+AA=="}),
    "formula words": with_formula(["be", ["add", "act", "act"]]),
    "formula twice": with_formula(["be", "q"], ["be", "q"]),
    "formula truth": with_formula(["be", ["if", "quantity", "q", "q"]], ["q", ["and", "quantity", "item"]]),
    "formula empty": with_formula([]),
    "formula step no list": with_formula("be"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_receipts_end_in_a_named_check(name, tmp_path, capsys):
    file = tmp_path / "receipt.json"
    file.write_bytes(HOSTILE[name])
    assert main([str(file), "--key", LOG.vkey]) == 1
    said = capsys.readouterr()
    assert "FAILED" in said.out
    assert said.err == ""
    assert all(len(line) < 2_000 for line in said.out.splitlines())
    assert "\x1b" not in said.out


def places(value, at=()):
    yield at
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, own in inner:
        yield from places(own, (*at, name))


def put(value, at, new):
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = put(value[at[0]], at[1:], new)
    return copy


ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=5),
        st.sampled_from(["0", "-1", "q", "1e308"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["row", "f", "add"]), inner)
    ),
    max_leaves=5,
)
TEXTS = {"leaf": json.loads(GOOD["leaf"]), "formula": json.loads(GOOD["formula"])}


@pytest.mark.usefixtures("quick")
@settings(max_examples=300, database=None)
@given(st.data())
def test_no_receipt_raises(data):
    """Any part of a receipt, its leaf or its formula replaced by anything at all."""
    target = data.draw(st.sampled_from(["receipt", "leaf", "formula"]))
    whole = TEXTS.get(target, GOOD)
    changed = put(whole, data.draw(st.sampled_from(list(places(whole)))), data.draw(ANYTHING))
    receipt = changed if target == "receipt" else GOOD | {target: canonical(changed)}
    try:
        encoded = encode(receipt)
    except UnicodeEncodeError:
        return
    if changed != whole:
        names = failed(encoded)
        assert names or target == "receipt"  # an erased private value is no fault


# --- as a command -----------------------------------------------------------------------------


def command(script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    start = [sys.executable, "-I", "-S", str(script), *map(str, arguments)]
    return subprocess.run(start, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with nothing but the script in `tools`, and a good receipt."""
    (tmp_path / "log" / "tools").mkdir(parents=True)
    shutil.copy(SCRIPT, tmp_path / "log" / "tools" / "check_receipt.py")
    (tmp_path / "r.json").write_bytes(encode(GOOD))
    return tmp_path


def test_alone_in_a_folder(folder):
    script = folder / "log" / "tools" / "check_receipt.py"
    found = command(script, folder / "r.json")
    assert (found.returncode, found.stderr) == (0, "")
    assert "not pinned" in found.stdout
    assert "all checks passed" in found.stdout
    (folder / "log" / "log.vkey").write_text(LOG.vkey + "\n")
    found = command(script, folder / "r.json")
    assert found.returncode == 0
    assert "note" not in found.stdout
    assert command(script, folder / "r.json", "--key", Log(seed=3).vkey).returncode == 1


def test_as_json(folder):
    found = command(folder / "log" / "tools" / "check_receipt.py", folder / "r.json", "--json")
    checks = json.loads(found.stdout)
    assert [c["name"] for c in checks] == NAMES
    assert all(c["ok"] for c in checks)


def test_wrong_calls(folder):
    script = folder / "log" / "tools" / "check_receipt.py"
    for arguments in ([], [folder / "none.json"], [folder], [folder / "r.json", "--more"]):
        found = command(script, *arguments)
        assert found.returncode == 2
        assert "Traceback" not in found.stderr


def test_a_console_without_chinese(folder, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    script = folder / "log" / "tools" / "check_receipt.py"
    start = [sys.executable, str(script), str(folder / "r.json")]
    assert subprocess.run(start, capture_output=True, check=False).returncode == 0


def test_it_imports_the_standard_library_only():
    lines = SCRIPT.read_text("utf-8").splitlines()
    imported = {ln.split()[1].split(".")[0] for ln in lines if ln.startswith(("import ", "from "))}
    assert imported <= set(sys.stdlib_module_names)


# --- its own cryptography ---------------------------------------------------------------------

#: RFC 8032, 7.1: TEST 1, 2, 3 and SHA(abc): secret key, message, signature.
RFC_8032 = [
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", hashlib.sha512(b"abc").hexdigest(),
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"),
]  # fmt: skip
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(("secret", "message", "signature"), RFC_8032)
def test_rfc_8032(secret, message, signature):
    public = (
        Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)).public_key().public_bytes_raw()
    )
    message, signature = bytes.fromhex(message), bytes.fromhex(signature)
    assert verify_ed25519(public, message, signature)
    assert not verify_ed25519(public, message + b"x", signature)
    larger = int.from_bytes(signature[32:], "little") + ORDER
    assert not verify_ed25519(public, message, signature[:32] + larger.to_bytes(32, "little"))
    for bit in range(0, 512, 37):
        damaged = bytearray(signature)
        damaged[bit // 8] ^= 1 << bit % 8
        assert not verify_ed25519(public, message, bytes(damaged))
    for short in (b"", signature[:-1], signature + b"\0"):
        assert not verify_ed25519(public, message, short)
    assert not verify_ed25519(public[:-1], message, signature)


@settings(max_examples=40)
@given(
    st.binary(min_size=32, max_size=32),
    st.binary(max_size=200),
    st.integers(0, 95),
    st.integers(1, 255),
)
def test_signatures_agree_with_openssl_s(secret, message, place, change):
    key = Ed25519PrivateKey.from_private_bytes(secret)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verify_ed25519(public, message, signature)
    both = bytearray(public + signature)
    both[place] ^= change
    public, signature = bytes(both[:32]), bytes(both[32:])
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        theirs = True
    except (InvalidSignature, ValueError):
        theirs = False
    assert verify_ed25519(public, message, signature) is theirs is False


#: Encodings of the points of small order, and some that are not canonical (y ≥ p, or −0).
SMALL = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
]
NOT_CANONICAL = [
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize("point", SMALL + NOT_CANONICAL)
def test_small_and_uncanonical_points_are_refused(point):
    """With such a key, R = the same point and s = 0 would be a signature of many messages."""
    public = bytes.fromhex(point)
    assert (check_receipt._point(public) is None) == (point in NOT_CANONICAL)
    identity = bytes.fromhex(SMALL[0])
    for r in (public, identity):
        for message in (b"", b"1", b"2", b"3", b"4", b"5", b"6", b"7"):
            assert not verify_ed25519(public, message, r + bytes(32))
    good = Ed25519PrivateKey.from_private_bytes(bytes(32))
    signature = good.sign(b"x")
    assert not verify_ed25519(good.public_key().public_bytes_raw(), b"x", public + signature[32:])


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_of_the_standard(data, digest):
    """GB/T 32905-2016, annex A."""
    assert sm3(data) == digest


def test_sm3_is_openssl_s():
    for size in range(200):
        data = bytes(n * size & 255 for n in range(size))
        assert sm3(data) == hashlib.new("sm3", data).hexdigest()


def test_sm3_without_openssl(monkeypatch):
    def without(name, data=b""):
        raise ValueError(name)

    receipt = desk(1, "sm3").receipt()
    monkeypatch.setattr(check_receipt.hashlib, "new", without)
    assert failed(receipt) == []


def test_inclusion_in_trees_of_any_size():
    for size in range(1, 40):
        leaves = [b"%d" % n for n in range(size)]
        for n in range(size):
            proof = path(n, leaves)
            assert inclusion_root(leaves[n], n, size, proof) == root(leaves)
            wrongs = [(n, size, [*proof, bytes(32)]), (n, size, proof[:-1]), (size, size, proof)]
            wrongs += [(other, size, proof) for other in range(size) if other != n]
            for index, count, hashes in wrongs:
                if (index, hashes) != (n, proof):
                    assert leads_elsewhere(leaves[n], index, count, hashes, root(leaves))


def leads_elsewhere(*arguments) -> bool:
    *given, expected = arguments
    try:
        return inclusion_root(*given) != expected
    except Bad:
        return True


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (["round", ["num", "2.5"], ["num", "0"]], 2.0),
        (["round", ["num", "-0.3"], ["num", "0"]], -0.0),
        (["ceil", ["num", "-0.5"]], -0.0),
        (["floor", ["num", "-0.5"]], -1.0),
        (["or", ["given", "x"], ["le", ["num", "1"], ["num", "1"]]], True),
        (["and", ["not", ["given", "x"]], ["lt", ["num", "1"], ["num", "1"]]], False),
        (["if", ["is", "w", "a", "b"], ["num", "1"], ["div", ["num", "1"], ["num", "0"]]], 1.0),
        ("x", None),
    ],
    ids=str,
)
def test_operations(expr, expected):
    assert repr(evaluate([["y", expr]], {"w": "b"})["y"]) == repr(expected)
