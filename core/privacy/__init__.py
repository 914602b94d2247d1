"""Deleting and suppressing people: what is asked for, the job that does it, and the receipt of what went where."""
