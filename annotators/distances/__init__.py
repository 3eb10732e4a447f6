"""Annotators without any training of their own: how far apart frozen networks see the two images.

What a trained annotator adds is what it gains over these.
"""
