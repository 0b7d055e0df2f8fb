"""Checks everything that `serve` needs of its settings, before anything is started."""

from __future__ import annotations

from exporter import tokens
from exporter.parts import docs, make_token_counter, read_prices, thresholds_file
from exporter.prices.table import Prices
from exporter.settings import Settings, SettingsError
from exporter.thresholds import shipped
from exporter.types import Refused


def check(settings: Settings) -> Prices:
    """Read each file that the settings name, and return the prices of models.

    Raises:
        SettingsError: a file is missing or cannot be used; the message names it, its field and the reason.
        ShippedFilesError: the installation is incomplete.
    """
    for path, named, key in (
        (tokens.token_path(settings), settings.token_file, "token_file"),
        (tokens.admin_token_path(settings), settings.admin_token_file, "admin_token_file"),
    ):
        if named:
            tokens.read(path, key)
    make_token_counter(settings).close()
    prices = read_prices(settings)
    docs()
    _check_thresholds(settings)
    return prices


def _check_thresholds(settings: Settings) -> None:
    file = thresholds_file(settings)
    try:
        shipped.read(file)
    except Refused as error:
        raise SettingsError(f"{file}: {error.field}: {error}" if error.field else str(error)) from error
    except ValueError as error:
        raise SettingsError(str(error)) from error
