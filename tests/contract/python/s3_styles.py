"""boto3 in one addressing style: every checksum that it can send, with objects in one piece and in parts, and what is told of them."""
import hashlib
import io
import os
import socket
import sys
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

style, endpoint, bucket = sys.argv[1:4]
# Such a store keeps no checksum of an upload in parts but one that the service below computes (docs/reference/object-stores.md).
is_on_service = os.environ.get("FORNAX_CONTRACT_OBJECTS") == "versitygw"
port = urlsplit(endpoint).port

# Not every machine leads names below localhost to itself.
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: resolve("127.0.0.1" if host.endswith("localhost") else host, *rest, **more)

s3 = boto3.client(
    "s3", endpoint_url=f"http://localhost:{port}", config=Config(s3={"addressing_style": style}, retries={"max_attempts": 1})
)
hosts = set()
s3.meta.events.register("before-send.s3", lambda request, **_: hosts.add(urlsplit(request.url).hostname))

s3.create_bucket(Bucket=bucket)
small, large = b"small", bytes(range(256)) * 36_864  # 9 MiB: two parts
for algorithm in ("CRC32", "SHA256"):
    for name, data in (("small", small), ("large", large)):
        key = f"{algorithm}/{name} +ü"
        s3.upload_fileobj(io.BytesIO(data), bucket, key, ExtraArgs={"ChecksumAlgorithm": algorithm, "Metadata": {"a": "b"}})
        got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        assert got["Body"].read() == data and got["Metadata"] == {"a": "b"}, key
        kept = next((field for field in got if field.startswith("Checksum") and field != "ChecksumType"), None)
        assert kept == f"Checksum{algorithm}" or (is_on_service and name == "large" and kept == "ChecksumCRC64NVME"), (key, got)
        told = s3.get_object_attributes(Bucket=bucket, Key=key, ObjectAttributes=["Checksum", "ObjectParts", "ObjectSize"])
        assert told["ObjectSize"] == len(data) and told["Checksum"][kept] == got[kept], told
        copied = s3.copy_object(Bucket=bucket, Key=f"copy of {key}", CopySource={"Bucket": bucket, "Key": key})
        if kept == f"Checksum{algorithm}":
            assert copied["CopyObjectResult"][kept] == got[kept], copied
        back = io.BytesIO()
        s3.download_fileobj(bucket, key, back)
        assert hashlib.sha256(back.getvalue()).digest() == hashlib.sha256(data).digest(), key
keys = [entry["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket) for entry in page["Contents"]]
assert len(keys) == 8, keys
url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": keys[0]})
assert (urlsplit(url).hostname or "").startswith(bucket) == (style == "virtual"), url
s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
s3.delete_bucket(Bucket=bucket)
assert hosts == ({"localhost"} if style == "path" else {f"{bucket}.localhost"}), hosts
print(f"boto3 {boto3.__version__}, {style}: all is well")
