"""The data doctor: what labelled text has that a training should not meet unseen. No torch."""
