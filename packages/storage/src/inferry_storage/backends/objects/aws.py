"""Who asks S3: keys, identities of a cluster, profiles of the AWS command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from inferry.storage import Unauthenticated
from inferry_storage.backends.objects.address import is_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from obstore.store import S3Config, S3Credential

    from inferry.storage import Credentials

_IDENTITIES = {
    "AWS_ROLE_ARN": "role_arn",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "web_identity_token_file",
    "AWS_ROLE_SESSION_NAME": "role_session_name",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "container_credentials_relative_uri",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "container_credentials_full_uri",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "container_authorization_token_file",
}
_PROFILE_FILES = {
    "AWS_CONFIG_FILE": "config_file",
    "AWS_SHARED_CREDENTIALS_FILE": "credentials_file",
}
# botocore renews what ends; asking it again costs nothing until then.
_ASK_AGAIN = timedelta(minutes=5)


def identity(
    credentials: Credentials,
) -> tuple[S3Config, Callable[[], S3Credential] | None]:
    """Return who asks, as options of the store and as a provider.

    With neither of them obstore asks the metadata server.

    Raises:
        Unauthenticated: They are half, or a profile does not give any.

    """
    values, rung = credentials.values, credentials.rung
    if rung == "anonymous" or is_on(values, "awsAnonymousCredential"):
        return {"skip_signature": True}, None
    key = values.get("AWS_ACCESS_KEY_ID", "")
    secret = values.get("AWS_SECRET_ACCESS_KEY", "")
    if bool(key) != bool(secret):
        raise Unauthenticated(
            f"step {rung!r} has only one of AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY",
            rung=rung,
            remedy="give both",
        )
    if key:
        # A provider, for options would be mixed with what the environment has.
        return {}, _fixed(key, secret, values.get("AWS_SESSION_TOKEN"))
    if name := values.get("AWS_PROFILE"):
        return {}, _profile(name, credentials)
    options: dict[str, Any] = {
        option: values[name] for name, option in _IDENTITIES.items() if values.get(name)
    }
    return options, None  # type: ignore[return-value]


def _fixed(key: str, secret: str, token: str | None) -> Callable[[], S3Credential]:
    def provide() -> S3Credential:
        return {
            "access_key_id": key,
            "secret_access_key": secret,
            "token": token or None,
            "expires_at": None,
        }

    return provide


def _profile(name: str, credentials: Credentials) -> Callable[[], S3Credential]:
    """Return what asks the AWS SDK for *name*: single sign-on, a program, a role."""
    try:
        sdk = import_module("botocore.session")
        failures = import_module("botocore.exceptions")
    except ImportError:
        raise Unauthenticated(
            f"the AWS profile {name!r} needs the AWS SDK",
            rung=credentials.rung,
            remedy='pip install "inferry-storage[aws]"',
        ) from None
    session = sdk.Session(profile=name)
    for value, variable in _PROFILE_FILES.items():
        if path := credentials.values.get(value):
            session.set_config_variable(variable, path)
    try:
        found = session.get_credentials()
        if found is not None:
            found.get_frozen_credentials()
    except (failures.BotoCoreError, OSError, ValueError):
        found = None
    if found is None:
        raise Unauthenticated(
            f"the AWS profile {name!r} gives no credentials now",
            rung=credentials.rung,
            remedy=f"run: aws sso login --profile {name}; or see: aws sts "
            f"get-caller-identity --profile {name}",
        )

    def provide() -> S3Credential:
        now = found.get_frozen_credentials()
        return {
            "access_key_id": now.access_key,
            "secret_access_key": now.secret_key,
            "token": now.token,
            "expires_at": datetime.now(UTC) + _ASK_AGAIN,
        }

    return provide
