"""What the system does, as plain functions. Import the domain and ports only."""
