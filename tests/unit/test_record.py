import numpy as np
import pytest

from carbon.domain.activity.record import (
    COLUMNS,
    FIXED_VOCABULARIES,
    MISSING,
    UNKNOWN,
    Batch,
    vocabularies,
)


def test_the_canonical_file_has_its_twenty_four_columns_in_order():
    expected = (
        "record_id occurred_on channel act item_type quantity mass_kg condition age_years "
        "price_fen process transport_km transport_mode destination evidence item_id giver "
        "receiver receiver_region returned_on subsidised site enterprise note"
    )
    assert [c.name for c in COLUMNS] == expected.split()


@pytest.mark.parametrize(
    ("column", "word", "code"),
    [
        ("act", "sale", "sale"),
        ("act", " 出售 ", "sale"),
        ("act", "Trade-In", "trade_in"),
        ("condition", "九成新", "like_new"),
        ("receiver_region", "天津市", "120000"),
        ("receiver_region", "12", "120000"),
        ("receiver_region", "cn-bj", "110000"),
        ("receiver_region", "GBR", "abroad"),
        ("receiver_region", "香港", None),
        ("subsidised", "是", "yes"),
        ("channel", "ｓｈｏｐ", "shop"),
    ],
)
def test_people_s_words_find_their_code(column, word, code):
    number = FIXED_VOCABULARIES[column].number(word)
    assert number == (UNKNOWN if code is None else FIXED_VOCABULARIES[column][code])


def test_an_empty_cell_is_missing_not_unknown():
    assert FIXED_VOCABULARIES["act"].number("  ") == MISSING
    assert FIXED_VOCABULARIES["act"].number(None) == MISSING


def test_item_types_answer_to_their_names_and_aliases(catalogue):
    words = vocabularies(catalogue)["item_type"]
    for item in catalogue.items:
        for word in (item.item_type, item.zh, item.en, *item.aliases):
            assert words.codes[words.number(word)] == item.item_type


def test_a_batch_of_unequal_columns_cannot_be_built():
    two, three = np.zeros(2, np.int64), np.zeros(3, np.int32)
    mask = np.zeros(2, bool)
    with pytest.raises(ValueError, match="columns of"):
        Batch(two, {"act": three}, {}, {}, mask, mask)
