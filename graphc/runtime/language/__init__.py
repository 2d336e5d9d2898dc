"""The kernel language: its names, its front end to LLVM IR, vector math, machine code."""
