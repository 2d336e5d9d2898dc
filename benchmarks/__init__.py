"""Training steps of ten workloads, by graphc and by its peers, measured in one run.

python -m benchmarks --peers torch jax --work mlp_small --json results.json
"""
