"""What a quote decides, made so: its row, its versions, its history, and the contract that it becomes."""

from sqlmodel import Session
from temporalio import activity
from temporalio.client import Client

from activities.failures import visible
from activities.signatures import QuoteDecided, QuotingSteps
from activities.starting import start_stored
from models import quote
from models.contract import insert_contract
from models.database import Database
from models.dispatch import database_now
from models.usage_waiting import match_waiting


class Quoting(QuotingSteps):
    """Recording is one transaction. Done again, it finds its own rows and adds nothing."""

    def __init__(self, database: Database, client: Client) -> None:
        self._database, self._client = database, client

    @activity.defn(name="record_quote")
    def record_quote(self, request: QuoteDecided) -> None:
        with visible():
            self._database.run(lambda session: _record(session, request))

    @activity.defn(name="start_contract")
    async def start_contract(self, contract_id: str) -> None:
        await start_stored(self._database, self._client, contract_id)


def _record(session: Session, request: QuoteDecided) -> None:
    contract = request.decision.contract
    # The contract comes into being as one that is signed directly does; it is created now, whatever its clock shows.
    if contract is not None and insert_contract(session, contract, clock_id=request.clock_id, at=database_now(session)):
        match_waiting(session, contract.contract_id)
    quote.record(session, request.decision, sequence=request.sequence, at=request.at)
