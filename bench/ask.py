"""A program that starts, asks for a token and prints it: `python -m bench.ask CLIENT HOME JUDGE`."""

import sys

from bench.clients import client_named

print(client_named(sys.argv[1]).open(sys.argv[2], sys.argv[3]).token())
