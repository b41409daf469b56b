"""From a fitted estimator to a graph in tensor operators and `bridge::Forest`."""
