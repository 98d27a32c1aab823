"""What changes of a contract have credited of an invoice: they make credit notes of their own, with their days."""

from collections.abc import Iterator

from domain.books import BookedLine, Books, Document


def changes_of(books: Books, document: Document) -> tuple[dict[str, list[BookedLine]], list[BookedLine]]:
    """The lines of changes' credit notes that belong to the invoice, by the id of the line whose days they change.

    Second, those that belong to none of its lines: what the change billed beside, such as a line that was added.
    """
    by_line: dict[str, list[BookedLine]] = {}
    others: list[BookedLine] = []
    for note in books.documents.values():
        if note.kind != "credit_note" or note.correction_id is not None:
            continue
        for line in note.lines:
            billed = next(_billing(books, note, line), None)
            if billed is not None and billed[0] is document:
                by_line.setdefault(billed[1].id, []).append(line)
            elif billed is None and note.corrects == document.id:
                others.append(line)
    for id_, lines in by_line.items():
        if sum(line.net_minor for line in lines) < 0:
            # More was billed than credited: what was billed stands for itself, as what is beside does.
            others += [line for line in lines if line.net_minor < 0]
            by_line[id_] = [line for line in lines if line.net_minor >= 0]
    return by_line, others


def _billing(books: Books, note: Document, line: BookedLine) -> Iterator[tuple[Document, BookedLine]]:
    """The invoice lines that had billed the line's first day in advance when the note was issued, the last first."""
    for invoice in reversed(books.documents.values()):
        if invoice.kind == "invoice" and invoice.sequence < note.sequence:
            for billed in invoice.lines:
                same = billed.line_id == line.line_id and billed.kind == "charge"
                if same and billed.starts_on <= line.starts_on < billed.ends_on:
                    yield invoice, billed
