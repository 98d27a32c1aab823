"""One year of real departures, billed from start to end on the embedded stack."""
