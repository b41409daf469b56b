"""Reference models on real data: the table that the parity tests run over."""
