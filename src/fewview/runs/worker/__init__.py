"""The worker process: takes jobs, publishes estimates, obeys stop and pause; and the queue of runs in front of it."""
