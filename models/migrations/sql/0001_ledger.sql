-- What the journal guarantees whoever writes to it. The triggers fire ALWAYS, so that not even a session in
-- replica mode passes them by. Violations carry a constraint name, as those of a declared constraint do.

-- The namespace of the advisory locks of a book's periods.
CREATE FUNCTION ledger_lock_key(book text, period text, OUT space int, OUT slot int) LANGUAGE sql IMMUTABLE
RETURN (hashtext('ledger:' || book), replace(period, '-', '')::int);

CREATE FUNCTION ledger_lock_period(book text, period text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(key.space, key.slot) FROM ledger_lock_key(book, period) AS key;
END $$;

-- A period comes to be when it is first needed, but never before one that is being closed already.
CREATE FUNCTION ledger_ensure_period(wanted_book text, wanted_period text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM accounting_period p WHERE p.book = wanted_book AND p.period = wanted_period) THEN
    RETURN;
  END IF;
  IF EXISTS (
    SELECT FROM accounting_period p WHERE p.book = wanted_book AND p.period > wanted_period AND p.status <> 'open'
  ) THEN
    RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'entry_period_open',
      MESSAGE = 'period ' || wanted_period || ' of book ' || wanted_book || ' lies before a closed one';
  END IF;
  INSERT INTO accounting_period (book, period, starts_on, ends_on, status, generation)
  VALUES (
    wanted_book, wanted_period, to_date(wanted_period, 'YYYY-MM'),
    to_date(wanted_period, 'YYYY-MM') + interval '1 month', 'open', 0
  ) ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION journal_check_period() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  found_period record;
BEGIN
  -- Queues fairly behind a waiting close.
  PERFORM pg_advisory_xact_lock_shared(key.space, key.slot) FROM ledger_lock_key(NEW.book, NEW.period) AS key;
  PERFORM ledger_ensure_period(NEW.book, NEW.period);
  -- Makes a poster whose snapshot is older than the close fail instead of posting into the closed period.
  SELECT status, starts_on, ends_on INTO found_period FROM accounting_period
  WHERE book = NEW.book AND period = NEW.period FOR SHARE;
  IF NEW.posting_on < found_period.starts_on OR NEW.posting_on >= found_period.ends_on THEN
    RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'entry_date_in_period',
      MESSAGE = 'posting date ' || NEW.posting_on || ' is outside period ' || NEW.period;
  END IF;
  IF found_period.status = 'open'
    OR found_period.status = 'closing'
    AND current_setting('ledger.close_run', true) = NEW.book || ':' || NEW.period
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'entry_period_open',
    MESSAGE = 'period ' || NEW.period || ' of book ' || NEW.book || ' is ' || coalesce(found_period.status, 'absent');
END $$;
CREATE TRIGGER journal_entry_period BEFORE INSERT ON journal_entry
FOR EACH ROW EXECUTE FUNCTION journal_check_period();
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER journal_entry_period;

-- Checked once per entry, at commit: a check per line would cost the square of an entry's length.
CREATE FUNCTION journal_check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  lines int;
  functional numeric;
  bad record;
BEGIN
  SELECT count(*), coalesce(sum(functional_minor), 0) INTO lines, functional FROM journal_line WHERE entry_id = NEW.id;
  IF lines <> NEW.line_count THEN
    RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'entry_line_count',
      MESSAGE = 'entry ' || NEW.id || ' has ' || lines || ' lines, not ' || NEW.line_count;
  END IF;
  IF functional <> 0 THEN
    RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'entry_functional_balanced',
      MESSAGE = 'entry ' || NEW.id || ' is off by ' || functional || ' in the functional currency';
  END IF;
  SELECT currency, sum(amount_minor) AS off INTO bad FROM journal_line
  WHERE entry_id = NEW.id GROUP BY currency HAVING sum(amount_minor) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'entry_currency_balanced',
      MESSAGE = 'entry ' || NEW.id || ' is off by ' || bad.off || ' in ' || bad.currency;
  END IF;
  IF NEW.reverses_entry_id IS NOT NULL AND EXISTS (
    SELECT FROM journal_line WHERE entry_id IN (NEW.id, NEW.reverses_entry_id)
    GROUP BY account, currency, contract_id, invoice_id, line_id
    HAVING sum(amount_minor) <> 0 OR sum(functional_minor) <> 0
  ) THEN
    RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'entry_reverses_exactly',
      MESSAGE = 'entry ' || NEW.id || ' is not the mirror image of ' || NEW.reverses_entry_id;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER journal_entry_balanced AFTER INSERT ON journal_entry
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION journal_check_balance();
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER journal_entry_balanced;

-- Every committed entry has exactly the lines that its header counts. Refusing more than that seals it: nothing can
-- join it later, not even a balanced pair, in whatever transaction and on whatever restored copy.
CREATE FUNCTION journal_check_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM (SELECT DISTINCT entry_id FROM added) a JOIN journal_entry e ON e.id = a.entry_id
    WHERE e.line_count < (SELECT count(*) FROM journal_line l WHERE l.entry_id = e.id)
  ) THEN
    RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'entry_sealed',
      MESSAGE = 'an entry takes no more lines than its header counts';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER journal_line_sealed AFTER INSERT ON journal_line
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION journal_check_sealed();
ALTER TABLE journal_line ENABLE ALWAYS TRIGGER journal_line_sealed;

CREATE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = TG_OP || ' on ' || TG_TABLE_NAME || ' is forbidden';
END $$;
CREATE TRIGGER journal_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entry
FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER journal_entry_append_only;
CREATE TRIGGER journal_line_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_line
FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();
ALTER TABLE journal_line ENABLE ALWAYS TRIGGER journal_line_append_only;

-- A period only moves open -> closing -> closed, and back to open as its next generation.
CREATE FUNCTION period_check_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.book, NEW.period, NEW.starts_on, NEW.ends_on) IS DISTINCT FROM (OLD.book, OLD.period, OLD.starts_on, OLD.ends_on)
    OR NOT (
      (OLD.status, NEW.status) IN (('open', 'closing'), ('closing', 'closed')) AND NEW.generation = OLD.generation
      OR (OLD.status, NEW.status) IN (('closing', 'open'), ('closed', 'open')) AND NEW.generation = OLD.generation + 1
    )
  THEN
    RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'period_moves_in_order',
      MESSAGE = 'period ' || OLD.period || ' cannot go from ' || OLD.status || ' to ' || NEW.status;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER accounting_period_move BEFORE UPDATE ON accounting_period
FOR EACH ROW EXECUTE FUNCTION period_check_move();
ALTER TABLE accounting_period ENABLE ALWAYS TRIGGER accounting_period_move;
CREATE TRIGGER accounting_period_kept BEFORE DELETE OR TRUNCATE ON accounting_period
FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();
ALTER TABLE accounting_period ENABLE ALWAYS TRIGGER accounting_period_kept;
