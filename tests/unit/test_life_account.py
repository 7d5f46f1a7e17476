from carbon.domain.quantification.life_account import Claim, settle


def claim(row, day, life, budget, item="a", record="r"):
    return Claim(item, day, f"{record}{row}", row, life, budget)


def test_the_first_act_opens_the_account_and_later_ones_get_what_is_left():
    claims = [claim(1, 10, 0.3, 0.5), claim(2, 20, 0.3, 0.4), claim(3, 30, 0.2, 0.3)]
    granted = settle(claims)
    assert granted[1] == 0.3
    assert round(granted[2], 12) == 0.2
    assert granted[3] == 0


def test_order_in_the_file_does_not_matter_and_ties_go_by_record_id():
    claims = [claim(1, 10, 0.4, 0.5), claim(2, 10, 0.4, 0.6)]
    assert settle(claims) == settle(claims[::-1])
    assert settle(claims)[1] == 0.4


def test_items_do_not_share_an_account():
    assert settle([claim(1, 1, 0.5, 0.5, "a"), claim(2, 1, 0.5, 0.5, "b")]) == {1: 0.5, 2: 0.5}
