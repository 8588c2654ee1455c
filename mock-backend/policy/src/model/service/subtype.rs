//! The first-class integrations of HTTP APIs.
//!
//! Owns their names, and the parameters that each must and may have. Refuses to make a request of one (`render`).
//!
//! Source: API Gateway developer guide, "Integration subtype reference", 2026. All are version 1.0.

/// An action of a service that an HTTP API calls by itself (`integrationSubtype`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subtype {
    /// `EventBridge-PutEvents`.
    PutEvents,
    /// `SQS-SendMessage`.
    SendMessage,
    /// `SQS-ReceiveMessage`.
    ReceiveMessage,
    /// `SQS-DeleteMessage`.
    DeleteMessage,
    /// `SQS-PurgeQueue`.
    PurgeQueue,
    /// `AppConfig-GetConfiguration`.
    GetConfiguration,
    /// `Kinesis-PutRecord`.
    PutRecord,
    /// `StepFunctions-StartExecution`.
    StartExecution,
    /// `StepFunctions-StartSyncExecution`.
    StartSyncExecution,
    /// `StepFunctions-StopExecution`.
    StopExecution,
}

impl Subtype {
    /// Every one, in the order of the guide.
    pub const ALL: [Self; 10] = [
        Self::PutEvents,
        Self::SendMessage,
        Self::ReceiveMessage,
        Self::DeleteMessage,
        Self::PurgeQueue,
        Self::GetConfiguration,
        Self::PutRecord,
        Self::StartExecution,
        Self::StartSyncExecution,
        Self::StopExecution,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PutEvents => "EventBridge-PutEvents",
            Self::SendMessage => "SQS-SendMessage",
            Self::ReceiveMessage => "SQS-ReceiveMessage",
            Self::DeleteMessage => "SQS-DeleteMessage",
            Self::PurgeQueue => "SQS-PurgeQueue",
            Self::GetConfiguration => "AppConfig-GetConfiguration",
            Self::PutRecord => "Kinesis-PutRecord",
            Self::StartExecution => "StepFunctions-StartExecution",
            Self::StartSyncExecution => "StepFunctions-StartSyncExecution",
            Self::StopExecution => "StepFunctions-StopExecution",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subtype| subtype.as_str() == name)
    }

    /// The action's own name.
    pub fn action(self) -> &'static str {
        self.as_str().split_once('-').map_or("", |(_, action)| action)
    }

    /// Its service, as URIs name it.
    pub const fn service(self) -> &'static str {
        match self {
            Self::PutEvents => "events",
            Self::SendMessage | Self::ReceiveMessage | Self::DeleteMessage | Self::PurgeQueue => "sqs",
            Self::GetConfiguration => "appconfig",
            Self::PutRecord => "kinesis",
            Self::StartExecution | Self::StartSyncExecution | Self::StopExecution => "states",
        }
    }

    /// Parameters that it must have.
    pub const fn required(self) -> &'static [&'static str] {
        match self {
            Self::PutEvents => &["Detail", "DetailType", "Source"],
            Self::SendMessage => &["QueueUrl", "MessageBody"],
            Self::ReceiveMessage | Self::PurgeQueue => &["QueueUrl"],
            Self::DeleteMessage => &["ReceiptHandle", "QueueUrl"],
            Self::GetConfiguration => &["Application", "Environment", "Configuration", "ClientId"],
            Self::PutRecord => &["StreamName", "Data", "PartitionKey"],
            Self::StartExecution | Self::StartSyncExecution => &["StateMachineArn"],
            Self::StopExecution => &["ExecutionArn"],
        }
    }

    /// Parameters that it may have, beside `Region`, which all have.
    pub const fn optional(self) -> &'static [&'static str] {
        match self {
            Self::PutEvents => &["Time", "EventBusName", "Resources", "TraceHeader"],
            Self::SendMessage => {
                &["DelaySeconds", "MessageAttributes", "MessageDeduplicationId", "MessageGroupId", "MessageSystemAttributes"]
            }
            Self::ReceiveMessage => &[
                "AttributeNames",
                "MaxNumberOfMessages",
                "MessageAttributeNames",
                "ReceiveRequestAttemptId",
                "VisibilityTimeout",
                "WaitTimeSeconds",
            ],
            Self::DeleteMessage | Self::PurgeQueue => &[],
            Self::GetConfiguration => &["ClientConfigurationVersion"],
            Self::PutRecord => &["SequenceNumberForOrdering", "ExplicitHashKey"],
            Self::StartExecution => &["Name", "Input"],
            Self::StartSyncExecution => &["Name", "Input", "TraceHeader"],
            Self::StopExecution => &["Cause", "Error"],
        }
    }
}
