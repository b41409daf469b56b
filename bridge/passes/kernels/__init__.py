"""Keep a graph for CUDA to operators and dtypes that have a kernel there.

What these rules give is as exact as the CPU kernel that they replace: integers stay exact, and a function of float32
is computed in float64. They read where a node lands from `bridge.placement`.
"""
