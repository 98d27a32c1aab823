-- What was issued never changes, whoever writes: only how far an invoice is settled does.
CREATE FUNCTION refuse_document_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = '42501', CONSTRAINT = 'document_is_final',
    MESSAGE = TG_OP || ' on ' || TG_TABLE_NAME || ' is forbidden: what was issued is final';
END $$;

CREATE TRIGGER invoice_final BEFORE UPDATE ON invoice FOR EACH ROW
WHEN (
  (OLD.id, OLD.sequence, OLD.legal_entity, OLD.kind, OLD.number, OLD.contract_id, OLD.customer_id, OLD.document,
   OLD.input_hash, OLD.currency, OLD.issued_on, OLD.issued_at, OLD.due_on, OLD.due_at, OLD.net_minor, OLD.tax_minor,
   OLD.total_minor, OLD.corrects_invoice_id, OLD.taxes)
  IS DISTINCT FROM
  (NEW.id, NEW.sequence, NEW.legal_entity, NEW.kind, NEW.number, NEW.contract_id, NEW.customer_id, NEW.document,
   NEW.input_hash, NEW.currency, NEW.issued_on, NEW.issued_at, NEW.due_on, NEW.due_at, NEW.net_minor, NEW.tax_minor,
   NEW.total_minor, NEW.corrects_invoice_id, NEW.taxes)
)
EXECUTE FUNCTION refuse_document_change();

CREATE TRIGGER invoice_kept BEFORE DELETE OR TRUNCATE ON invoice
FOR EACH STATEMENT EXECUTE FUNCTION refuse_document_change();

CREATE TRIGGER invoice_line_final BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_line
FOR EACH STATEMENT EXECUTE FUNCTION refuse_document_change();

CREATE TRIGGER contract_event_final BEFORE UPDATE OR DELETE OR TRUNCATE ON contract_event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_document_change();

ALTER TABLE invoice ENABLE ALWAYS TRIGGER invoice_final;

ALTER TABLE invoice ENABLE ALWAYS TRIGGER invoice_kept;

ALTER TABLE invoice_line ENABLE ALWAYS TRIGGER invoice_line_final;

ALTER TABLE contract_event ENABLE ALWAYS TRIGGER contract_event_final;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'perennial_app') THEN
    REVOKE UPDATE, DELETE ON invoice, invoice_line, contract_event FROM perennial_app;
    GRANT UPDATE (status, credited_minor, credit_applied_minor, paid_minor, written_off_minor) ON invoice
      TO perennial_app;
  END IF;
END $$;
