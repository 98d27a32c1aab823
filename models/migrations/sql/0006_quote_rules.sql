-- What was offered, what happened to it, who accepted it and which limits held: evidence, which only ever comes.

CREATE FUNCTION refuse_quote_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only',
        MESSAGE = TG_TABLE_NAME || ' is append-only';
END $$;

CREATE TRIGGER quote_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON quote_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_quote_change();
CREATE TRIGGER quote_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON quote_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_quote_change();
CREATE TRIGGER quote_acceptance_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON quote_acceptance
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_quote_change();
CREATE TRIGGER quote_limits_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON quote_limits
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_quote_change();

-- A quote that has been accepted stays as it was accepted.
CREATE FUNCTION refuse_accepted_quote_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'accepted' AND (NEW.status, NEW.version, NEW.contract_id, NEW.state)
        IS DISTINCT FROM (OLD.status, OLD.version, OLD.contract_id, OLD.state) THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'quote_accepted_final',
            MESSAGE = 'quote ' || OLD.id || ' is accepted';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER quote_accepted_final BEFORE UPDATE ON quote
    FOR EACH ROW EXECUTE FUNCTION refuse_accepted_quote_change();

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'perennial_app') THEN
        REVOKE UPDATE, DELETE ON quote_version, quote_event, quote_acceptance, quote_limits FROM perennial_app;
    END IF;
END $$;
