"""The schedule: a graph fused into a few kernels, a small loop IR, with a plan of its memory."""
