"""What people do, over real stores on both databases."""
