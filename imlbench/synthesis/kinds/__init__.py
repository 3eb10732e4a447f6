"""The kinds of edit: one module each, a function from (scene, generator) to an edit, or None where it found no way."""
