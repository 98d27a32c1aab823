"""Customer credit: what a credit note leaves over, and what pays the next invoices."""

from domain.books import Books, CustomerCredit, Document
from domain.drafting import billing_line
from domain.keys import derived

# The lines of a credit note that credit days, and those of an invoice that billed them.
CREDITING = frozenset({"credit", "adjustment", "true_up", "overage"})
BILLING = frozenset({"charge", "usage", "adjustment", "true_up", "overage"})


def credit(books: Books, note: Document) -> int:
    """Lower what is open on the invoices that billed the credited days, each by no more than was credited of it.

    The rest becomes customer credit, for the invoice that the note credits first. Returns by how much receivables are
    lowered.
    """
    left_minor = note.total_minor
    for line in note.lines:
        if line.kind not in CREDITING:
            continue
        found = billing_line(books, line.line_id, line.starts_on, BILLING)
        if found is None:
            continue
        invoice = found[0]
        note.corrects = note.corrects or invoice.id
        taken_minor = max(0, min(left_minor, line.net_minor + line.tax_minor, invoice.open_minor))
        if taken_minor:
            invoice.credited_minor += taken_minor
            if invoice.open_minor == 0 and invoice.status == "open":
                invoice.status = "paid"
            books.touched.add(("documents", invoice.id))
            left_minor -= taken_minor
    if left_minor:
        id_ = derived("ccr", note.id)
        last = max((one.sequence for one in books.credits.values()), default=0)
        books.credits[id_] = CustomerCredit(
            id_, "credit_note", note.id, note.corrects, left_minor, left_minor, sequence=last + 1
        )
        books.touched.add(("credits", id_))
    return note.total_minor - left_minor


def use(books: Books, total_minor: int) -> int:
    """Take up to `total_minor` from the customer's credit, the oldest first, and return how much that is."""
    used_minor = 0
    for one in sorted(books.credits.values(), key=lambda one: one.sequence):
        part = min(one.remaining_minor, total_minor - used_minor)
        if part > 0:
            one.remaining_minor -= part
            used_minor += part
            books.touched.add(("credits", one.id))
    return used_minor
