"""Handlers as users write them, for the unmodified `awslambdaric`."""

import os
import time

if os.environ.get("BROKEN") == "init":
    raise RuntimeError("it does not even start")


def well(event, context):
    return {"statusCode": 200, "headers": {"x-id": context.aws_request_id}, "body": f"{os.getpid()}"}


def fails(event, context):
    raise ValueError("boom")


def exits(event, context):
    os._exit(7)


def sleeps(event, context):
    time.sleep(600)
