"""What survives a restart, on both databases."""
