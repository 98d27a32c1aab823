"""A Stripe-compatible server for development, tests and fault exams; it moves no money.

`python -m sandbox.stripe --help` says how to run it, `sandbox.stripe.running` starts it inside a test.
"""
