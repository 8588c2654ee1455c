"""Signs again, with botocore, requests as they came over the wire, and compares.

Reads a JSON list of [host, raw request] from standard input; prints a line for each: `same`, or what is not. The key is always
AKIDEXAMPLE's, of AWS's own examples, with the session token `the-token`.
"""

import json
import re
import sys

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "the-token")

for raw in json.load(sys.stdin):
    head, _, body = raw.partition("\r\n\r\n")
    line, *fields = head.split("\r\n")
    method, target, _ = line.split(" ")
    headers = {}
    for field in fields:
        name, _, value = field.partition(":")
        headers[name.lower()] = value.strip()
    given = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/(\d{8})/([^/]*)/([^/]*)/aws4_request, SignedHeaders=([^,]*), Signature=(\w{64})",
        headers.get("authorization", ""),
    )
    if not given:
        print("no signature: " + headers.get("authorization", "none"))
        continue
    _, region, service, signed, signature = given.groups()
    missing = [name for name in headers if (name.startswith("x-amz-") or name == "host") and name not in signed.split(";")]
    if missing or headers.get("x-amz-security-token") != "the-token":
        print(f"not covered or not sent: {missing}")
        continue
    request = AWSRequest(method=method, url=f"http://{headers['host']}{target}", data=body.encode())
    for name in signed.split(";"):
        request.headers[name] = headers[name]
    request.context["timestamp"] = headers["x-amz-date"]
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(KEY, service, region)
    canonical = signer.canonical_request(request)
    again = signer.signature(signer.string_to_sign(request, canonical), request)
    print("same" if again == signature else f"another signature for {line}: {canonical!r}")
