"""The steps that a workflow orders: each makes one thing so, in one transaction, and may run twice."""
