"""Many steps in one native call, with the kernels that feed each of them."""
