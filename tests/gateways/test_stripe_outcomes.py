"""What a call that gave no answer, or a refusal, says about what happened."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from gateways.payment import (
    CreateIntent,
    GatewayError,
    GatewayRefused,
    GatewayUnavailable,
    GatewayUnknown,
    Intent,
    IntentStatus,
)
from gateways.stripe import StripeGateway, Timeouts
from sandbox.stripe.admin import StripeAdmin
from sandbox.stripe.running import RunningStripe

CONFIRM = {"method": "POST", "path": "/v1/payment_intents/*/confirm"}
READ = {"method": "GET", "path": "/v1/payment_intents/*"}


def new_key() -> str:
    return str(uuid4())


@contextmanager
def gateway_at(url: str, api_key: str = "sk_test_outcomes", read_seconds: float = 0.3) -> Iterator[StripeGateway]:
    made = StripeGateway(api_key, base_url=url, timeouts=Timeouts(connect_seconds=2, read_seconds=read_seconds))
    yield made
    made.close()


@pytest.fixture
def payable(gateway: StripeGateway) -> tuple[Intent, str]:
    """An unconfirmed intent and a card that can pay it."""
    customer = gateway.create_customer("ours", idempotency_key=new_key())
    card = gateway.attach_payment_method(customer, "pm_card_visa", idempotency_key=new_key()).id
    return gateway.create_intent(CreateIntent("inv_1", "con_1", customer, 900, "USD"), key=new_key()), card


def outcome(gateway: StripeGateway, payable: tuple[Intent, str], key: str | None = None) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        gateway.confirm_intent(payable[0].id, payable[1], key=key or new_key())
    return caught.value


@pytest.mark.parametrize("answer", ["drop", "hang"])
def test_an_executed_call_without_an_answer_is_unknown_and_reading_resolves_it(
    server: RunningStripe, admin: StripeAdmin, payable: tuple[Intent, str], answer: str
) -> None:
    admin.add_fault("executed_no_answer", match=CONFIRM, answer=answer)
    with gateway_at(server.url) as impatient:
        assert isinstance(outcome(impatient, payable), GatewayUnknown)
    with gateway_at(server.url, read_seconds=10) as patient:
        assert patient.retrieve_intent(payable[0].id).status is IntentStatus.SUCCEEDED
    assert len(admin.journal(kind="capture", payment_intent=payable[0].id)) == 1


@pytest.mark.parametrize("answer", ["drop", "hang"])
def test_a_call_lost_before_execution_is_unknown_too_since_we_cannot_tell(
    server: RunningStripe, admin: StripeAdmin, payable: tuple[Intent, str], answer: str
) -> None:
    admin.add_fault("dropped", match=CONFIRM, answer=answer)
    with gateway_at(server.url) as impatient:
        assert isinstance(outcome(impatient, payable), GatewayUnknown)
    assert admin.journal(payment_intent=payable[0].id) == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("executed", [True, False])
def test_a_5xx_is_unknown(
    gateway: StripeGateway, admin: StripeAdmin, payable: tuple[Intent, str], status: int, executed: bool
) -> None:
    admin.add_fault("server_error", match=CONFIRM, status=status, executed=executed)
    assert isinstance(outcome(gateway, payable), GatewayUnknown)
    now = gateway.retrieve_intent(payable[0].id)
    assert (now.status is IntentStatus.SUCCEEDED) is executed


def test_a_read_without_an_answer_is_unavailable_since_it_changes_nothing(
    server: RunningStripe, admin: StripeAdmin, payable: tuple[Intent, str]
) -> None:
    admin.add_fault("dropped", match=READ)
    admin.add_fault("dropped", match=READ, after=1, answer="hang")
    admin.add_fault("server_error", match=READ, after=2)
    with gateway_at(server.url) as impatient:
        for _ in range(3):
            with pytest.raises(GatewayUnavailable):
                impatient.retrieve_intent(payable[0].id)


def test_a_refused_connection_is_unavailable_and_was_not_executed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with gateway_at(f"http://127.0.0.1:{port}") as gateway, pytest.raises(GatewayUnavailable) as caught:
        gateway.create_customer("ours", idempotency_key=new_key())
    assert caught.value.code == "no_connection"


def test_a_name_that_does_not_resolve_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless(*args: object, **kwargs: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nameless)
    with gateway_at("http://stripe.invalid") as gateway, pytest.raises(GatewayUnavailable):
        gateway.create_customer("ours", idempotency_key=new_key())


def test_an_answer_that_is_cut_off_or_no_json_is_unknown() -> None:
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
    ):
        with answering(answer) as url, gateway_at(url) as gateway, pytest.raises(GatewayUnknown):
            gateway.create_customer("ours", idempotency_key=new_key())


def test_a_rate_limit_is_unavailable_and_says_how_long_to_wait(
    gateway: StripeGateway, admin: StripeAdmin, payable: tuple[Intent, str]
) -> None:
    admin.add_fault("rate_limit", match=CONFIRM, times=None, per_second=0.001)
    intent, card = payable
    gateway.confirm_intent(intent.id, card, key=new_key())
    refused = outcome(gateway, payable)
    assert isinstance(refused, GatewayUnavailable)
    assert (refused.code, refused.retry_after_seconds) == ("rate_limit", 1.0)


def test_the_same_key_in_flight_is_unavailable_and_was_not_executed(
    gateway: StripeGateway, server: RunningStripe, admin: StripeAdmin, payable: tuple[Intent, str]
) -> None:
    admin.add_fault("delay", match=CONFIRM, seconds=5)
    key = new_key()
    with gateway_at(server.url) as impatient:
        assert isinstance(outcome(impatient, payable, key), GatewayUnknown)
    refused = outcome(gateway, payable, key)
    assert isinstance(refused, GatewayUnavailable)
    assert refused.code == "idempotency_key_in_use"


def test_a_key_used_for_something_else_is_refused(gateway: StripeGateway) -> None:
    key = new_key()
    gateway.create_customer("one", idempotency_key=key)
    with pytest.raises(GatewayRefused) as caught:
        gateway.create_customer("two", idempotency_key=key)
    assert caught.value.code == "idempotency_error"
    assert caught.value.request_id is not None


@pytest.mark.parametrize(
    ("intent_id", "code"), [("pi_missing", "resource_missing"), ("pi_missing/odd", None)], ids=["no object", "no url"]
)
def test_what_does_not_exist_is_refused(gateway: StripeGateway, intent_id: str, code: str | None) -> None:
    with pytest.raises(GatewayRefused) as caught:
        gateway.retrieve_intent(intent_id)
    assert code is None or caught.value.code == code


def test_a_wrong_parameter_is_refused_and_named(gateway: StripeGateway, payable: tuple[Intent, str]) -> None:
    refused = outcome(gateway, (payable[0], "pm_missing"))
    assert isinstance(refused, GatewayRefused)
    assert (refused.code, refused.param) == ("resource_missing", "payment_method")


def test_a_key_that_is_not_ours_is_refused(server: RunningStripe) -> None:
    with gateway_at(server.url, api_key="sk_live_stolen", read_seconds=5) as stranger, pytest.raises(GatewayRefused):
        stranger.retrieve_intent("pi_1")


def test_a_forbidden_call_is_refused() -> None:
    body = b'{"error": {"type": "invalid_request_error", "message": "This key may not."}}'
    answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with answering(answer) as url, gateway_at(url) as gateway, pytest.raises(GatewayRefused, match="may not"):
        gateway.create_customer("ours", idempotency_key=new_key())


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The address of a server that answers one request with these bytes and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()
