"""Uploads: files taken in piece by piece, then checked and stored by workers."""
