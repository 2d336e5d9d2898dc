"""The runtime: compiled kernels, the object cache, the thread team, vector math."""
