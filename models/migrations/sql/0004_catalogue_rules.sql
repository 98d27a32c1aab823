-- What was published never changes, whoever writes: a version only goes forward, from draft to published to retired.
CREATE FUNCTION refuse_catalogue_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = '42501', CONSTRAINT = 'catalogue_is_final',
    MESSAGE = TG_OP || ' on ' || TG_TABLE_NAME || ' is forbidden: what was published or redeemed is final';
END $$;

CREATE TRIGGER plan_version_final BEFORE UPDATE ON plan_version FOR EACH ROW
WHEN (
  (OLD.plan_id, OLD.version, OLD.sequence, OLD.request_id, OLD.created_at)
    IS DISTINCT FROM (NEW.plan_id, NEW.version, NEW.sequence, NEW.request_id, NEW.created_at)
  OR (OLD.status <> 'draft' AND (OLD.currency, OLD.terms, OLD.published_at)
    IS DISTINCT FROM (NEW.currency, NEW.terms, NEW.published_at))
  OR (OLD.status = 'retired' AND OLD.retired_at IS DISTINCT FROM NEW.retired_at)
  OR (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (('draft', 'published'), ('published', 'retired')))
)
EXECUTE FUNCTION refuse_catalogue_change();

CREATE TRIGGER plan_version_kept BEFORE DELETE OR TRUNCATE ON plan_version
FOR EACH STATEMENT EXECUTE FUNCTION refuse_catalogue_change();

-- A coupon's promise stays what it was; only how often it was redeemed goes up, and it can be withdrawn once.
CREATE TRIGGER coupon_final BEFORE UPDATE ON coupon FOR EACH ROW
WHEN (
  (OLD.code, OLD.sequence, OLD.percent, OLD.amount_minor, OLD.currency, OLD.lines, OLD.periods, OLD.valid_from,
   OLD.valid_until, OLD.max_redemptions, OLD.once_per_customer, OLD.created_at)
  IS DISTINCT FROM
  (NEW.code, NEW.sequence, NEW.percent, NEW.amount_minor, NEW.currency, NEW.lines, NEW.periods, NEW.valid_from,
   NEW.valid_until, NEW.max_redemptions, NEW.once_per_customer, NEW.created_at)
  OR NEW.redeemed < OLD.redeemed
  OR (OLD.deactivated_at IS NOT NULL AND OLD.deactivated_at IS DISTINCT FROM NEW.deactivated_at)
)
EXECUTE FUNCTION refuse_catalogue_change();

CREATE TRIGGER coupon_kept BEFORE DELETE OR TRUNCATE ON coupon
FOR EACH STATEMENT EXECUTE FUNCTION refuse_catalogue_change();

CREATE TRIGGER coupon_redemption_final BEFORE UPDATE OR DELETE OR TRUNCATE ON coupon_redemption
FOR EACH STATEMENT EXECUTE FUNCTION refuse_catalogue_change();

ALTER TABLE plan_version ENABLE ALWAYS TRIGGER plan_version_final;

ALTER TABLE plan_version ENABLE ALWAYS TRIGGER plan_version_kept;

ALTER TABLE coupon ENABLE ALWAYS TRIGGER coupon_final;

ALTER TABLE coupon ENABLE ALWAYS TRIGGER coupon_kept;

ALTER TABLE coupon_redemption ENABLE ALWAYS TRIGGER coupon_redemption_final;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'perennial_app') THEN
    REVOKE UPDATE, DELETE ON plan_version, coupon, coupon_redemption FROM perennial_app;
    REVOKE DELETE ON product, plan FROM perennial_app;
    GRANT UPDATE (status, currency, terms, published_at, retired_at) ON plan_version TO perennial_app;
    GRANT UPDATE (redeemed, deactivated_at) ON coupon TO perennial_app;
  END IF;
END $$;
