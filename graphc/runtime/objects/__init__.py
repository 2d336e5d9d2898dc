"""The object cache: kernels, and what was made of large graphs, in memory and on disk."""
