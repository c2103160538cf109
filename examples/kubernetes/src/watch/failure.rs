//! Failures of requests to an API server, in its words, with remedies.

use std::{fmt, time::Duration};

use serde::Deserialize;

use crate::{Kind, Resource};

/// Something went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There are no credentials, or they are no good.
    Credentials(String),
    /// No connection.
    Unreachable(String),
    /// A connection without an agreement on TLS.
    Tls(String),
    /// 401.
    Unauthorized(String),
    /// 403.
    Forbidden(String),
    /// 404: the server does not have this kind, or not in this version.
    Absent,
    /// 410: the version is too old.
    Gone,
    /// The server's version is lower than before: its store was restored from a copy.
    Restored,
    /// 422 or 400: the server does not know what was asked for.
    Unsupported(String),
    /// 429, and perhaps 503, with the wait that the server asks for.
    Busy(Option<Duration>),
    /// Any other status.
    Status(u16, String),
    /// No answer for this time.
    Silent(Duration),
    /// The connection ended within an answer.
    Cut(String),
    /// An answer that cannot be read.
    Malformed(String),
}

/// The body of an error.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Status {
    #[serde(default)]
    pub(super) message: Option<String>,
    #[serde(default)]
    pub(super) code: Option<u16>,
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    #[serde(default)]
    retry_after_seconds: Option<u64>,
}

impl Failure {
    /// Reads an answer's status and body.
    pub(super) fn of_answer(code: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let status: Status = serde_json::from_slice(body).unwrap_or_default();
        Self::of_status(code, status, retry_after)
    }

    /// Reads an error that came as an event of a watch.
    pub(super) fn of_event(json: &str) -> Self {
        let status: Status = serde_json::from_str(json).unwrap_or_default();
        Self::of_status(status.code.unwrap_or(500), status, None)
    }

    fn of_status(code: u16, status: Status, retry_after: Option<Duration>) -> Self {
        let message = status.message.unwrap_or_else(|| format!("status {code}"));
        let in_body = status.details.and_then(|it| it.retry_after_seconds);
        let wait = retry_after.or(in_body.map(Duration::from_secs));
        match code {
            401 => Self::Unauthorized(message),
            403 => Self::Forbidden(message),
            404 => Self::Absent,
            410 => Self::Gone,
            400 | 422 => Self::Unsupported(message),
            429 => Self::Busy(wait),
            503 if wait.is_some() => Self::Busy(wait),
            _ => Self::Status(code, message),
        }
    }

    /// Returns what to do about it, for a kind.
    pub(super) fn remedy(&self, kind: Kind, resource: Resource) -> Option<String> {
        Some(match self {
            Self::Credentials(_) => {
                "run in a pod with `automountServiceAccountToken: true`, or name a kubeconfig file".to_owned()
            }
            Self::Unreachable(_) | Self::Silent(_) => {
                "try `kubectl get --raw /livez` from this node; look for a firewall or network policy between node and API server"
                    .to_owned()
            }
            Self::Tls(_) => "the certificate authority of the kubeconfig, or of the service account (`ca.crt`), must have signed the server's certificate, which must have the address that is asked and be valid by this host's clock".to_owned(),
            Self::Unauthorized(_) => {
                "the token or client certificate is expired or was revoked: `kubectl auth whoami`; a pod gets a new token from the kubelet".to_owned()
            }
            Self::Forbidden(message) => {
                let account = service_account(message);
                let account = account.map_or(String::new(), |account| format!(" bound to {account}"));
                format!(
                    "add this rule to the ClusterRole{account}:\n- apiGroups: [\"{}\"]\n  resources: [\"{}\"]\n  verbs: [\"get\", \"list\", \"watch\"]",
                    resource.group, resource.plural,
                )
            }
            Self::Absent => format!("the server has no {kind}: flows are decorated without it"),
            _ => return None,
        })
    }
}

/// Finds the user in the message of a 403: `pods is forbidden: User "system:serviceaccount:ns:name" cannot list ..`.
fn service_account(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("User \"")?;
    let (user, _) = rest.split_once('"')?;
    Some(match user.strip_prefix("system:serviceaccount:") {
        Some(account) => {
            let (namespace, name) = account.split_once(':')?;
            format!("service account `{name}` of namespace `{namespace}`")
        }
        None => format!("user `{user}`"),
    })
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials(text) => write!(f, "cannot read credentials: {text}"),
            Self::Unreachable(text) => write!(f, "cannot reach the API server: {text}"),
            Self::Tls(text) => write!(f, "cannot agree on TLS with the API server: {text}"),
            Self::Unauthorized(text) => write!(f, "cannot log in to the API server: {text}"),
            Self::Forbidden(text) | Self::Unsupported(text) => f.write_str(text),
            Self::Absent => f.write_str("the API server does not have this kind"),
            Self::Gone => f.write_str("the version is too old for a watch (410)"),
            Self::Restored => f.write_str(
                "the API server's version went back: its store was restored from a copy",
            ),
            Self::Busy(Some(wait)) => write!(
                f,
                "the API server is busy, for {} s as it says",
                wait.as_secs()
            ),
            Self::Busy(None) => f.write_str("the API server is busy"),
            Self::Status(code, text) => write!(f, "the API server answers {code}: {text}"),
            Self::Silent(time) => write!(
                f,
                "the API server has sent nothing for {} s",
                time.as_secs()
            ),
            Self::Cut(text) => write!(f, "the connection ended within an answer: {text}"),
            Self::Malformed(text) => write!(f, "cannot read an answer: {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_kind_gets_the_rule_to_add() {
        let body = br#"{"kind":"Status","status":"Failure","reason":"Forbidden","code":403,"details":{"group":"discovery.k8s.io","kind":"endpointslices"},
            "message":"endpointslices.discovery.k8s.io is forbidden: User \"system:serviceaccount:net:mermin\" cannot list resource \"endpointslices\" in API group \"discovery.k8s.io\" at the cluster scope"}"#;
        let failure = Failure::of_answer(403, body, None);
        let text = failure.to_string();
        for part in [
            "endpointslices",
            "cannot list",
            "system:serviceaccount:net:mermin",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let kind = Kind::EndpointSlice;
        let remedy = failure.remedy(kind, kind.resources()[0]);
        assert_eq!(
            remedy.as_deref(),
            Some(
                "add this rule to the ClusterRole bound to service account `mermin` of namespace `net`:\n\
                 - apiGroups: [\"discovery.k8s.io\"]\n  resources: [\"endpointslices\"]\n  verbs: [\"get\", \"list\", \"watch\"]"
            )
        );
    }

    #[test]
    fn status_is_read_from_answers_and_events() {
        let wait = Duration::from_secs(7);
        let busy = Failure::of_answer(429, br#"{"details": {"retryAfterSeconds": 7}}"#, None);
        assert_eq!(busy, Failure::Busy(Some(wait)));
        assert_eq!(
            Failure::of_answer(503, b"<html>", Some(wait)),
            Failure::Busy(Some(wait))
        );
        let gone = r#"{"code": 410, "message": "too old resource version: 1 (2210)"}"#;
        assert_eq!(Failure::of_event(gone), Failure::Gone);
        assert_eq!(
            Failure::of_event("null"),
            Failure::Status(500, "status 500".to_owned())
        );
    }
}
