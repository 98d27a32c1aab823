-- What was issued never changes, whoever writes: only how far it is settled does, and what corrections took off.
CREATE TRIGGER invoice_final BEFORE UPDATE ON invoice FOR EACH ROW
WHEN (
  (OLD.id, OLD.sequence, OLD.legal_entity, OLD.kind, OLD.number, OLD.contract_id, OLD.customer_id, OLD.document,
   OLD.input_hash, OLD.currency, OLD.issued_on, OLD.issued_at, OLD.due_on, OLD.due_at, OLD.net_minor, OLD.tax_minor,
   OLD.total_minor, OLD.corrects_invoice_id, OLD.correction_id, OLD.taxes)
  IS DISTINCT FROM
  (NEW.id, NEW.sequence, NEW.legal_entity, NEW.kind, NEW.number, NEW.contract_id, NEW.customer_id, NEW.document,
   NEW.input_hash, NEW.currency, NEW.issued_on, NEW.issued_at, NEW.due_on, NEW.due_at, NEW.net_minor, NEW.tax_minor,
   NEW.total_minor, NEW.corrects_invoice_id, NEW.correction_id, NEW.taxes)
)
EXECUTE FUNCTION refuse_document_change();

CREATE TRIGGER invoice_line_final BEFORE UPDATE ON invoice_line FOR EACH ROW
WHEN (
  to_jsonb(OLD) - ARRAY['credited_minor', 'credited_tax_minor']
  IS DISTINCT FROM to_jsonb(NEW) - ARRAY['credited_minor', 'credited_tax_minor']
)
EXECUTE FUNCTION refuse_document_change();

CREATE TRIGGER invoice_line_kept BEFORE DELETE OR TRUNCATE ON invoice_line
FOR EACH STATEMENT EXECUTE FUNCTION refuse_document_change();

ALTER TABLE invoice ENABLE ALWAYS TRIGGER invoice_final;

ALTER TABLE invoice_line ENABLE ALWAYS TRIGGER invoice_line_final;

ALTER TABLE invoice_line ENABLE ALWAYS TRIGGER invoice_line_kept;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'perennial_app') THEN
    GRANT UPDATE (
      refunded_minor, disputed_minor, bad_debt_minor, undone_minor, written_off_on, held, held_because
    ) ON invoice TO perennial_app;
    GRANT UPDATE (credited_minor, credited_tax_minor) ON invoice_line TO perennial_app;
    REVOKE DELETE ON prepaid_grant, commitment_window, rated_period, revenue_plan FROM perennial_app;
  END IF;
END $$;
