"""Programs that are killed at a system call of their renewal, and what is found afterwards."""
