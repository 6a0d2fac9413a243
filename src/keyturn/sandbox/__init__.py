"""A whole Claude side on loopback: an authority to log in to and an API that accepts just its credentials.

Needs the extra `keyturn[sandbox]`; importing this package loads none of it, making a `Sandbox` does.
"""

from __future__ import annotations

from .configuration import configuration_text, route_variables
from .serve import Sandbox

__all__ = ["Sandbox", "configuration_text", "route_variables"]
