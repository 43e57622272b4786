"""Repair of slices by a network: what it is told of the measurement, and how its proposals are used."""
