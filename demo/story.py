"""The story of one year: what the airlines do, and the clock that makes the product do its part."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any, Final, Protocol

from demo import agreed
from demo.departures import Event, batches, instant, local_day, next_month, repeated
from demo.outage import invoices_on, kill_worker_amid
from demo.stage import Stage
from demo.terms import terms

POLL_SECONDS: Final = 0.25
ADVANCE_SECONDS_MAX: Final = 120
CARD: Final = "pm_card_visa"


class StoryFailed(Exception):
    """The product did not do its part in time."""


class Audience(Protocol):
    """Whom the story is told."""

    def happened(self, on: date, what: str) -> None: ...
    def sent(self, events: int) -> None: ...
    def arrived(self, on: date) -> None: ...


class Story:
    """`contracts` and `customers` are ids by airline; the worker was killed once `killed` is set."""

    def __init__(self, stage: Stage, audience: Audience) -> None:
        self.stage, self.audience = stage, audience
        self.customers: dict[str, str] = {}
        self.contracts: dict[str, str] = {}
        self.killed = False
        self._clock = ""
        self._now = agreed.STARTS_ON - timedelta(days=1)
        self._sent = 0
        self._happenings: Sequence[tuple[date, Callable[[], None]]] = (
            (agreed.CARD_DECLINES[1] - timedelta(days=1), self._card_declines),
            (agreed.CARD_DECLINES[2], self._card_works),
            (agreed.CARD_DECLINES[2] + timedelta(days=2), self._card_worked),
            (agreed.MORE_GATES[1], self._more_gates),
            (agreed.CANCELS[1], self._cancel),
        )

    def play(self, airlines: Mapping[str, str], departures: Mapping[date, Sequence[Event]]) -> None:
        """From signing to the last invoice of the year, and a day beyond."""
        self._sign(airlines)
        self._advance(agreed.STARTS_ON)
        for month, events in sorted(departures.items()):
            self._send(month, events)
            end = next_month(month) if month < agreed.ENDS_ON else month + timedelta(days=1)
            for on, happen in self._happenings:
                if self._now < on < end:
                    self._advance(on)
                    happen()
            self._advance(end)
        if not self.killed:
            raise StoryFailed("no month's invoices took long enough to kill the worker amid them")

    def _sign(self, airlines: Mapping[str, str]) -> None:
        api = self.stage.api
        clock = api.post("/v1/test-clocks", {"name": "The year 2013", "now": instant(self._now)})
        self._clock = clock["id"]
        for carrier, name in airlines.items():
            customer = api.post("/v1/customers", {"key": carrier, "name": name})["id"]
            api.post(f"/v1/customers/{customer}/payment-methods", {"token": CARD})
            contract = {"customer": customer, "clock": self._clock, "terms": terms(carrier)}
            self.contracts[carrier] = api.post("/v1/contracts", contract)["id"]
            self.customers[carrier] = customer
        gates = sum(agreed.GATES.values())
        self.audience.happened(self._now, f"{len(airlines)} airlines sign for {gates} gates and what they will use")

    def _send(self, month: date, events: Sequence[Event]) -> None:
        twice = repeated(events, already=self._sent)
        ingestion = self.stage.ingestion
        seconds = ingestion.seconds
        ingestion.send(batches([*events, *twice]), self.audience.sent)
        self._sent += len(events)
        seconds = ingestion.seconds - seconds
        took = f"{len(events):,} departures sent, {len(twice)} of them twice, in {seconds:.1f} s"
        self.audience.happened(month, took if twice else f"{len(events)} departures sent")

    def _advance(self, to: date) -> None:
        """Moves the clock to the first instant of a day; returns once all that is due by then is done."""
        started = time.monotonic()
        if self.killed or to < agreed.WORKER_KILLED_FROM:
            self._move_clock(to)
        else:
            with ThreadPoolExecutor(1) as pool:
                moved = pool.submit(self._move_clock, to)
                self._kill_worker(to, moved)
                moved.result()
        self._now = to
        self._tell_invoices(to, time.monotonic() - started)
        self.audience.arrived(to)

    def _tell_invoices(self, on: date, seconds: float) -> None:
        issued = invoices_on(self.stage.api, on)
        paid = sum(invoice["status"] == "paid" for invoice in issued)
        if len(issued) > 1:
            which = " and paid" if paid == len(issued) else f", {paid} of them paid,"
            self.audience.happened(on, f"{len(issued)} invoices issued{which} in {seconds:.1f} s")

    def _move_clock(self, to: date) -> None:
        api, path = self.stage.api.another(), f"/v1/test-clocks/{self._clock}"
        clock = api.post(f"{path}/advance", {"to": instant(to)})
        deadline = time.monotonic() + ADVANCE_SECONDS_MAX
        while clock["status"] != "ready" or clock["now"] < instant(to):
            if time.monotonic() > deadline:
                raise StoryFailed(f"the clock has not reached {to} in {ADVANCE_SECONDS_MAX} s: {clock}")
            time.sleep(POLL_SECONDS)
            clock = api.get(path)
        api.close()

    def _kill_worker(self, on: date, advance: Future[Any]) -> None:
        """Where the clock arrives before half-done work could be seen, the next month will do."""
        invoices = len(self.contracts)
        outage = kill_worker_amid(self.stage.api, self.stage.settings, on, invoices=invoices, advance=advance)
        if outage is None:
            return
        self.killed = True
        done = f"{outage.issued} of {invoices} invoices issued"
        self.audience.happened(on, f"[red]worker {outage.pid} killed with -9[/], {done}; a new one takes over")

    def _card_declines(self) -> None:
        carrier, on, _ = agreed.CARD_DECLINES
        self.stage.bank.decline(self.customers[carrier], "insufficient_funds")
        self.audience.happened(on, f"[yellow]{carrier}'s card declines[/] from now on: insufficient funds")

    def _card_works(self) -> None:
        carrier, since, on = agreed.CARD_DECLINES
        self.stage.bank.accept(self.customers[carrier])
        number, attempts = self._attempts(carrier, since)
        declined = ", ".join(f"{day:%-d %B}" for day, _ in attempts)
        self.audience.happened(on, f"{carrier}'s card works again; {number} was declined on {declined}")

    def _card_worked(self) -> None:
        carrier, since, _ = agreed.CARD_DECLINES
        number, attempts = self._attempts(carrier, since)
        day, status = attempts[-1]
        became = "[green]is paid[/]" if status == "succeeded" else f"[red]is {status}[/]"
        self.audience.happened(day, f"{carrier}'s {number} {became} at attempt {len(attempts)}")

    def _attempts(self, carrier: str, on: date) -> tuple[str, list[tuple[date, str]]]:
        """The number of the airline's invoice of that day, and the attempts to charge it."""
        customer = self.customers[carrier]
        (listed,) = [invoice for invoice in invoices_on(self.stage.api, on) if invoice["customer_id"] == customer]
        invoice = self.stage.api.get(f"/v1/invoices/{listed['id']}")
        return invoice["number"], [(local_day(a["at"]), a["status"]) for a in invoice["payment"]["attempts"]]

    def _more_gates(self) -> None:
        carrier, on, gates = agreed.MORE_GATES
        change = {"kind": "change_line", "line": "gates", "quantity": gates, "effective": "now", "invoice": "now"}
        document = self._changed(carrier, "amendments", {"change": change})["document"]["number"]
        self.audience.happened(on, f"{carrier} takes {gates} gates instead of {agreed.GATES[carrier]}: {document}")

    def _cancel(self) -> None:
        carrier, on = agreed.CANCELS
        happened = self._changed(carrier, "cancel", {"when": "period_end"})["happened"]
        self.audience.happened(on, f"{carrier} cancels: {happened}")

    def _changed(self, carrier: str, how: str, change: dict[str, Any]) -> dict[str, Any]:
        """What became of a change, once it is applied."""
        api, path = self.stage.api, f"/v1/contracts/{self.contracts[carrier]}"
        answer: dict[str, Any] = api.post(f"{path}/{how}", change)
        while answer["outcome"] == "pending":
            time.sleep(POLL_SECONDS)
            answer = api.get(f"{path}/amendments/{answer['id']}")
        return answer
