"""Readers of folders in public formats. Import the domain only, so that auditors can use them."""
