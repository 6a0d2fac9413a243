"""awsCredentialExport: a command that prints AWS keys, run by every program and kept while they last."""

from __future__ import annotations

from keyturn.bedrock import keeping, keys
from keyturn.bedrock.redeeming import Redeem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.bedrock.keys import Found
    from keyturn.settings.layers import Setting

KEY = "awsCredentialExport"


class ExportRedeem(Redeem):
    """The keys of the command; no other credentials are looked at, whatever is there (R25)."""

    def get(self, spent: Found | None) -> Found:
        """As `Redeem`."""
        return self._keeping().found(spent)

    def where(self) -> str:
        """As `Redeem`."""
        return self._setting().where

    def forget(self) -> None:
        """As `Redeem`."""
        self._keeping().forget()

    def known(self) -> Found | None:
        """The keys as last printed, without running anything."""
        return self._keeping().known()

    def _setting(self) -> Setting:
        setting = self.scene.settings.get(KEY)
        if setting is None:
            from keyturn.errors import NoCredential

            raise NoCredential(
                f"{KEY} was in force when this program began, and is not any more",
                hint="see what there is now: keyturn explain",
                code="setting_gone",
            )
        return setting

    def _keeping(self) -> keeping.Keeping:
        setting = self._setting()
        name = "\0".join((setting.scope, setting.path or "", setting.value))
        return keeping.Keeping(self.scene.world, name, lambda: setting, self._printed)

    def _printed(self) -> Found:
        from keyturn.commands import export

        setting = self._setting()
        text = export(self.scene, setting)
        return keys.printed_keys(text, setting.where, self.scene.world.now())
