"""Imports every module that declares a table, so that the metadata is complete."""

import models.account
import models.api_key
import models.audit
import models.customer
import models.idempotency
import models.inbox
import models.journal
import models.period
import models.rated_line
import models.usage  # noqa: F401
