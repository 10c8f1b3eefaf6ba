"""The settings of section ``[storage]``, as they are shown and checked."""

from __future__ import annotations

from functools import partial

from inferry.plugins import SettingsSpec

_setting = partial(SettingsSpec, section="storage")

SETTINGS = (
    _setting(
        key="cache_dir",
        default="",
        help="Where downloads are kept; empty: $XDG_CACHE_HOME/inferry/models.",
    ),
    _setting(
        key="cache_bytes",
        type="int",
        default=0,
        help=(
            "The most bytes to keep there: what was used longest ago goes first, what "
            "is in use never. 0: until the disk is nearly full."
        ),
    ),
    _setting(
        key="max_bytes",
        type="int",
        default=256 * 2**30,
        help="The most bytes that one model may have, unpacked ones included.",
    ),
    _setting(
        key="max_files",
        type="int",
        default=100_000,
        help="The most files that one model may have.",
    ),
    _setting(
        key="workers",
        type="int",
        default=8,
        help="How many parts are read at a time.",
    ),
    _setting(
        key="allow_http",
        type="bool",
        default=False,
        help="Download over http, which anybody on the way can read and change.",
    ),
    _setting(
        key="allow_networks",
        type="list",
        default=(),
        help="Private networks that services may download from, such as 10.0.0.0/8.",
    ),
    _setting(
        key="stall_seconds",
        type="float",
        default=30.0,
        help="Give up on a download that makes no progress for so long.",
    ),
    _setting(
        key="deadline_seconds",
        type="float",
        default=0.0,
        help="Give up on a download that takes longer; 0 is no limit.",
    ),
    _setting(
        key="require",
        default="length",
        help=(
            "What must be known of a model's bytes before they are served: length, "
            "etag, checksum, digest or signature."
        ),
    ),
    _setting(
        key="etag_checksums",
        type="bool",
        default=True,
        help=(
            "Compare objects with an ETag that looks like an MD5; false is for stores "
            "whose ETags look so and are something else."
        ),
    ),
    _setting(
        key="signature_key",
        default="",
        help="The public key (PEM file) that a model's signature must be of.",
    ),
    _setting(
        key="signature_identity",
        default="",
        help="Who must have signed a model without a key (Sigstore), with the issuer.",
    ),
    _setting(
        key="signature_issuer",
        default="",
        help="The OpenID Connect issuer that vouches for the identity.",
    ),
    _setting(
        key="trust",
        type="list",
        default=(),
        help=(
            "Beginnings of URIs, such as s3://ours/, whose models may hold pickles and "
            "code."
        ),
    ),
    _setting(
        key="unpack",
        type="bool",
        default=False,
        help="Unpack a model that is one .tar, .tar.gz, .tgz or .zip.",
    ),
    _setting(
        key="allow_patterns",
        type="list",
        default=(),
        help="Fetch only files that match one of these, such as *.safetensors.",
    ),
    _setting(
        key="ignore_patterns",
        type="list",
        default=(),
        help="Do not fetch files that match one of these.",
    ),
    _setting(
        key="anonymous",
        type="bool",
        default=False,
        help="Ask stores without credentials, even where some would be found.",
    ),
    _setting(
        key="volumes_dir",
        default="",
        help="What stands for volumes on a laptop: a folder for each claim of pvc://.",
    ),
    _setting(
        key="secrets_dir",
        default="",
        help="Where secrets are mounted: a folder for each, a file for each key.",
    ),
    _setting(
        key="s3_access_key_id_name",
        default="",
        help="What secrets call AWS_ACCESS_KEY_ID, if KServe's ConfigMap renames it.",
    ),
    _setting(
        key="s3_secret_access_key_name",
        default="",
        help="What secrets call AWS_SECRET_ACCESS_KEY, where KServe's renames it.",
    ),
    _setting(
        key="endpoints",
        type="list",
        default=(),
        help=(
            "Addresses of stores that may be private and http, such as "
            "http://minio.storage:9000."
        ),
    ),
)
