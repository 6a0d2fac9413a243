"""What people configure: keyturn's own `config.json`."""
