//! Methods of `$context` and of the maps below it.
//!
//! Owns which keys these maps have, and their order. Refuses the values (`reference` looks them up) and the overrides, which are
//! maps like any other. Called by `methods`.
//!
//! Keys and order are recorded (`LocalStack`, `test_sqs_amz_json_protocol`): those of a Java `HashMap`, which `$context` and
//! `$context.identity` are.

use super::{Answer, map};
use crate::vtl::error::Problem;
use crate::vtl::eval::Machine;
use crate::vtl::value::{MapId, Value};

/// The keys of `$context` that are always there, then those that are if they have a value.
const CONTEXT: (&[&str], &[&str]) = (
    &[
        "resourceId",
        "resourcePath",
        "httpMethod",
        "extendedRequestId",
        "requestTime",
        "path",
        "accountId",
        "protocol",
        "requestOverride",
        "stage",
        "domainPrefix",
        "requestTimeEpoch",
        "requestId",
        "identity",
        "domainName",
        "deploymentId",
        "responseOverride",
        "apiId",
    ],
    &["isCanaryRequest"],
);

/// The same of `$context.identity`.
const IDENTITY: (&[&str], &[&str]) = (
    &[
        "cognitoIdentityPoolId",
        "accountId",
        "cognitoIdentityId",
        "caller",
        "sourceIp",
        "principalOrgId",
        "accessKey",
        "cognitoAuthenticationType",
        "cognitoAuthenticationProvider",
        "userArn",
        "userAgent",
        "user",
    ],
    &["apiKey", "apiKeyId"],
);

/// The methods for which the whole map is needed.
const OF_ALL: [&str; 5] = ["keySet", "entrySet", "values", "size", "isEmpty"];

impl<'v> Machine<'v> {
    /// A method of what stands below `$context` under this dotted name.
    pub(super) fn of_context(&mut self, prefix: &str, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
        Ok(match (name, arguments) {
            ("get", [Value::Text(name)]) => Some(self.property(&Value::Context(prefix.into()), name)?),
            ("containsKey", [Value::Text(name)]) => {
                let found = self.property(&Value::Context(prefix.into()), name)?;
                Some(Value::Bool(!found.is_null()))
            }
            ("put", [Value::Text(name), value]) => {
                self.override_below(prefix, name.clone(), value.clone())?;
                Some(Value::Null)
            }
            (name, []) if OF_ALL.contains(&name) => match self.context_map(prefix)? {
                Some(whole) => map::call(&mut self.heap, whole, name, arguments)?,
                None => None,
            },
            _ => None,
        })
    }

    /// The whole map, made anew; `None` for what is no map.
    fn context_map(&mut self, prefix: &str) -> Result<Option<MapId>, Problem> {
        let (always, sometimes) = match prefix {
            "" => CONTEXT,
            "identity" => IDENTITY,
            _ => return Ok(None),
        };
        let of = Value::Context(prefix.into());
        let mut keys = always.to_vec();
        for key in sometimes {
            if !self.property(&of, key)?.is_null() {
                keys.push(key);
            }
        }
        let map = self.heap.map_id()?;
        for key in in_hash_order(keys) {
            let value = self.property(&of, key)?;
            self.heap.put(map, crate::vtl::value::Text::Part(key), value)?;
        }
        Ok(Some(map))
    }
}

/// The order in which a `HashMap` of Java that has grown to these keys goes through them: by their hashes in as many buckets as
/// it has, and within one in the order in which they came.
fn in_hash_order(mut keys: Vec<&'static str>) -> Vec<&'static str> {
    let mut buckets: usize = 16;
    while keys.len() > buckets * 3 / 4 {
        buckets *= 2;
    }
    keys.sort_by_key(|key| {
        let hash = key.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    });
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_stand_in_the_order_in_which_they_were_recorded() {
        for (always, _) in [CONTEXT, IDENTITY] {
            assert_eq!(in_hash_order(always.to_vec()), always);
        }
    }
}
