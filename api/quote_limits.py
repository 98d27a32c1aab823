"""The limits beyond which a quote needs an approval."""

from api.calls import CurrentCall
from api.routing import api_router, needs
from domain.quote_approval import ApprovalLimits
from models import quote as quotes

router = api_router("/v1/quote-limits", "Quotes")


@router.get("", operation_id="getQuoteLimits", summary="Read the limits of quotes", dependencies=[needs("quotes:read")])
def get_quote_limits(call: CurrentCall) -> ApprovalLimits:
    """Null means that there is no limit; without any, every quote is approved as it is submitted."""
    with call.parts.database.transaction() as session:
        return quotes.limits_now(session)


@router.put("", operation_id="setQuoteLimits", summary="Set the limits of quotes", dependencies=[needs("admin")])
def set_quote_limits(body: ApprovalLimits, call: CurrentCall) -> ApprovalLimits:
    """They hold for what is submitted from now on."""
    with call.parts.database.transaction() as session:
        quotes.set_limits(session, body, by=call.actor.key_id, at=call.at)
        call.audit(session, "quote_limits.set", "quote_limits")
    return body
