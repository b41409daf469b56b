"""Typed inputs: from DataFrames, arrays and sparse matrices to the tensors that a graph takes."""
