"""What may hold a credential for Google Vertex AI; loaded when asked, for other routes pay nothing for it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene
    from keyturn.survey import Absent, Offer


def adc(scene: Scene) -> Absent | Offer:
    """Google's Application Default Credentials."""
    from keyturn.vertex.offer import adc_offer

    return adc_offer(scene)


def skip(scene: Scene) -> Absent | Offer:
    """CLAUDE_CODE_SKIP_VERTEX_AUTH: requests leave without a token, and a gateway authenticates."""
    from keyturn.vertex.offer import skip_offer

    return skip_offer(scene)
