"""Quantification (核算): records and factors in, grams with their reasons out."""
