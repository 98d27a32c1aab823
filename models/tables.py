"""Imports every module that declares a table, so that the metadata is complete."""

import models.account
import models.api_key
import models.audit
import models.books_rows
import models.catalogue
import models.clock
import models.collection
import models.contract
import models.correction
import models.coupon
import models.credit
import models.customer
import models.idempotency
import models.inbox
import models.invoice
import models.journal
import models.number
import models.payment
import models.period
import models.plan_migration
import models.quote
import models.rated_line
import models.recognition
import models.usage_limit
import models.usage_rollup
import models.usage_tables  # noqa: F401
