"""A moto server (DynamoDB, SQS and others) with a table and so on in it, until standard input closes.

Prints one line of JSON: where it listens and what it made. Needs moto[server], which brings boto3.
"""

import json
import logging
import os
import sys

import boto3
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
for variable in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
    os.environ.pop(variable, None)

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
endpoint = f"http://{host}:{port}"


def client(name):
    return boto3.client(
        name, region_name="us-east-1", endpoint_url=endpoint, aws_access_key_id="a", aws_secret_access_key="b"
    )


client("dynamodb").create_table(
    TableName="orders",
    KeySchema=[{"AttributeName": "customer", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
    AttributeDefinitions=[
        {"AttributeName": "customer", "AttributeType": "S"},
        {"AttributeName": "id", "AttributeType": "S"},
    ],
    BillingMode="PAY_PER_REQUEST",
)
queue = client("sqs").create_queue(QueueName="orders")["QueueUrl"]
client("s3").create_bucket(Bucket="files")
client("kinesis").create_stream(StreamName="clicks", ShardCount=1)
machine = client("stepfunctions").create_state_machine(
    name="flow",
    definition=json.dumps({"StartAt": "a", "States": {"a": {"Type": "Succeed"}}}),
    roleArn="arn:aws:iam::123456789012:role/flow",
)["stateMachineArn"]
print(json.dumps({"endpoint": endpoint, "queue": queue, "machine": machine}), flush=True)
sys.stdin.read()
server.stop()
