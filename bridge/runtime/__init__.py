"""Run finished models: sessions, devices, batches, and the predictor."""
