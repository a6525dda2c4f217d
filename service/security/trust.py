"""Whose versions are served, as the settings say."""

from model_store.layout import Trust
from service.settings import Settings


def trust_of(settings: Settings) -> Trust | None:
    """Return who has to have signed a version; None: nobody.

    Raises:
        StartError: if the file of trusted keys cannot be used.
    """
    if settings.trusted_keys_file is None:
        return None
    from service.security.signatures import TrustedKeys  # noqa: PLC0415 - costs time and memory only where it is asked for

    return TrustedKeys.read(settings.trusted_keys_file)
