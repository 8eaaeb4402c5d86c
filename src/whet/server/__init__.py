"""`whet serve`: a finished run behind HTTP."""
