"""What the parties and time may ask of a quote. `by` is the API key of whoever asks."""

from typing import Annotated, Literal

from pydantic import Field

from domain.line import Frozen, Line
from domain.offers import Day
from domain.quote_approval import ApprovalLimits
from domain.terms import Terms

Remark = Annotated[str, Field(min_length=1, max_length=500)]


class Revise(Frozen):
    """Other terms, a new version. It has to be submitted and sent again; the link to the old one stops working."""

    kind: Literal["revise"] = "revise"
    by: str
    terms: Terms
    valid_until: Day
    listed: tuple[Line, ...] = ()


class Submit(Frozen):
    """The version is ready: approved at once where it is within the limits."""

    kind: Literal["submit"] = "submit"
    by: str
    limits: ApprovalLimits


class Approve(Frozen):
    """Somebody else agrees to what is beyond the limits."""

    kind: Literal["approve"] = "approve"
    by: str


class Reject(Frozen):
    """It may not go out like this; it is a draft again."""

    kind: Literal["reject"] = "reject"
    by: str
    reason: Remark


class Send(Frozen):
    """Open it to whoever holds the link. Sent again it gets a new link, and the old one stops working."""

    kind: Literal["send"] = "send"
    by: str
    link_digest: str


class Accept(Frozen):
    """The customer agrees to this version. `address` is as stated, `remote_address` where the request came from."""

    kind: Literal["accept"] = "accept"
    version: int
    name: str
    email: str
    address: str | None = None
    remote_address: str | None = None


class Decline(Frozen):
    """The customer does not want it."""

    kind: Literal["decline"] = "decline"
    reason: Remark | None = None


class Withdraw(Frozen):
    """We do not offer it any more."""

    kind: Literal["withdraw"] = "withdraw"
    by: str
    reason: Remark | None = None


class Expire(Frozen):
    """Its last day is over."""

    kind: Literal["expire"] = "expire"


QuoteCommand = Annotated[
    Revise | Submit | Approve | Reject | Send | Accept | Decline | Withdraw | Expire, Field(discriminator="kind")
]
