"""Which account, share and path a URI of Azure Files names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from inferry.storage import InvalidUri, NotAllowed, shown_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_SHARE = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
#: The clouds of Azure: the credentials go there, or to where the operator says.
_HOST = re.compile(
    r"[a-z0-9]{3,24}(\.z\d{1,3})?\.file\.(core\.windows\.net|"
    r"core\.usgovcloudapi\.net|core\.chinacloudapi\.cn|storage\.azure\.net)"
)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """*path* in *share* of *account*, whose file service is at *url*."""

    account: str
    url: str
    share: str
    path: str = ""


def parse(uri: str, values: Mapping[str, str]) -> Address:
    """Read ``https://ACCOUNT.file.core.windows.net/SHARE/PATH``, or azfile:// for it.

    ``azfile://SHARE/PATH`` is of the account that AZURE_ACCOUNT_NAME names. The
    operator may name another service with AZURE_FILE_SERVICE_URL.

    Raises:
        InvalidUri: It is not of these forms, or names no account.
        NotAllowed: It is of another account than the credentials.

    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise _malformed(uri) from None
    host = parts.netloc.lower()
    words = [unquote(each) for each in parts.path.split("/") if each]
    known = values.get("AZURE_ACCOUNT_NAME", "").strip()
    if "." in host and words:
        account, share = host.partition(".")[0], words.pop(0)
    elif parts.scheme.lower() == "azfile":
        account, share = known, host
        host = f"{account}.file.core.windows.net"
    else:
        raise _malformed(uri)
    if not account:
        raise InvalidUri(
            f"{shown_uri(uri)} names no account",
            remedy="set AZURE_ACCOUNT_NAME, or write "
            "https://ACCOUNT.file.core.windows.net/SHARE/PATH",
        )
    bad = any(each in {".", ".."} or "\0" in each for each in words)
    fits = (
        _ACCOUNT.fullmatch(account)
        and _SHARE.fullmatch(share)
        and _HOST.fullmatch(host)
    )
    # A signature in the URI is the credentials' part, and is read there.
    unknown = parts.fragment or (parts.query and "sig=" not in parts.query)
    if bad or not fits or unknown:
        raise _malformed(uri)
    if known and known != account:
        raise NotAllowed(
            f"{shown_uri(uri)} is of another account than the credentials, {known}",
            remedy="give credentials for it, or correct AZURE_ACCOUNT_NAME",
        )
    url = values.get("AZURE_FILE_SERVICE_URL", "").strip() or f"https://{host}"
    return Address(
        account=account, url=url.rstrip("/"), share=share, path="/".join(words)
    )


def _malformed(uri: str) -> InvalidUri:
    return InvalidUri(
        f"{shown_uri(uri)} is not the address of a file share",
        remedy="write https://ACCOUNT.file.core.windows.net/SHARE/PATH, "
        "with credentials in a secret and not in the URI",
    )
