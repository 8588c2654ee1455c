"""An authorizer of few lines that speaks the Runtime API over the standard library, and answers as the token says.

A token is words with colons between them: what to say, and what goes with it. The identity source is the header `Authorization`, whose
name a REST API spells with a capital.
"""

import http.client
import json
import os
import time

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None, headers={}):
    api.request(method, "/2018-06-01/runtime/" + path, body, headers)
    response = api.getresponse()
    return response, response.read()


def answer(identity, result):
    call("POST", f"invocation/{identity}/response", result if isinstance(result, bytes) else json.dumps(result))


def error(identity, message):
    body = json.dumps({"errorMessage": message, "errorType": "Exception"})
    call("POST", f"invocation/{identity}/error", body, {"Lambda-Runtime-Function-Error-Type": "Exception"})


def policy(effect, resource, **more):
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {"principalId": "ann", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, **more}


def token(event):
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    return headers.get("authorization") or event.get("authorizationToken", "")


count = 0
while True:
    response, body = call("GET", "invocation/next")
    identity = response.headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.loads(body)
    count += 1
    arn = event.get("methodArn") or event.get("routeArn")
    what, _, more = token(event).partition(":")
    if what == "simple":
        answer(identity, {"isAuthorized": more == "yes", "context": {"list": [1, "b"], "count": count}})
    elif what == "one":
        answer(identity, policy("Allow", arn, context={"count": count}))
    elif what == "all":
        answer(identity, policy("Allow", "*", context={"count": count, "blue": True, "who": more}))
    elif what == "deny":
        answer(identity, policy("Deny", arn))
    elif what == "silent":
        answer(identity, policy("Allow", "arn:aws:execute-api:*:*:*/nowhere/*"))
    elif what == "key":
        answer(identity, policy("Allow", "*", usageIdentifierKey=more))
    elif what == "deep":
        answer(identity, policy("Allow", "*", context={"map": {"a": 1}}))
    elif what == "echo":
        answer(identity, policy("Allow", "*", context={"event": json.dumps(event)}))
    elif what == "large":
        answer(identity, policy("Allow", "*", context={"text": "x" * int(more), "count": count}))
    elif what == "garbage":
        answer(identity, b"\x00\xff no JSON")
    elif what == "nobody":
        answer(identity, {"policyDocument": policy("Allow", "*")["policyDocument"]})
    elif what == "slow":
        time.sleep(0.3)
        answer(identity, policy("Allow", "*", context={"count": count}))
    elif what == "hang":
        time.sleep(600)
    elif what == "exit":
        os._exit(7)
    elif what == "raise":
        error(identity, more)
    else:
        error(identity, "Unauthorized")
