import socket

from sandbox.ports import HOST, choose_port, is_free


def listener() -> socket.socket:
    server = socket.create_server((HOST, 0))
    return server


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def test_a_free_preferred_port_is_kept() -> None:
    with listener() as server:
        port = port_of(server)
    assert choose_port([port], set()) == port


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    with listener() as server:
        port = port_of(server)
        assert not is_free(port)
        moved = choose_port([port], set())
    assert moved != port
    assert is_free(moved)


def test_the_second_preferred_port_comes_before_any_other() -> None:
    with listener() as first, listener() as second:
        taken, free = port_of(first), port_of(second)
        second.close()
        assert choose_port([taken, free], set()) == free


def test_a_port_that_another_part_was_promised_is_passed_over() -> None:
    with listener() as server:
        port = port_of(server)
    assert choose_port([port], {port}) != port
