"""Frozen networks of others that several adapters take features from, with their published weights."""
