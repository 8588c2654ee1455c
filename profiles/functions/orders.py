"""The function of profiles/python-function.yaml: a Lambda handler in plain Python, unmodified, which looks an order up.

Needs `pip install awslambdaric` for the runtime around it and nothing else. Lambda itself would run it as `orders.handler`.
"""

import json
import time

# What a real function loads when its environment starts: it is paid for by the cold start.
ORDERS = {str(number): {"id": str(number), "items": number % 7 + 1} for number in range(1, 10_001)}


def handler(event, context):
    """An order by its number: 200 with it, or 404."""
    # In place of a database, which answers after 20 ms.
    time.sleep(0.020)
    order = ORDERS.get((event.get("pathParameters") or {}).get("id", ""))
    body = order or {"message": "no such order"}
    return {
        "statusCode": 200 if order else 404,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
    }
