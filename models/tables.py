"""Imports every module that declares a table, so that the metadata is complete."""
