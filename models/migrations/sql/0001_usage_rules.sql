-- A claim is kept as it was counted; only an invoice line may take it over, once.
CREATE FUNCTION rated_line_check_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.invoice_line_id IS NOT NULL AND NEW.invoice_line_id IS DISTINCT FROM OLD.invoice_line_id
    OR to_jsonb(NEW) - 'invoice_line_id' <> to_jsonb(OLD) - 'invoice_line_id'
  THEN
    RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'rated_line_kept',
      MESSAGE = 'rated line ' || OLD.id || ' stays as it was counted and billed';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER rated_line_kept BEFORE UPDATE ON rated_line FOR EACH ROW EXECUTE FUNCTION rated_line_check_kept();
ALTER TABLE rated_line ENABLE ALWAYS TRIGGER rated_line_kept;
CREATE TRIGGER rated_line_never_gone BEFORE DELETE OR TRUNCATE ON rated_line
FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();
ALTER TABLE rated_line ENABLE ALWAYS TRIGGER rated_line_never_gone;

-- What an event says stays; it may only join or leave a contract.
CREATE FUNCTION usage_event_check_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'usage_event_kept',
    MESSAGE = 'event ' || OLD.event_id || ' of ' || OLD.source || ' stays as it was accepted';
END $$;
CREATE TRIGGER usage_event_kept
BEFORE UPDATE OF source, event_id, body_hash, customer_key, requested_contract_id, event, at, value, properties, received_at
ON usage_event FOR EACH ROW EXECUTE FUNCTION usage_event_check_kept();
ALTER TABLE usage_event ENABLE ALWAYS TRIGGER usage_event_kept;
CREATE TRIGGER usage_event_never_gone BEFORE DELETE OR TRUNCATE ON usage_event
FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();
ALTER TABLE usage_event ENABLE ALWAYS TRIGGER usage_event_never_gone;
