"""Micro-kernels of matrix products and convolutions, as LLVM functions made once a dtype."""
