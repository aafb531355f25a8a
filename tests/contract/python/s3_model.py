"""Sends every operation of botocore's model of S3: each is offered or answers NotImplemented (501), and what is not offered changes nothing."""
import datetime
import sys

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, bucket = sys.argv[1:3]
OFFERED = set(
    """AbortMultipartUpload CompleteMultipartUpload CopyObject CreateBucket CreateMultipartUpload DeleteBucket DeleteObject DeleteObjects GetBucketAcl
    GetBucketCors GetBucketEncryption GetBucketLifecycle GetBucketLifecycleConfiguration GetBucketLocation GetBucketPolicy GetBucketTagging
    GetBucketVersioning GetObject GetObjectAcl GetObjectAttributes GetObjectTagging HeadBucket HeadObject ListBuckets ListMultipartUploads
    ListObjectVersions ListObjects ListObjectsV2 ListParts PutObject UploadPart UploadPartCopy""".split()
)
# At Amazon they are other services, at hosts of their own, and botocore signs them for these: the signature is no signature for S3.
OF_OTHER_SERVICES = {"ListDirectoryBuckets", "WriteGetObjectResponse"}

# Nothing is checked on this side, and nothing is moved to a host of its own: what goes over the wire is what the model says.
settings = {"addressing_style": "path"}
s3 = boto3.client(
    "s3",
    endpoint_url=endpoint,
    config=Config(s3=settings, retries={"max_attempts": 0}, parameter_validation=False, inject_host_prefix=False),
)
statuses = []
s3.meta.events.register("after-call.s3", lambda http_response, **_: statuses.append(http_response.status_code))

s3.create_bucket(Bucket=bucket)
for key in ("k", "other"):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode() * 10, Metadata={"is": key})
upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")


def state():
    """All that a caller can see: buckets, objects with their bytes and what is said of them, uploads and their parts."""
    objects = []
    for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        got = s3.get_object(Bucket=bucket, Key=entry["Key"])
        objects.append((entry["Key"], entry["ETag"], entry["LastModified"], got["Body"].read(), got["Metadata"], got["ContentType"]))
    uploads = [(one["Key"], one["UploadId"]) for one in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]
    parts = [(one["PartNumber"], one["ETag"]) for one in s3.list_parts(Bucket=bucket, Key="k", UploadId=upload).get("Parts", [])]
    grants = s3.get_bucket_acl(Bucket=bucket)["Grants"] + s3.get_object_acl(Bucket=bucket, Key="k")["Grants"]
    return [one["Name"] for one in s3.list_buckets()["Buckets"] if one["Name"] == bucket], objects, uploads, parts, grants


NAMED = {"Bucket": bucket, "Key": "k", "UploadId": upload, "PartNumber": 1, "CopySource": f"{bucket}/other", "RenameSource": f"/{bucket}/other"}
SCALARS = {"integer": 1, "long": 1, "boolean": True, "blob": b"x", "float": 1.0, "double": 1.0}


def example(shape, name=""):
    """As little as the model lets a caller say."""
    if name in NAMED and shape.type_name in ("string", "integer"):
        return NAMED[name]
    if shape.type_name == "structure":
        # A body that the model does not require makes the request that it is about; of a union one member is.
        wanted = set(shape.required_members) | {shape.serialization.get("payload")}
        if getattr(shape, "is_tagged_union", False):
            wanted.add(next(iter(shape.members)))
        return {member: example(one, member) for member, one in shape.members.items() if member in wanted}
    if shape.type_name == "list":
        return [example(shape.member)]
    if shape.type_name == "map":
        return {}
    if shape.type_name == "timestamp":
        return datetime.datetime(2026, 1, 1)
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "x"
    return SCALARS[shape.type_name]


before = state()
wrong, refused = [], 0
names = s3.meta.service_model.operation_names
for name in names:
    if name in OFFERED:
        continue
    statuses.clear()
    shape = s3.meta.service_model.operation_model(name).input_shape
    try:
        s3._make_api_call(name, example(shape) if shape else {})
    except ClientError:
        pass
    answer = statuses[-1] if statuses else "nothing was sent"
    refused += answer == 501
    if answer != (400 if name in OF_OTHER_SERVICES else 501):
        wrong.append((name, answer))
    after = state()
    if after != before:
        wrong.append((name, "changed something", after))
        break
missing = OFFERED - set(names)
assert not wrong, wrong
assert not missing, missing
assert refused == len(names) - len(OFFERED) - len(OF_OTHER_SERVICES) > 70, refused
print(f"botocore {botocore.__version__}: {len(names)} operations, {len(OFFERED)} offered, {refused} not implemented: all is well")
