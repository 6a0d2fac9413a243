"""What keyturn costs and saves, measured beside others in the same run: `python -m bench [NAME …]`."""
