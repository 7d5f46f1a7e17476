"""Implementations of the ports: files, clusters, pages. See ports.py and the domain only."""
