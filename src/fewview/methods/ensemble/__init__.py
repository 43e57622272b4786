"""Several reconstructions in one: how large a part of the result each is worth, by held-out measurements."""
