"""Talking to Claude: one question of `-p`, or the interactive session of a bare `keyturn`."""
