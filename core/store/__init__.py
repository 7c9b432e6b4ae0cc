"""What is kept in the database of the data directory."""
