"""What the AWS command line keeps in the home folder: profiles."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import TYPE_CHECKING

from inferry.storage import Credentials, Unauthenticated
from inferry_storage.credentials.files import read_text
from inferry_storage.credentials.places import Place, environment

if TYPE_CHECKING:
    from inferry.storage import Lookup

# Of these the AWS SDK makes credentials: single sign-on, a program, another role.
_NEEDS_SDK = (
    "credential_process",
    "login_session",
    "role_arn",
    "sso_account_id",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
)


def find(lookup: Lookup) -> Credentials | None:
    """Return what the profile gives; ``AWS_PROFILE`` where the SDK has to log in.

    Raises:
        Unauthenticated: The profile that ``AWS_PROFILE`` names is not there, or a file
            is broken.

    """
    env = environment(lookup)
    asked = env.get("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
    name = asked or "default"
    credentials = _file(lookup, "AWS_SHARED_CREDENTIALS_FILE", "credentials")
    config = _file(lookup, "AWS_CONFIG_FILE", "config")
    keys = _section(credentials, name)
    more = _section(config, name if name == "default" else f"profile {name}")
    if asked and not keys and not more:
        raise Unauthenticated(
            f"AWS_PROFILE names the profile {asked!r}, which is in neither "
            f"{credentials} nor {config}",
            rung="developer",
            remedy="correct AWS_PROFILE, or run: aws configure",
        )
    merged = {**more, **keys}
    if not merged:
        return None
    region = {"AWS_DEFAULT_REGION": merged["region"]} if "region" in merged else {}
    if "region" in merged and env.get("AWS_REGION", "AWS_DEFAULT_REGION"):
        region = {}
    place = Place(step="developer", what=f"AWS profile {name!r}", values=merged)
    if any(key in merged for key in _NEEDS_SDK):
        values = {"AWS_PROFILE": name}
        values["AWS_CONFIG_FILE"] = str(config)
        values["AWS_SHARED_CREDENTIALS_FILE"] = str(credentials)
        return Credentials(
            rung="developer", detail=place.what, values={**region, **values}
        )
    pair = place.pair("aws_access_key_id", "aws_secret_access_key")
    if pair is None:
        return None
    values = {"AWS_ACCESS_KEY_ID": pair[0], "AWS_SECRET_ACCESS_KEY": pair[1]}
    if token := place.get("aws_session_token"):
        values["AWS_SESSION_TOKEN"] = token
    return Credentials(rung="developer", detail=place.what, values={**region, **values})


def _file(lookup: Lookup, variable: str, name: str) -> Path | None:
    if given := environment(lookup).get(variable):
        return Path(given)
    return None if lookup.home is None else lookup.home / ".aws" / name


def _section(path: Path | None, name: str) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(read_text(path, step="developer"))
    except configparser.Error:
        raise Unauthenticated(
            f"{path} is no file of AWS profiles",
            rung="developer",
            remedy="write sections such as [default] with key = value below",
        ) from None
    return dict(parser[name]) if parser.has_section(name) else {}
