"""Durable processes: they decide when, the domain decides how much, activities make it so."""
