"""Training pairs made from photographs: an edit with an exact mask, an instruction, and what editors do to files."""
