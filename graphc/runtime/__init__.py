"""The runtime: machine code, object cache, threads, bindings, programs; a room for each.

language    the kernel language, its front end to LLVM IR, vector math
objects     kernels in memory and on disk
micro       micro-kernels of products and convolutions
threads     the team that runs the rows of a program
binding     sizes known, a program as a table of rows
calls       arguments in, results out
epochs      many steps in one call
reports     profile, roofline, reasons, costs, failures
"""
