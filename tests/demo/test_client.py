"""The demo's client of the API, against a server that answers as it is told."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from demo.client import ApiClient, ApiError

Answer = tuple[int, object]


class Server(ThreadingHTTPServer):
    """Gives its answers one after the other, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str | None]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def _answer(self) -> None:
        self.server.asked.append((self.path, self.headers["Idempotency-Key"]))
        status, body = self.server.answers.pop(0)
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        return None


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def client(server: Server) -> Iterator[ApiClient]:
    made = ApiClient(f"http://127.0.0.1:{server.server_port}", "pr_test_key", pause_seconds=0)
    yield made
    made.close()


def test_a_post_is_sent_again_under_its_own_key_until_it_is_answered(server: Server, client: ApiClient) -> None:
    in_flight = {"type": "urn:perennial:problem:request-in-flight"}
    server.answers = [(503, {}), (409, in_flight), (201, {"id": "cus_1"})]
    assert client.post("/v1/customers", {"key": "UA"}) == {"id": "cus_1"}
    keys = {key for _, key in server.asked}
    assert len(server.asked) == 3
    assert len(keys) == 1 and None not in keys


def test_each_post_has_a_key_of_its_own(server: Server, client: ApiClient) -> None:
    server.answers = [(201, {}), (201, {})]
    client.post("/v1/customers", {"key": "UA"})
    client.post("/v1/customers", {"key": "UA"})
    assert len({key for _, key in server.asked}) == 2


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_refusal_is_not_repeated(server: Server, client: ApiClient, status: int) -> None:
    server.answers = [(status, {"type": "urn:perennial:problem:refused-change"})]
    with pytest.raises(ApiError, match="refused-change"):
        client.post("/v1/contracts", {})
    assert len(server.asked) == 1


def test_a_list_is_read_page_after_page(server: Server, client: ApiClient) -> None:
    first, second = {"items": [{"n": 1}, {"n": 2}], "next_cursor": "abc"}, {"items": [{"n": 3}], "next_cursor": None}
    server.answers = [(200, first), (200, second)]
    assert [item["n"] for item in client.items("/v1/invoices", status="paid")] == [1, 2, 3]
    assert [path for path, _ in server.asked] == [
        "/v1/invoices?limit=100&status=paid",
        "/v1/invoices?limit=100&cursor=abc&status=paid",
    ]
