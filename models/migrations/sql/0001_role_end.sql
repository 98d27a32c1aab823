DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'perennial_app') THEN
    GRANT SELECT ON alembic_version TO perennial_app;
    REVOKE UPDATE, DELETE ON account, accounting_period, journal_entry, journal_line, usage_event, rated_line
      FROM perennial_app;
    REVOKE INSERT ON account FROM perennial_app;
    GRANT UPDATE (status, generation) ON accounting_period TO perennial_app;
    GRANT UPDATE (contract_id, seq) ON usage_event TO perennial_app;
    GRANT UPDATE (invoice_line_id) ON rated_line TO perennial_app;
  END IF;
END $$;
