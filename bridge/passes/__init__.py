"""From graph to graph: one table says which passes make a graph fit a target."""
