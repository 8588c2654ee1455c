//! What stands around an API in its document: alarms, dashboards, domain names, time-outs of functions, log groups, and secrets that are
//! written out.
//!
//! Owns [`around`], which makes nothing of a profile of it. Refuses to judge (`design` does), and to hand on a secret: places alone are
//! told. Called by `command` for checklists; any YAML or JSON can be looked through for secrets, a profile, too.

use std::collections::BTreeMap;

use super::Options;
use super::document::{Kind, Node};
use super::intrinsic::Resolver;
use super::template::merged;

mod secrets;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Alarms on metrics of the gateway.
    pub alarms: Vec<Alarm>,
    /// Dashboards: logical id, and whether the gateway's namespace stands in it.
    pub dashboards: Vec<(String, bool)>,
    /// Custom domain names.
    pub domains: Vec<Domain>,
    /// Whether the default endpoint is switched off.
    pub default_endpoint_off: bool,
    /// Functions, by logical id and by name, and how many seconds each may take.
    pub functions: BTreeMap<String, Option<u64>>,
    /// Log groups: logical id, and whether entries are deleted after a time.
    pub log_groups: Vec<(String, bool)>,
    /// Places of secrets that are written out: `line 12: Environment.Variables.DB_PASSWORD`.
    pub literals: Vec<String>,
    /// Parameters that are called like secrets: name, and whether it is shown or has a default.
    pub secret_parameters: Vec<(String, bool)>,
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its logical id.
    pub id: String,
    /// The gateway's metrics that it watches.
    pub metrics: Vec<String>,
    /// Whether it has an action, and takes it.
    pub acts: bool,
}

/// A custom domain name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name, or its logical id.
    pub name: String,
    /// Its security policy.
    pub policy: Option<String>,
    /// Whether clients must show a certificate.
    pub mutual: bool,
}

/// The gateway's namespace of metrics.
const NAMESPACE: &str = "AWS/ApiGateway";

/// What stands around the API of a document. What cannot be read has nothing around it: whoever imports it says why.
pub fn around(text: &str, options: &Options) -> Surroundings {
    let Ok(root) = Node::parse(text) else { return Surroundings::default() };
    let mut found = Surroundings { literals: secrets::literals(&root), ..Surroundings::default() };
    found.default_endpoint_off = default_endpoint_off(&root);
    found.secret_parameters = secrets::parameters(&root);
    let mut resolver = Resolver::new(&root, &options.parameters);
    let globals = root.get("Globals");
    for (id, resource) in root.get("Resources").map(Node::entries).unwrap_or_default() {
        let Some(kind) = resource.word("Type") else { continue };
        if !is_looked_at(&kind) || !resolver.is_there(resource, id).unwrap_or(true) {
            continue;
        }
        let given = resource.get("Properties").cloned().unwrap_or_else(|| Node::empty(resource.line));
        // What cannot be evaluated is taken as it stands.
        let properties = resolver.value(&given).unwrap_or(given);
        found.resource(id, &kind, &properties, globals);
    }
    found
}

fn is_looked_at(kind: &str) -> bool {
    ["AWS::CloudWatch::", "AWS::ApiGateway", "AWS::Serverless::", "AWS::Lambda::Function", "AWS::Logs::LogGroup"]
        .iter()
        .any(|prefix| kind.starts_with(prefix))
}

impl Surroundings {
    fn resource(&mut self, id: &str, kind: &str, properties: &Node, globals: Option<&Node>) {
        match kind {
            "AWS::CloudWatch::Alarm" => self.alarms.extend(alarm(id, properties)),
            "AWS::CloudWatch::Dashboard" => {
                self.dashboards.push((id.to_owned(), properties.json().to_string().contains(NAMESPACE)));
            }
            "AWS::ApiGateway::DomainName" | "AWS::ApiGateway::DomainNameV2" => {
                self.domains.push(domain(id, properties, properties));
            }
            "AWS::ApiGatewayV2::DomainName" => {
                let configured = properties.get("DomainNameConfigurations").and_then(|list| list.items().first());
                self.domains.push(domain(id, properties, configured.unwrap_or(properties)));
            }
            "AWS::Serverless::Api" | "AWS::Serverless::HttpApi" | "AWS::Serverless::WebSocketApi" => {
                self.domains.extend(properties.get("Domain").map(|of| domain(id, of, of)));
            }
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
                let global = globals.and_then(|it| it.get("Function")).filter(|_| kind.starts_with("AWS::Serverless"));
                let all = global.map_or_else(|| properties.clone(), |global| merged(global, properties));
                let timeout = all.word("Timeout").and_then(|text| text.parse().ok());
                // A time-out that only the deployment knows is not the default.
                if timeout.is_some() || all.get("Timeout").is_none() {
                    self.functions.insert(id.to_owned(), timeout);
                    self.functions.extend(all.word("FunctionName").map(|name| (name, timeout)));
                }
            }
            "AWS::Logs::LogGroup" => self.log_groups.push((id.to_owned(), properties.get("RetentionInDays").is_some())),
            _ => {}
        }
    }
}

/// An alarm, if it watches the gateway.
fn alarm(id: &str, properties: &Node) -> Option<Alarm> {
    let of = |metric: &Node| {
        let namespace = metric.word("Namespace")?;
        metric.word("MetricName").filter(|_| namespace == NAMESPACE)
    };
    let queries = properties.get("Metrics").map(Node::items).unwrap_or_default();
    let queried = queries.iter().filter_map(|query| of(query.at(&["MetricStat", "Metric"])?));
    let metrics: Vec<String> = of(properties).into_iter().chain(queried).collect();
    let has_action = properties.get("AlarmActions").is_some_and(|actions| match &actions.kind {
        Kind::List(list) => !list.is_empty(),
        Kind::Null => false,
        Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Map(_) => true,
    });
    let is_on = properties.get("ActionsEnabled").is_none_or(Node::is_true);
    (!metrics.is_empty()).then(|| Alarm { id: id.to_owned(), metrics, acts: has_action && is_on })
}

fn domain(id: &str, properties: &Node, configured: &Node) -> Domain {
    Domain {
        name: properties.word("DomainName").filter(|name| !name.contains("${")).unwrap_or_else(|| id.to_owned()),
        policy: configured.word("SecurityPolicy"),
        mutual: properties.get("MutualTlsAuthentication").is_some(),
    }
}

/// Whether the default endpoint is switched off, by whichever of the two languages.
fn default_endpoint_off(node: &Node) -> bool {
    let is_off = |(key, value): &(String, Node)| {
        (matches!(key.as_str(), "DisableExecuteApiEndpoint" | "disableExecuteApiEndpoint") && value.is_true())
            || default_endpoint_off(value)
    };
    node.entries().iter().any(is_off) || node.items().iter().any(default_endpoint_off)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r"
Globals: { Function: { Timeout: 20 } }
Parameters: { Stage: { Type: String, Default: prod }, DbPassword: { Type: String, NoEcho: true }, ApiToken: { Type: String } }
Conditions: { IsProd: !Equals [!Ref Stage, prod], IsDev: !Equals [!Ref Stage, dev] }
Resources:
  Errors:
    Type: AWS::CloudWatch::Alarm
    Condition: IsProd
    Properties: { Namespace: AWS/ApiGateway, MetricName: 5XXError, AlarmActions: [!Ref Topic] }
  Other: { Type: AWS::CloudWatch::Alarm, Properties: { Namespace: AWS/SQS, MetricName: 5XXError } }
  NotHere: { Type: AWS::CloudWatch::Alarm, Condition: IsDev, Properties: { Namespace: AWS/ApiGateway, MetricName: Latency } }
  Maths:
    Type: AWS::CloudWatch::Alarm
    Properties:
      ActionsEnabled: false
      AlarmActions: [!Ref Topic]
      Metrics:
        - { Id: r, Expression: e / c }
        - { Id: e, MetricStat: { Metric: { Namespace: AWS/ApiGateway, MetricName: 4XXError } } }
  Board: { Type: AWS::CloudWatch::Dashboard, Properties: { DashboardBody: !Sub metrics-of-AWS/ApiGateway } }
  Name: { Type: AWS::ApiGateway::DomainName, Properties: { DomainName: api.example.com, SecurityPolicy: TLS_1_2 } }
  NameV2:
    Type: AWS::ApiGatewayV2::DomainName
    Properties: { DomainNameConfigurations: [{ SecurityPolicy: TLS_1_0 }], MutualTlsAuthentication: { TruststoreUri: s3://t } }
  Api: { Type: AWS::Serverless::HttpApi, Properties: { DisableExecuteApiEndpoint: true, Domain: { DomainName: h.example.com } } }
  Slow: { Type: AWS::Serverless::Function, Properties: { FunctionName: slow } }
  Quick: { Type: AWS::Serverless::Function, Properties: { Timeout: 5 } }
  Plain: { Type: AWS::Lambda::Function, Properties: {} }
  Kept: { Type: AWS::Logs::LogGroup, Properties: { RetentionInDays: 14 } }
  Forever: { Type: AWS::Logs::LogGroup }
";

    #[test]
    fn a_template_tells_what_stands_around_its_api() {
        let found = around(TEMPLATE, &Options::default());
        let alarms: Vec<_> = found.alarms.iter().map(|it| (it.id.as_str(), it.metrics[0].as_str(), it.acts)).collect();
        assert_eq!(alarms, [("Errors", "5XXError", true), ("Maths", "4XXError", false)]);
        assert_eq!(found.dashboards, [("Board".to_owned(), true)]);
        let domains: Vec<_> = found.domains.iter().map(|it| (it.name.as_str(), it.policy.as_deref(), it.mutual)).collect();
        let wanted =
            [("api.example.com", Some("TLS_1_2"), false), ("NameV2", Some("TLS_1_0"), true), ("h.example.com", None, false)];
        assert_eq!(domains, wanted);
        assert!(found.default_endpoint_off);
        let functions: Vec<_> = found.functions.iter().map(|(name, timeout)| (name.as_str(), *timeout)).collect();
        assert_eq!(functions, [("Plain", None), ("Quick", Some(5)), ("Slow", Some(20)), ("slow", Some(20))]);
        assert_eq!(found.log_groups, [("Kept".to_owned(), true), ("Forever".to_owned(), false)]);
        assert_eq!(found.secret_parameters, [("DbPassword".to_owned(), false), ("ApiToken".to_owned(), true)]);
    }

    #[test]
    fn what_is_no_document_has_nothing_around_it() {
        assert_eq!(around("a: [", &Options::default()), Surroundings::default());
    }
}
