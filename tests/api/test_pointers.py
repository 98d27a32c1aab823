from api.pointers import pointer_of

BODY = {"lines": [{"kind": "flat", "price": {"amount": "x"}}], "a/b": {"~": 1}}


def test_the_branch_of_a_union_is_no_part_of_the_pointer() -> None:
    assert pointer_of(["lines", 0, "flat", "price", "amount"], BODY, missing=False) == "/lines/0/price/amount"
    assert pointer_of(["lines", 0, "flat", "name"], BODY, missing=True) == "/lines/0/name"
    assert pointer_of(["lines", 0, "flat"], BODY, missing=False) == "/lines/0"


def test_slashes_and_tildes_are_escaped() -> None:
    assert pointer_of(["a/b", "~"], BODY, missing=False) == "/a~1b/~0"


def test_the_whole_body_is_the_empty_pointer() -> None:
    assert pointer_of([], None, missing=True) == ""
    assert pointer_of(["missing"], None, missing=True) == "/missing"
