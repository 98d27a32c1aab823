"""The steps of a scenario that change the contract or an invoice, as both engines are told of them."""

from typing import Any

from pydantic import TypeAdapter

from cases import format as form
from domain import commands
from domain.commands import ChangeType
from domain.correcting import Correction, CorrectionType
from domain.money import exact_minor

_CORRECTION: TypeAdapter[CorrectionType] = TypeAdapter(Correction)


def command_of(step: form.Step) -> ChangeType | None:
    """The command that the step is; None where it concerns an invoice, usage, the gateway or the close."""
    body = step.body
    match body:
        case form.Change():
            return commands.ChangeLine(
                line=body.line,
                quantity=body.quantity,
                price=body.price,
                effective=_effective(body),
                invoice="next" if body.invoice == "next" else "now",
            )
        case form.AddLine():
            return commands.AddLine(
                line=body.line, effective=_effective(body), invoice="next" if body.invoice == "next" else "now"
            )
        case form.RemoveLine():
            return commands.RemoveLine(
                line=body.line, effective=_effective(body), invoice="next" if body.invoice == "next" else "now"
            )
        case form.ChangeMeter():
            return commands.Revise(
                meters=(body.meter,), effective=_effective(body), invoice="next" if body.invoice == "next" else "now"
            )
        case form.Pause():
            return commands.Pause(unused=body.unused, resume_on=body.resume_on)
        case form.Cancel():
            return commands.Cancel(when=body.when, on=body.on, credit=body.credit)
        case form.Deliver():
            return commands.Deliver(line=body.line, percent=body.percent)
        case form.ExtendTrial():
            return commands.ExtendTrial(until=body.until)
        case _:
            return _PLAIN.get(step.action)


_PLAIN: dict[str, ChangeType] = {
    "resume": commands.Resume(),
    "withdraw_cancellation": commands.WithdrawCancellation(),
    "reactivate": commands.Reactivate(),
    "end_trial": commands.EndTrial(),
}


def _effective(body: form.Change | form.AddLine | form.RemoveLine | form.ChangeMeter) -> commands.Effective:
    if body.invoice == "at_renewal":
        return "renewal"
    return body.effective or "now"


def correction_of(action: str, body: form.OfInvoice, currency: str) -> CorrectionType:
    """The correction of an invoice that a step is, with its amount in minor units.

    Raises:
        ValueError: if the currency has no such amount.
    """
    asked: dict[str, Any] = {"kind": "payment" if action == "pay" else action}
    if isinstance(body, form.MoneyOfInvoice):
        asked["amount_minor"] = exact_minor(body.amount, currency)
    if isinstance(body, form.CreditNote):
        asked["line"] = body.line
    return _CORRECTION.validate_python(asked)
