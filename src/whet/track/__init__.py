"""Trackers that are told of a job while it runs."""
