from __future__ import annotations

import json
from decimal import Decimal

import pytest
import rfc8785

from carbon.domain.errors import CarbonError
from carbon.domain.log.leaf import MAX_LEAF_BYTES, canonical

# Vectors of cyberphone/json-canonicalization, as far as the schema allows them: whole numbers
# written as integers, ASCII keys.
VECTORS = [
    ('"this is a test string 1235"', '"this is a test string 1235"'),
    (
        r"""{"escaping": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}""",
        r"""{"escaping":"€$\u000f\nA'B\"\\\\\"/","literals":[null,true,false]}""",
    ),
    (
        '{"1": {"f": {"f": "hi","F": 5} ,"\\n": 56}, "10": { }, "": "empty", "a": { }, "111": [ {"e": "yes","E": "no" } ], "A": { } }',
        '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}',
    ),
    ('[56, {"d": true, "10": null, "1": [ ]}]', '[56,{"1":[],"10":null,"d":true}]'),
    ('{"Unnormalized Unicode":"A\\u030a"}', '{"Unnormalized Unicode":"A\u030a"}'),
    (
        '{"1": "One", "x": "Control\\u007f", "</script>": "Browser Challenge"}',
        '{"1":"One","</script>":"Browser Challenge","x":"Control\x7f"}',
    ),
]


@pytest.mark.parametrize(("source", "expected"), VECTORS)
def test_the_known_vectors(source, expected):
    value = json.loads(source)
    assert canonical(value) == expected.encode() == rfc8785.dumps(value)


def test_every_character_is_escaped_as_the_standard_says():
    for code in [*range(0x800), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF, 0x1F600, 0x10FFFF]:
        assert canonical([chr(code)]) == rfc8785.dumps([chr(code)])


@pytest.mark.parametrize("number", [0, -1, 10**15, 2**53 - 1, -(2**53) + 1])
def test_whole_numbers_a_double_holds(number):
    assert canonical(number) == rfc8785.dumps(number) == str(number).encode()


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        1.0,
        float("nan"),
        2**53,
        -(2**53),
        10**30,
        {"é": 1},
        {"碳": 1},
        {1: 1},
        {None: 1},
        {b"a": 1},
        b"bytes",
        {"set"},
        Decimal(1),
        object(),
        "\ud800",
        {"a": [{"b": (0.1,)}]},
        [{"a": {"é": 0}}],
        ["\udfff"],
    ],
)
def test_what_two_encoders_could_write_differently_is_refused(value):
    with pytest.raises(ValueError, match=r"."):
        canonical(value)


def test_a_circle_is_refused():
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="Circular"):
        canonical(circle)


def test_a_leaf_has_a_limit_other_documents_have_not():
    fits = "x" * (MAX_LEAF_BYTES - 2)
    assert len(canonical(fits)) == MAX_LEAF_BYTES
    with pytest.raises(CarbonError) as caught:
        canonical(fits + "x")
    assert caught.value.code == "leaf.too_large"
    assert "65536" in caught.value.say("zh")
    assert len(canonical(fits + "x", limit=None)) == MAX_LEAF_BYTES + 1


def test_the_limit_counts_bytes():
    with pytest.raises(CarbonError):
        canonical("碳" * 21_845)
