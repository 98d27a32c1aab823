-- The table as it was makes room for the one by months.
DROP TRIGGER usage_event_kept ON usage_event;
DROP TRIGGER usage_event_never_gone ON usage_event;
ALTER TABLE usage_event RENAME TO usage_event_before;
ALTER TABLE usage_event_before DROP CONSTRAINT pk_usage_event;
DROP INDEX ix_usage_event_contract_id_event_at, ix_usage_event_waiting, ix_usage_event_waiting_contract,
  ix_usage_event_waiting_customer;
