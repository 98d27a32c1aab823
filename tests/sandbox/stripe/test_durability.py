"""kill -9 of a real server process, at any moment: what was answered is still there, once."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import stripe

from sandbox.stripe.admin import StripeAdmin
from tests.sandbox.stripe.shop import eventually, sdk

ROOT = Path(__file__).parents[3]


class Process:
    """`python -m sandbox.stripe` on a port that stays the same over restarts."""

    def __init__(self, database: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self._database = database
        self.url = f"http://127.0.0.1:{self._port}"
        self.admin = StripeAdmin(self.url)
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.stripe", "--port", str(self._port), "--database", str(self._database)],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        eventually(self._answers, within_seconds=20)

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(timeout=10)

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the server ended"
        try:
            return bool(self.admin.health()["status"] == "ok")
        except requests.ConnectionError:
            return False


@contextmanager
def server_process(database: Path) -> Iterator[Process]:
    process = Process(database)
    try:
        yield process
    finally:
        process.kill()
        process.admin.close()


def test_kill_9_under_load_loses_nothing_answered_and_charges_nothing_twice(database: Path) -> None:
    with server_process(database) as server:
        with sdk(server.url) as client:
            customer = client.v1.customers.create({}).id
            card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
        answered: list[str] = []
        unclear: list[str] = []

        def charge(intent: str) -> None:
            with sdk(server.url) as own:
                try:
                    own.v1.payment_intents.confirm(
                        intent, {"payment_method": card, "off_session": True}, {"idempotency_key": intent}
                    )
                    answered.append(intent)
                except stripe.APIConnectionError:
                    unclear.append(intent)

        for _ in range(2):
            with sdk(server.url) as client:
                intents = [
                    client.v1.payment_intents.create({"amount": 100, "currency": "usd", "customer": customer}).id
                    for _ in range(30)
                ]
            before = len(answered)
            threads = [threading.Thread(target=charge, args=(intent,)) for intent in intents]
            for thread in threads:
                thread.start()
            eventually(lambda before=before: len(answered) > before + 5)  # type: ignore[misc]
            server.kill()
            for thread in threads:
                thread.join()
            server.start()

        captured = [entry["payment_intent"] for entry in server.admin.journal(kind="capture")]
        assert len(captured) == len(set(captured))
        assert set(answered) <= set(captured) <= set(answered) | set(unclear)
        for intent in list(unclear):
            charge(intent)
        assert len(answered) == 60
        captured = [entry["payment_intent"] for entry in server.admin.journal(kind="capture")]
        assert sorted(captured) == sorted(answered)


def test_faults_rules_and_the_clock_survive_a_restart_and_a_stop_is_clean(database: Path) -> None:
    with server_process(database) as server:
        with sdk(server.url) as client:
            customer = client.v1.customers.create({}).id
        server.admin.decline_customer(customer, "do_not_honor")
        server.admin.set_clock(offset_seconds=86_400)
        server.admin.add_fault("server_error", match={"path": "/v1/customers"}, after=3)
        assert server.stop() in (0, -signal.SIGTERM)
        server.start()
        assert server.admin.clock()["offset_seconds"] == 86_400
        assert [(fault["rule"]["kind"], fault["rule"]["after"]) for fault in server.admin.faults()] == [
            ("server_error", 3)
        ]
        with sdk(server.url) as client, pytest.raises(stripe.CardError):
            client.v1.payment_intents.create(
                {"amount": 100, "currency": "usd", "customer": customer, "confirm": True,
                 "payment_method": "pm_card_visa"}
            )  # fmt: skip
