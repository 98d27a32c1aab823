SELECT usage_make_parts(coalesce(array_agg(DISTINCT CAST(date_trunc('month', at AT TIME ZONE 'UTC') AS date)), '{}'))
FROM usage_event_before;
INSERT INTO usage_key (source, event_id, seq, at, body_hash)
SELECT source, event_id, seq, at, body_hash FROM usage_event_before ORDER BY source, event_id;
INSERT INTO usage_event (
  seq, at, source, event_id, customer_key, requested_contract_id, contract_id, event, value, properties, received_at
)
SELECT seq, at, source, event_id, customer_key, requested_contract_id, contract_id, event, value, properties, received_at
FROM usage_event_before ORDER BY seq;
SELECT setval('usage_seq', last_value, is_called) FROM usage_event_seq_seq;
DROP TABLE usage_event_before;
