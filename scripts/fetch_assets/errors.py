"""What can go wrong with an asset, by exit status."""


class AssetError(Exception):
    """An asset that could not be fetched; `status` is the exit status it leads to."""

    status = 1


class WrongAssetError(AssetError):
    """The asset's name or its content is wrong: running again changes nothing."""

    status = 2


class UnavailableError(AssetError):
    """The network, the server or the filesystem is at fault: running again may help."""

    status = 3
