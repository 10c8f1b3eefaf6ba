"""Which of the secrets at hand a source may use, as KServe chooses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from inferry_storage.credentials.places import STORAGE_CONFIG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.storage import Secret, Source

#: Setting -> the name that the value has everywhere else; KServe's configuration
#: renames the two keys of an S3 secret.
RENAMED = {
    "s3_access_key_id_name": "AWS_ACCESS_KEY_ID",
    "s3_secret_access_key_name": "AWS_SECRET_ACCESS_KEY",
}
_DEFAULT = "default"
_MOST_NAMES = 3


def chosen(
    source: Source, secrets: Sequence[Secret], section: Mapping[str, Any]
) -> tuple[Secret, ...]:
    """Return the secrets of *source*, in the order in which they are asked.

    Those that the service's annotations name come alone; otherwise those that its
    service account lists, then the account itself for its annotations. Image pull
    secrets come last.
    """
    by_name = {each.name: each for each in secrets if each.kind == "Secret"}
    account = _account(source, secrets)
    names = list(source.secrets)
    if not names and account is not None:
        names += account.lists
    found = [by_name[name] for name in dict.fromkeys(names) if name in by_name]
    if account is not None and not source.secrets:
        found.append(account)
    pulls = (*source.pull_secrets, *(account.pulls if account is not None else ()))
    found += [by_name[name] for name in pulls if name in by_name and name not in names]
    return tuple(_renamed(each, section) for each in found)


def overlooked(source: Source, secrets: Sequence[Secret]) -> str:
    """Say which secrets were meant and are not used; empty where there is none."""
    account = _account(source, secrets)
    here = [each.name for each in secrets if each.kind == "Secret"]
    listed = () if account is None else account.lists
    named = source.secrets or listed
    said = [f"secret {name!r} is not here" for name in named if name not in here]
    if source.service_account and account is None and not source.secrets:
        said.append(f"service account {source.service_account!r} is not here")
    used = {*named, *source.pull_secrets, *(account.pulls if account else ())}
    unused = [name for name in here if name not in used and name != STORAGE_CONFIG]
    said += [
        f"neither the service nor its account names secret {name!r}"
        for name in unused[:_MOST_NAMES]
    ]
    return "; ".join(said)


def _account(source: Source, secrets: Sequence[Secret]) -> Secret | None:
    name = source.service_account or _DEFAULT
    accounts = [each for each in secrets if each.kind == "ServiceAccount"]
    return next((each for each in accounts if each.name == name), None)


def _renamed(secret: Secret, section: Mapping[str, Any]) -> Secret:
    """Return *secret* with the names that the settings give to KServe's keys undone."""
    more = {
        name: secret.data[str(section[setting])]
        for setting, name in RENAMED.items()
        if section.get(setting) and str(section[setting]) in secret.data
    }
    return msgspec.structs.replace(secret, data={**more, **secret.data})
