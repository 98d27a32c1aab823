"""The steps of a scenario that change the contract, as the commands that both engines give."""

from cases import format as form
from domain import commands
from domain.commands import ChangeType


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


def _effective(body: form.Change | form.AddLine | form.RemoveLine) -> commands.Effective:
    if body.invoice == "at_renewal":
        return "renewal"
    return body.effective or "now"
