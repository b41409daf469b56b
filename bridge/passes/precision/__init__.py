"""Change the dtypes that a graph computes in."""
