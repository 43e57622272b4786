"""Classical reconstruction: filtered back-projection, algebraic, least-squares, TV and MBIR."""
