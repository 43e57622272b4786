"""Networks trained to turn one reconstruction into a better one."""
