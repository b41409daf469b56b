"""Real flights, real models: fit, export for every target, prove equal, time. What `bridge demo` runs."""
