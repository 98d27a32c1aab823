"""Three months of usage, sent by many at once while it is billed and the API and PostgreSQL are killed with -9.

At the end all of it is compared with what the senders know to be true, counted and priced in plain Python.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from threading import Event
from typing import Any

import pytest

from models.database import Database
from models.rated_line import ClaimedEvent, claimed_events
from models.usage_lock import SPACE
from tests.scenarios import metered
from tests.scenarios.metered import ACCOUNTS, ENDS_ON, PERIODS, Plan, Truth, Use
from tests.scenarios.product import Product
from tests.scenarios.sending import Delivery, Sender

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.timeout(400)]

LINES = ["calls", "peak", "requests"]
ROUND_SECONDS_MAX = 120
# The whole of a batch but these three is stored, amid whatever happens in the second month.
BIG = "metered-big"
BIG_BATCH = 10_000
BROKEN: dict[int, dict[str, Any]] = {
    17: {"value": "1e400"},
    4_711: {"at": "2026-02-30T00:00:00Z"},
    9_999: {"customer": 7},
}
BIG_USE = Use("metered-0", datetime(2026, 2, 14, tzinfo=UTC), Decimal("0.25"))


@dataclass(frozen=True, slots=True)
class Lived:
    """What is left of the three months; `results` are what the events of each delivery were answered with."""

    contracts: dict[str, str]
    plans: Sequence[Plan]
    truth: Truth
    versions: Sequence[ClaimedEvent]
    line_of: dict[str, str]
    results: dict[str, Counter[tuple[str, str]]]
    breaks: int


@dataclass(slots=True)
class Crowd:
    """The senders at work, each with what it has to do in each phase."""

    product: Product
    works: Sequence[tuple[str, Sequence[Sequence[Delivery]]]]
    results: dict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))
    breaks: int = 0

    def begin(self, pool: ThreadPoolExecutor, phase: int, billing: Event) -> list[Future[None]]:
        return [pool.submit(self._send, source, phases[phase], billing) for source, phases in self.works]

    def _send(self, source: str, deliveries: Sequence[Delivery], billing: Event) -> None:
        """Send one half before the bills are made, and the other while they are."""
        sender = Sender(self.product.plan.address("api"), self.product.plan.credentials.admin_api_key)
        for number, delivery in enumerate(deliveries):
            if number == len(deliveries) // 2:
                assert billing.wait(ROUND_SECONDS_MAX)
            answer = sender.deliver(delivery)
            self.results[source].update((str(one["id"]), one["result"]) for one in answer["results"])
        self.breaks += sender.breaks
        sender.close()


@pytest.fixture(scope="module")
def lived(product: Product) -> Lived:
    """What is left after three months, three kills of the API and three of PostgreSQL."""
    plans = [metered.plan(number) for number in range(metered.SENDERS)]
    truth = {key: use for plan in plans for key, use in plan.truth.items()} | _big_truth()
    big = [[], [Delivery("/v1/usage", _big_batch(), is_cut=True)], [], []]
    crowd = Crowd(product, [*((plan.source, plan.phases) for plan in plans), (BIG, big)])
    clock = product.post("/v1/test-clocks", {"name": "usage", "now": "2025-12-31T00:00:00Z"}, key="usage-clock")["id"]
    contracts = _sign(product, clock, later=False)
    product.arrive(clock, "2026-01-01T06:00:00Z")
    with ThreadPoolExecutor(len(crowd.works)) as pool:
        for phase, ends_on in enumerate((*PERIODS[1:], ENDS_ON)):
            billing = Event()
            sending = crowd.begin(pool, phase, billing)
            _once_a_batch_is_being_stored(product)
            product.kill("api")
            if phase == 1:
                contracts |= _sign(product, clock, later=True)
            product.begin_advance(clock, f"{ends_on}T06:00:00Z")
            billing.set()
            _once_a_batch_is_being_stored(product)
            product.kill("postgres")
            for sent in sending:
                sent.result(ROUND_SECONDS_MAX)
            product.arrive(clock, f"{ends_on}T06:00:00Z")
        billing = Event()
        billing.set()
        for sent in crowd.begin(pool, metered.LAST_PHASE, billing):
            sent.result(ROUND_SECONDS_MAX)
    # 30 days after the contracts that have ended: their closing invoices, and April of the others.
    product.arrive(clock, "2026-05-01T06:00:00Z")
    line_of = dict(product.query(f"select id, line_id from rated_line where contract_id = any(array{_ids(contracts)})"))
    return Lived(contracts, plans, truth, _versions(product), line_of, crowd.results, crowd.breaks)


def _sign(product: Product, clock: str, *, later: bool) -> dict[str, str]:
    """The contracts by the customers who sign now, from 1 January on."""
    contracts = {}
    for account in ACCOUNTS:
        if account.later == later:
            customer = product.customer(account.key)
            body = {"customer": customer, "clock": clock, "terms": metered.terms(account)}
            contracts[account.key] = str(product.post("/v1/contracts", body, key=f"contract-{account.key}")["id"])
    return contracts


def _once_a_batch_is_being_stored(product: Product) -> None:
    """Wait for the moment amid a batch, which may pass unseen where senders are quick."""
    deadline = time.monotonic() + 3
    locked = f"select from pg_locks where locktype = 'advisory' and classid = {SPACE} and granted limit 1"
    while time.monotonic() < deadline and not product.query(locked):
        time.sleep(0.002)


def _big_batch() -> list[dict[str, Any]]:
    return [metered.event(BIG, str(number), BIG_USE) | BROKEN.get(number, {}) for number in range(BIG_BATCH)]


def _big_truth() -> dict[tuple[str, str], Use | None]:
    return {(BIG, str(number)): BIG_USE for number in range(BIG_BATCH) if number not in BROKEN}


def _versions(product: Product) -> list[ClaimedEvent]:
    database = Database(product.plan.database_url(), pool_size=1)
    try:
        with database.transaction() as session:
            return [version for version in claimed_events(session) if version.source.startswith("metered-")]
    finally:
        database.dispose()


def _ids(contracts: dict[str, str]) -> list[str]:
    return list(contracts.values())


def test_every_event_was_answered_and_the_three_bad_ones_alone_were_rejected(lived: Lived) -> None:
    assert lived.breaks > 0, "no kill cut a sender off"
    for plan in lived.plans:
        answered = lived.results[plan.source]
        assert {id_ for id_, _ in answered} == {id_ for _, id_ in plan.truth}
        assert {result for _, result in answered} <= {
            *("accepted", "duplicate", "conflict", "replaced", "voided", "already_voided")
        }
        assert {id_ for id_, result in answered if result == "conflict"} <= plan.corrected
        assert max(count for (_, result), count in answered.items() if result == "accepted") == 1
    big = lived.results[BIG]
    assert {id_ for id_, result in big if result == "rejected"} == {"17", "4711", "9999"}
    assert len({id_ for id_, result in big if result in ("accepted", "duplicate")}) == 9_997


def test_every_event_is_counted_by_one_line_of_each_meter_or_waits(lived: Lived) -> None:
    present = [version for version in lived.versions if not version.is_voided]
    true = {key: use for key, use in lived.truth.items() if use is not None}
    assert sorted((version.source, version.event_id) for version in present) == sorted(true)
    for version in present:
        use = true[version.source, version.event_id]
        takes = metered.period_of(use) is not None
        assert version.contract_id == (lived.contracts[use.customer] if takes else None), version
        assert sorted(lived.line_of[id_] for id_ in version.rated_line_ids) == (LINES if takes else []), version
        assert version.taken_back_by == (), version


def test_what_was_voided_or_replaced_is_taken_back_wherever_it_was_counted(lived: Lived) -> None:
    voided = [version for version in lived.versions if version.is_voided]
    for version in voided:
        counted = sorted(lived.line_of[id_] for id_ in version.rated_line_ids)
        assert counted in ([], LINES), version
        assert sorted(lived.line_of[id_] for id_ in version.taken_back_by) == counted, version
    assert {bool(version.taken_back_by) for version in voided} == {False, True}


def test_what_no_contract_takes_is_listed_and_nothing_is_left_unbilled(product: Product, lived: Lived) -> None:
    waits = [(event["source"], event["id"]) for event in product.items("/v1/usage/unmatched")]
    expected = [key for key, use in lived.truth.items() if use is not None and metered.period_of(use) is None]
    assert sorted(key for key in waits if key[0].startswith("metered-")) == sorted(expected)
    for contract in lived.contracts.values():
        assert product.items("/v1/usage/unbilled", contract=contract) == []


def test_invoices_and_their_adjustments_come_to_the_price_of_what_is_true(product: Product, lived: Lived) -> None:
    expected = {
        (lived.contracts[customer], line, str(period)): amount
        for (customer, period), values in metered.used(lived.truth).items()
        for line, amount in metered.cost(values).items()
    }
    billed: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    kinds: Counter[tuple[str, bool]] = Counter()
    for contract in lived.contracts.values():
        for line, amount in _lines(product, contract):
            billed[contract, line["line"], line["period_start"]] += amount
            kinds[line["kind"], amount > 0] += 1
    assert billed == expected
    assert kinds["adjustment", True] > 0
    assert kinds["adjustment", False] > 0


def _lines(product: Product, contract: str) -> Iterator[tuple[dict[str, Any], Decimal]]:
    """The lines of all documents, with what they charge; a credit note's count the other way."""
    for listed in product.items("/v1/invoices", contract=contract):
        invoice = product.get(f"/v1/invoices/{listed['id']}")
        sign = -1 if invoice["kind"] == "credit_note" else 1
        for line in invoice["lines"]:
            yield line, sign * Decimal(line["net"]["amount"])


def test_revenue_is_the_price_of_what_is_true(product: Product, lived: Lived) -> None:
    costs = [metered.cost(values) for values in metered.used(lived.truth).values()]
    booked = product.query(
        "select sum(-amount_minor) from journal_line l join journal_entry e on e.id = l.entry_id"
        f" where account = 'revenue' and e.contract_id = any(array{_ids(lived.contracts)})"
    )
    assert booked == [(sum(amount for cost in costs for amount in cost.values()) * 100,)]
