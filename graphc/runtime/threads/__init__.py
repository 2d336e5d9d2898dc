"""The team of threads, and the runner that takes it through the rows of a program."""
