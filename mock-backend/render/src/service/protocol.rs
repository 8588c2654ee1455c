//! How services take an action: the query protocol, or JSON with `X-Amz-Target`.
//!
//! Owns the table of services. Refuses requests. Asked by [`service`](super), and by the product's `config`, which refuses an action of
//! a service that is not in the table.
//!
//! Versions and prefixes are those of AWS's own service models (botocore, 7 August 2026). That the gateway adds the target by itself
//! was recorded by `LocalStack` of `DynamoDB`, Kinesis and Step Functions, and that it does not of `EventBridge`; of the other services
//! it is taken to be so. Two things are unconfirmed: that it adds `Version` for services of the query protocol, which without one take
//! the oldest; and that an action has the content type of its protocol, whatever the client's is, unless a mapping sets another one.

/// How a service takes an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `Action` and `Version` in the query, further parameters there or in a form.
    Query {
        /// The newest version.
        version: &'static str,
    },
    /// JSON, with the action in `X-Amz-Target`.
    Json {
        /// What stands before the action there; empty if whoever writes the integration has to map `X-Amz-Target` himself.
        prefix: &'static str,
        /// The content type.
        content_type: &'static str,
    },
}

impl Protocol {
    /// How a service takes actions, if it is known.
    pub(crate) fn of(service: &str) -> Option<Self> {
        let query = |version| Some(Self::Query { version });
        let json_1_0 = |prefix| Some(Self::Json { prefix, content_type: "application/x-amz-json-1.0" });
        let json_1_1 = |prefix| Some(Self::Json { prefix, content_type: "application/x-amz-json-1.1" });
        match service {
            "autoscaling" => query("2011-01-01"),
            "cloudformation" => query("2010-05-15"),
            "ec2" => query("2016-11-15"),
            "elasticache" => query("2015-02-02"),
            "elasticloadbalancing" => query("2015-12-01"),
            "email" => query("2010-12-01"),
            "iam" => query("2010-05-08"),
            "monitoring" => query("2010-08-01"),
            "rds" => query("2014-10-31"),
            "redshift" => query("2012-12-01"),
            "sns" => query("2010-03-31"),
            "sqs" => query("2012-11-05"),
            "sts" => query("2011-06-15"),
            "cognito-idp" => json_1_1("AWSCognitoIdentityProviderService"),
            "dynamodb" => json_1_0("DynamoDB_20120810"),
            "firehose" => json_1_1("Firehose_20150804"),
            "kinesis" => json_1_1("Kinesis_20131202"),
            "kms" => json_1_1("TrentService"),
            "logs" => json_1_1("Logs_20140328"),
            "secretsmanager" => json_1_1("secretsmanager"),
            "states" => json_1_0("AWSStepFunctions"),
            "events" => json_1_1(""),
            _ => None,
        }
    }

    /// `X-Amz-Target` for an action, which parameters may follow.
    pub(crate) fn target(self, action: &str) -> Option<String> {
        let name = action.split('&').next().unwrap_or(action);
        match self {
            Self::Json { prefix, .. } if !prefix.is_empty() => Some(format!("{prefix}.{name}")),
            Self::Json { .. } | Self::Query { .. } => None,
        }
    }

    /// The content type of an action's request.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Query { .. } => "application/x-www-form-urlencoded",
            Self::Json { content_type, .. } => content_type,
        }
    }
}
