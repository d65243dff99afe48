"""Amazon S3: the object store on the wire."""

from ironworks.server.services.s3.service import S3Service

__all__ = ["S3Service"]
