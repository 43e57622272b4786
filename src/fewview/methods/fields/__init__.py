"""Neural fields: volumes as functions of space, fitted to the measurement."""
