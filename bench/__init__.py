"""Measures the budgets of the design, as ratios and counts of one run on one machine."""
