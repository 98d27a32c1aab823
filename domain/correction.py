"""What is done to an invoice after it was issued; each is a function on the contract's books.

Each takes the local day `on` that it is posted on, its instant `at` and a `key` of its own, and adds one balanced
entry. Where it matters how much is earned by then it first recognises revenue up to the first instant of that day:
always, but for money that recovers nothing. A refusal leaves the books as they were. Amounts are minor units, tax
included.
"""

from domain.credit_note import credit_note
from domain.dispute import dispute, dispute_lost, dispute_won
from domain.payments import Paid, pay
from domain.refund import refund
from domain.void import void
from domain.write_off import write_off

__all__ = ["Paid", "credit_note", "dispute", "dispute_lost", "dispute_won", "pay", "refund", "void", "write_off"]
