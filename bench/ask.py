"""Start, ask for a token, print it: `python -m bench.ask CLIENT HOME JUDGE [N]`, with N threads."""

import sys
from concurrent.futures import ThreadPoolExecutor

from bench.clients import client_named

session = client_named(sys.argv[1]).open(sys.argv[2], sys.argv[3])
if len(sys.argv) == 4:
    print(session.token())
else:
    with ThreadPoolExecutor(int(sys.argv[4])) as pool:
        for token in pool.map(lambda _: session.token(), range(int(sys.argv[4]))):
            print(token)
