from domain.spread import offset_seconds


def test_a_contract_keeps_its_place_in_the_window() -> None:
    """A changed hash would wake every sleeping contract at another time."""
    assert [offset_seconds(f"con_{n}", 3600) for n in range(3)] == [600, 420, 2378]


def test_contracts_fill_the_window_evenly() -> None:
    """10,000 contracts over 10 slots of a minute: about 1,000 each."""
    counts = [0] * 10
    for n in range(10_000):
        counts[offset_seconds(f"con_{n}", 600) // 60] += 1
    assert min(counts) > 880
    assert max(counts) < 1120


def test_without_a_window_nothing_moves() -> None:
    assert offset_seconds("con_1", 0) == 0
    assert offset_seconds("con_1", -5) == 0
    assert offset_seconds("con_1", 1) == 0
