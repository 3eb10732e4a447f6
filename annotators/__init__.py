"""Annotators: from a pair (original, edited) to a score map of the edited region."""
