"""Calls of what is bound: arguments in, results out, in machine code where that can be."""
