"""Published samplers of the posterior: compositions of the one loop that draw, where D3IP estimates."""
