"""What the object store refuses, under the codes that S3 gives.

ClientError
└── ObjectError
    ├── NoSuchBucket · NoSuchKey · NoSuchUpload
    ├── BucketAlreadyExists · BucketAlreadyOwnedByYou · BucketNotEmpty · InvalidBucketName
    ├── AccessDenied · PreconditionFailed
    ├── BadDigest · InvalidDigest · IncompleteBody · PayloadMismatch
    ├── InvalidRange · KeyTooLong · InvalidRequest
    ├── InvalidPart · InvalidPartOrder · EntityTooSmall
    └── SampleDataUnavailable · SampleDataUnderWay
PlatformError
├── DamagedStore           a row names bytes that are not on the disk
└── StoreFull              the disk takes no more
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ironworks.errors import ClientError, PlatformError


class ObjectError(ClientError):
    """A request that the store refuses.

    Attributes:
        code: what S3 calls the reason.
        details: what else S3's error document says of it.
    """

    code = "InvalidRequest"
    details: Mapping[str, object] = {}


class NoSuchBucket(ObjectError):
    """The bucket does not exist."""

    code = "NoSuchBucket"

    def __init__(self, bucket: str) -> None:
        super().__init__(f"The specified bucket does not exist: {bucket!r}.")
        self.details = {"BucketName": bucket}


class NoSuchKey(ObjectError):
    """The bucket holds no object under this key."""

    code = "NoSuchKey"

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"The specified key does not exist: s3://{bucket}/{key}.")
        self.details = {"Key": key}


class NoSuchUpload(ObjectError):
    """The multipart upload was completed, aborted, or never begun."""

    code = "NoSuchUpload"

    def __init__(self, upload: str) -> None:
        super().__init__(
            f"The specified upload does not exist: {upload!r}. It may be completed or aborted already."
        )


class BucketAlreadyExists(ObjectError):
    """The name belongs to somebody else: to the sample data."""

    code = "BucketAlreadyExists"

    def __init__(self, bucket: str) -> None:
        super().__init__(f"The bucket name {bucket!r} is taken by the sample data. Choose another name.")


class BucketAlreadyOwnedByYou(ObjectError):
    """The bucket exists already."""

    code = "BucketAlreadyOwnedByYou"

    def __init__(self, bucket: str) -> None:
        super().__init__(f"The bucket {bucket!r} exists already, and you own it.")


class BucketNotEmpty(ObjectError):
    """A bucket that still holds objects is not deleted."""

    code = "BucketNotEmpty"

    def __init__(self, bucket: str) -> None:
        super().__init__(f"The bucket {bucket!r} is not empty. Delete its objects first.")


class InvalidBucketName(ObjectError):
    """The name breaks S3's rules."""

    code = "InvalidBucketName"

    def __init__(self, bucket: str) -> None:
        super().__init__(
            f"The specified bucket is not valid: {bucket!r}. A name has 3 to 63 lower-case letters, digits, "
            "dots and hyphens, begins and ends with a letter or digit, and is not an IP address."
        )


class AccessDenied(ObjectError):
    """What may be read only was written."""

    code = "AccessDenied"


class PreconditionFailed(ObjectError):
    """If-Match or If-None-Match does not hold."""

    code = "PreconditionFailed"

    def __init__(self, condition: str) -> None:
        super().__init__(f"At least one of the pre-conditions you specified did not hold: {condition}.")


class BadDigest(ObjectError):
    """The bytes do not have the checksum that was sent with them."""

    code = "BadDigest"


class InvalidDigest(ObjectError):
    """What was sent as a checksum is none."""

    code = "InvalidDigest"


class PayloadMismatch(ObjectError):
    """The bytes are not those whose SHA-256 was signed."""

    code = "XAmzContentSHA256Mismatch"

    def __init__(self) -> None:
        super().__init__("The provided 'x-amz-content-sha256' header does not match what was computed.")


class IncompleteBody(ObjectError):
    """Fewer or more bytes came than were announced."""

    code = "IncompleteBody"

    def __init__(self, announced: int, received: int) -> None:
        super().__init__(f"{announced} bytes were announced and {received} received.")


class InvalidRange(ObjectError):
    """The range begins behind the object's last byte."""

    code = "InvalidRange"

    def __init__(self, size: int) -> None:
        super().__init__(f"The requested range is not satisfiable: the object has {size} bytes.")
        self.details = {"ActualObjectSize": size}


class KeyTooLong(ObjectError):
    """A key has at most 1,024 bytes of UTF-8."""

    code = "KeyTooLongError"

    def __init__(self, size: int) -> None:
        super().__init__(f"Your key is too long: {size} bytes, and at most 1024 are allowed.")


class InvalidRequest(ObjectError):
    """A combination that S3 does not know."""

    code = "InvalidRequest"


class InvalidPart(ObjectError):
    """A part that the completion lists was not uploaded, or is another one."""

    code = "InvalidPart"


class InvalidPartOrder(ObjectError):
    """The completion must list the parts by ascending number."""

    code = "InvalidPartOrder"

    def __init__(self) -> None:
        super().__init__(
            "The list of parts was not in ascending order. Parts must be ordered by part number."
        )


class EntityTooSmall(ObjectError):
    """Every part but the last has at least 5 MiB."""

    code = "EntityTooSmall"

    def __init__(self, number: int, size: int, smallest: int) -> None:
        super().__init__(
            f"Part {number} has {size} bytes; every part but the last needs at least {smallest}."
        )


class SampleDataUnavailable(ObjectError):
    """The sample data is not here and could not be brought; the message says what to do."""

    code = "SampleDataUnavailable"


class SampleDataUnderWay(ObjectError):
    """Somebody else's request is bringing the sample data; a client that tries again will find it."""

    code = "SampleDataUnderWay"

    def __init__(self) -> None:
        super().__init__("The sample data is being fetched. Try again in a moment.")


class DamagedStore(PlatformError):
    """A row names bytes that are not on the disk."""

    code = "InternalError"
    status = 500


class StoreFull(PlatformError):
    """The disk takes no more bytes."""

    code = "InsufficientStorage"
    status = 507

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"The object cannot be stored below {folder}: {reason}. Make room there and send it again."
        )
