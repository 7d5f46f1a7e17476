from pilot import Pilot


def test_it(system, phone, tmp_path, clock):
    pilot = Pilot(system, tmp_path)
    effect = pilot.to_credits(phone)
    print(effect)
    print(pilot.registry.holdings("zhuan"))
