-- The role that the product runs as: it reads and writes, and cannot touch what only ever comes. Where the migrating
-- user may not create roles, the triggers alone guard the journal.
DO $$
BEGIN
  CREATE ROLE perennial_app NOLOGIN;
EXCEPTION
  WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
END $$;
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'perennial_app') THEN
    GRANT USAGE ON SCHEMA public TO perennial_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO perennial_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO perennial_app;
  END IF;
END $$;
