"""Start a program and print its peak resident memory in KiB; imports nothing, to weigh nothing itself."""

import posix
import sys

child = posix.posix_spawn(
    sys.argv[1], sys.argv[1:], posix.environ, file_actions=[(posix.POSIX_SPAWN_OPEN, 1, "/dev/null", 1, 0)]
)
_, status, usage = posix.wait4(child, 0)
if status:
    sys.exit(f"{sys.argv[1]} ended with status {status}")
print(usage.ru_maxrss)
