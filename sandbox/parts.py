"""The parts of the stack as data: name, command, environment, ports and health check of each."""

import sys
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from gateways.payment import PAYMENT_EVENTS
from sandbox import temporal
from sandbox.part import CommandPart, OutsidePart, Part, PostgresPart
from sandbox.plan import WEBHOOK_PATH, Plan
from sandbox.probes import http_ok, postgres_ok
from settings import child_environment, temporal_is_outside

# Written out rather than imported: loading the Temporal SDK would double the time of every command.
WORKER_QUEUE: Final = "contracts"


def stores(plan: Plan, pids: Mapping[str, int | None]) -> list[Part]:
    """The parts that the product stands on; they do not need each other."""
    return [_temporal(plan, pids), _stripe(plan, pids), _postgres(plan)]


def product(plan: Plan, pids: Mapping[str, int | None]) -> list[Part]:
    """The product's own processes; they need every store."""
    return [*_workers(plan, pids), _api(plan, pids)]


def _postgres(plan: Plan) -> Part:
    outside = plan.settings.database_url
    if outside is None:
        return PostgresPart(server=plan.postgres(), log=plan.log("postgres"))
    url = outside.get_secret_value()
    parts = urlsplit(url)
    shown = f"postgresql://{parts.hostname}:{parts.port or 5432}{parts.path}"
    return OutsidePart(name="postgres", url=shown, probe=lambda: postgres_ok(url))


def _temporal(plan: Plan, pids: Mapping[str, int | None]) -> Part:
    environment = child_environment(plan.temporal_environment())
    if temporal_is_outside():
        return OutsidePart(name="temporal", url=plan.temporal_address(), probe=lambda: temporal.answers(environment))
    port, ui_port = plan.ports["temporal"], plan.ports["temporal_ui"]
    # The web UI asks the server: its answer tells of both.
    question = f"{plan.address('temporal_ui')}/api/v1/namespaces/{temporal.NAMESPACE}"
    return CommandPart(
        name="temporal",
        command=temporal.server_command(plan.home / "temporal.db", port=port, ui_port=ui_port),
        probe=lambda _: http_ok(question),
        once_healthy=lambda: temporal.keep_histories(environment),
        ports={"temporal": port, "temporal_ui": ui_port},
        url=plan.address("temporal_ui"),
        log=plan.log("temporal"),
        home=plan.home,
        last_pid=pids.get("temporal"),
    )


def _stripe(plan: Plan, pids: Mapping[str, int | None]) -> Part:
    if plan.settings.stripe_api_key is not None:
        return OutsidePart(name="stripe", url=str(plan.settings.stripe_base_url or "Stripe"))
    options = {
        "--port": str(plan.ports["stripe"]),
        "--database": str(plan.home / "stripe.db"),
        "--webhook-url": plan.address("api") + WEBHOOK_PATH,
        "--webhook-secret": plan.credentials.stripe_webhook_secret,
        "--webhook-events": ",".join(sorted(PAYMENT_EVENTS)),
    }
    return CommandPart(
        name="stripe",
        command=[*_python("sandbox.stripe"), *(word for option in options.items() for word in option)],
        probe=lambda _: http_ok(f"{plan.address('stripe')}/_admin/health"),
        ports={"stripe": plan.ports["stripe"]},
        url=plan.address("stripe"),
        log=plan.log("stripe"),
        home=plan.home,
        last_pid=pids.get("stripe"),
    )


def _workers(plan: Plan, pids: Mapping[str, int | None]) -> list[Part]:
    environment = child_environment(plan.temporal_environment())
    names = ["worker", *(f"worker-{number}" for number in range(2, plan.settings.workers + 1))]
    return [
        CommandPart(
            name=name,
            command=_python("worker"),
            environment=plan.product_environment,
            probe=lambda pid: temporal.polls(pid, WORKER_QUEUE, environment),
            log=plan.log(name),
            home=plan.home,
            last_pid=pids.get(name),
            # Longer than a worker gives its running activities to finish.
            stop_seconds_max=60,
        )
        for name in names
    ]


def _api(plan: Plan, pids: Mapping[str, int | None]) -> Part:
    return CommandPart(
        name="api",
        command=_python("api"),
        environment=plan.product_environment,
        probe=lambda _: http_ok(f"{plan.address('api')}/readyz"),
        ports={"api": plan.ports["api"]},
        url=plan.address("api"),
        log=plan.log("api"),
        home=plan.home,
        last_pid=pids.get("api"),
    )


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", module]
