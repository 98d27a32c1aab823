-- What an event says stays; it may join or leave a contract, and be voided once.
CREATE TRIGGER usage_event_kept
BEFORE UPDATE OF source, event_id, customer_key, requested_contract_id, event, at, value, properties, received_at
ON usage_event FOR EACH ROW EXECUTE FUNCTION usage_event_check_kept();
ALTER TABLE usage_event ENABLE ALWAYS TRIGGER usage_event_kept;
CREATE TRIGGER usage_event_voided_once BEFORE UPDATE ON usage_event
FOR EACH ROW WHEN (OLD.voided_seq IS NOT NULL) EXECUTE FUNCTION usage_event_check_kept();
ALTER TABLE usage_event ENABLE ALWAYS TRIGGER usage_event_voided_once;
CREATE TRIGGER usage_event_never_gone BEFORE DELETE OR TRUNCATE ON usage_event
FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();
ALTER TABLE usage_event ENABLE ALWAYS TRIGGER usage_event_never_gone;

CREATE TRIGGER usage_key_kept BEFORE UPDATE OF source, event_id ON usage_key
FOR EACH ROW EXECUTE FUNCTION usage_event_check_kept();
ALTER TABLE usage_key ENABLE ALWAYS TRIGGER usage_key_kept;
CREATE TRIGGER usage_key_never_gone BEFORE DELETE OR TRUNCATE ON usage_key
FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();
ALTER TABLE usage_key ENABLE ALWAYS TRIGGER usage_key_never_gone;

-- The parts of usage_event, one a month, out of everyone's reach but through usage_event itself.
CREATE SCHEMA usage_part;

-- Makes the parts that are missing for these months, each given by its first day, in UTC, and returns those that are
-- archived. Attaching, unlike creating a part in place, does not wait for those who read and write the others.
CREATE FUNCTION usage_make_parts(months date[]) RETURNS SETOF date
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  wanted date;
  part text;
BEGIN
  FOREACH wanted IN ARRAY months LOOP
    part := to_char(wanted, '"y"YYYY"m"MM');
    CONTINUE WHEN to_regclass('usage_part.' || part) IS NOT NULL;
    IF EXISTS (SELECT FROM usage_archive a WHERE a.month = wanted) THEN
      RETURN NEXT wanted;
      CONTINUE;
    END IF;
    PERFORM pg_advisory_xact_lock(1970495334, 0);
    -- What another has made meanwhile: its name may still be cached as missing, the catalogue is not.
    CONTINUE WHEN EXISTS (
      SELECT FROM pg_class WHERE relname = part AND relnamespace = CAST('usage_part' AS regnamespace)
    );
    EXECUTE format('CREATE TABLE usage_part.%I (LIKE usage_event INCLUDING ALL)', part);
    EXECUTE format('CREATE TRIGGER usage_event_never_gone BEFORE DELETE OR TRUNCATE ON usage_part.%I'
      ' FOR EACH STATEMENT EXECUTE FUNCTION forbid_change()', part);
    EXECUTE format('ALTER TABLE usage_part.%I ENABLE ALWAYS TRIGGER usage_event_never_gone', part);
    EXECUTE format('ALTER TABLE usage_event ATTACH PARTITION usage_part.%I FOR VALUES FROM (%L) TO (%L)', part,
      to_char(date_trunc('month', wanted), 'YYYY-MM-DD 00:00:00+00'),
      to_char(date_trunc('month', wanted) + interval '1 month', 'YYYY-MM-DD 00:00:00+00'));
  END LOOP;
END $$;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'perennial_app') THEN
    REVOKE UPDATE, DELETE, TRUNCATE ON usage_event, usage_key FROM perennial_app;
    REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON usage_archive FROM perennial_app;
    GRANT UPDATE (contract_id, seq, voided_seq) ON usage_event TO perennial_app;
    GRANT UPDATE (seq, at, body_hash) ON usage_key TO perennial_app;
  END IF;
END $$;
