"""Binding: sizes known, a program becomes a table of rows with addresses, parts and blocks."""
