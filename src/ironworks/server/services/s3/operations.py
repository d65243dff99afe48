"""Which function performs which operation, and what the root of its answer is called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from ironworks.server.services.s3 import buckets, listings, multipart, reading, writing
from ironworks.server.services.s3.call import Call, Reply

STREAMING: Mapping[str, Callable[[Call], Awaitable[Reply]]] = {
    "PutObject": writing.put_object,
    "UploadPart": multipart.upload_part,
}
"""Those that take in a body while it arrives; they run in the event loop."""

BLOCKING: Mapping[str, Callable[[Call], Reply]] = {
    "ListBuckets": buckets.list_buckets,
    "CreateBucket": buckets.create_bucket,
    "HeadBucket": buckets.head_bucket,
    "DeleteBucket": buckets.delete_bucket,
    "GetBucketLocation": buckets.get_bucket_location,
    **buckets.SETTINGS,
    "ListObjects": listings.list_objects,
    "ListObjectsV2": listings.list_objects_v2,
    "ListMultipartUploads": listings.list_multipart_uploads,
    "GetObject": reading.get_object,
    "HeadObject": reading.head_object,
    "GetObjectAttributes": reading.get_object_attributes,
    "GetObjectTagging": reading.get_object_tagging,
    "PutObjectTagging": reading.put_object_tagging,
    "DeleteObjectTagging": reading.delete_object_tagging,
    "CopyObject": writing.copy_object,
    "DeleteObject": writing.delete_object,
    "DeleteObjects": writing.delete_objects,
    "CreateMultipartUpload": multipart.create_multipart_upload,
    "UploadPartCopy": multipart.upload_part_copy,
    "CompleteMultipartUpload": multipart.complete_multipart_upload,
    "AbortMultipartUpload": multipart.abort_multipart_upload,
    "ListParts": multipart.list_parts,
}
"""Those that run in a thread, to their end."""

ROOTS: Mapping[str, str] = {
    "ListBuckets": "ListAllMyBucketsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "UploadPartCopy": "CopyPartResult",
    "DeleteObjects": "DeleteResult",
    "GetObjectTagging": "Tagging",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketEncryption": "ServerSideEncryptionConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
}
"""The model does not have these names; clients other than botocore look at them. The others: NAMEResult."""
