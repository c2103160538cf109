//! Finds or creates the stream, and checks that it is usable.

use std::time::Duration;

use serde_json::{Value, json};

use super::Connection;
use crate::{protocol::Answer, settings::Settings};

/// The server's default, if the real value is unknown.
const USUAL_WINDOW: Duration = Duration::from_mins(2);
/// Value for a stream that the exporter creates.
const OWN_WINDOW: Duration = Duration::from_mins(10);
/// `JSStreamNotFoundErr` of nats-server.
const NOT_FOUND: u64 = 10059;

/// Properties of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// How long it remembers ids.
    pub(crate) window: Duration,
    /// Position of its last message.
    pub(crate) last: u64,
    /// True if messages stay after consumers have taken them, so that the last one can be looked up.
    pub(crate) keeps: bool,
}

/// The next action on a stream.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Go(Facts),
    Create,
    /// Change its configuration to this.
    Update(Value),
    Refuse(String),
}

/// Finds the stream, creates it if requested, and sets how long it remembers ids.
///
/// # Errors
/// The reason why the stream is unusable.
pub(crate) fn prepare(
    link: &mut Connection,
    settings: &Settings,
    subjects: &str,
) -> Result<Facts, String> {
    let name = &settings.stream;
    let Ok(answer) = link.ask(&format!("STREAM.INFO.{name}"), "")? else {
        // An account that may only publish.
        return Ok(Facts {
            window: USUAL_WINDOW,
            last: 0,
            keeps: false,
        });
    };
    let cannot = |what: &str, why: &str| format!("cannot {what} the stream `{name}`: {why}");
    let (what, question, config) = match decide(&answer, settings, link.max_payload) {
        Step::Go(facts) => return Ok(facts),
        Step::Refuse(why) => return Err(cannot("export to", &why)),
        Step::Create => ("create", "CREATE", created(settings, subjects)),
        Step::Update(config) => ("change", "UPDATE", config),
    };
    match link.ask(&format!("STREAM.{question}.{name}"), &config.to_string())? {
        Ok(Answer::Json(made)) => Ok(facts(&made)),
        Ok(Answer::Refused { words, .. }) | Err(words) => Err(cannot(what, &words)),
        Ok(_) => Err(cannot(what, "JetStream does not answer")),
    }
}

fn created(settings: &Settings, subjects: &str) -> Value {
    json!({
        "name": settings.stream,
        "subjects": [subjects],
        "retention": "limits",
        "storage": "file",
        "num_replicas": 1,
        "duplicate_window": nanoseconds(settings.window.unwrap_or(OWN_WINDOW)),
    })
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Decides the next action. `largest` is the server's size limit of a message.
fn decide(answer: &Answer, settings: &Settings, largest: usize) -> Step {
    let refuse = |why: &str| Step::Refuse(why.to_owned());
    let info = match answer {
        Answer::Json(info) => info,
        Answer::Refused { code, words } => {
            let is_absent = *code == NOT_FOUND && settings.creates;
            return if is_absent {
                Step::Create
            } else {
                refuse(words)
            };
        }
        Answer::NoResponders => return refuse("the server has no JetStream: start it with `-js`"),
        Answer::Nonsense => return refuse("what JetStream says of it cannot be read"),
    };
    let config = &info["config"];
    if config["no_ack"] == true {
        return refuse("it acknowledges nothing: set its `no_ack` to false");
    }
    // Nats-server 2.9.10 acknowledges messages that it drops because there is no consumer.
    if config["retention"] == "interest" && info["state"]["consumer_count"] == 0 {
        return refuse("it keeps what a consumer waits for, and has none: create a consumer");
    }
    if empties_itself(config, largest) {
        return refuse(
            "one message may be larger than its `max_bytes`, and would be acknowledged and not stored: set its `max_msg_size`, or \
             `discard` to new",
        );
    }
    let wanted = settings.window.map(nanoseconds);
    match (wanted, config.as_object()) {
        (Some(wanted), Some(object)) if config["duplicate_window"] != wanted => {
            let mut config = object.clone();
            config.insert("duplicate_window".to_owned(), wanted.into());
            Step::Update(config.into())
        }
        _ => Step::Go(facts(info)),
    }
}

/// Returns true if a message of at most `largest` octets can exceed the limit of the whole stream. Nats-server 2.9.10
/// acknowledges such a message, discards all others in the stream, and then the message itself.
fn empties_itself(config: &Value, largest: usize) -> bool {
    // -1 means no limit.
    let limit = |name| config[name].as_u64().filter(|most| *most > 0);
    let Some(room) = limit("max_bytes") else {
        return false;
    };
    let largest = u64::try_from(largest).unwrap_or(u64::MAX);
    config["discard"] != "new" && limit("max_msg_size").unwrap_or(largest).min(largest) > room
}

fn facts(info: &Value) -> Facts {
    let config = &info["config"];
    let window = config["duplicate_window"].as_u64();
    Facts {
        window: window.map_or(USUAL_WINDOW, Duration::from_nanos),
        last: info["state"]["last_seq"].as_u64().unwrap_or(0),
        keeps: config["retention"] == "limits",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server's default `max_payload`.
    const MIB: usize = 1 << 20;

    fn info(change: impl FnOnce(&mut Value)) -> Answer {
        let mut info = json!({
            "config": {
                "name": "F", "subjects": ["F.>"], "retention": "limits", "no_ack": false,
                "max_bytes": 1_000_000_000, "discard": "old", "duplicate_window": 120_000_000_000_u64,
            },
            "state": {"last_seq": 42, "consumer_count": 0},
        });
        change(&mut info);
        Answer::Json(info)
    }

    fn settings() -> Settings {
        Settings::new(["a:1"], "F")
    }

    #[test]
    fn existing_stream_is_left_unchanged() {
        let facts = Facts {
            window: Duration::from_mins(2),
            last: 42,
            keeps: true,
        };
        assert_eq!(decide(&info(|_| ()), &settings(), MIB), Step::Go(facts));
        let same = settings().window(Duration::from_mins(2));
        assert_eq!(decide(&info(|_| ()), &same, MIB), Step::Go(facts));
        let queue = info(|it| it["config"]["retention"] = "workqueue".into());
        let facts = Facts {
            keeps: false,
            ..facts
        };
        assert_eq!(decide(&queue, &settings(), MIB), Step::Go(facts));
    }

    #[test]
    fn requested_duplicate_window_is_the_only_change() {
        let asked = settings().window(Duration::from_hours(1));
        let Step::Update(config) = decide(&info(|_| ()), &asked, MIB) else {
            panic!()
        };
        let Answer::Json(mut expected) = info(|_| ()) else {
            panic!()
        };
        expected["config"]["duplicate_window"] = 3_600_000_000_000_u64.into();
        assert_eq!(config, expected["config"]);
    }

    #[test]
    fn missing_stream_is_created_if_allowed() {
        let absent = Answer::Refused {
            code: NOT_FOUND,
            words: "stream not found".to_owned(),
        };
        assert_eq!(decide(&absent, &settings(), MIB), Step::Create);
        let refused = Step::Refuse("stream not found".to_owned());
        assert_eq!(decide(&absent, &settings().create(false), MIB), refused);
        let config = created(&settings(), "F.>");
        assert_eq!(config["duplicate_window"], 600_000_000_000_u64);
        assert_eq!(config["subjects"], json!(["F.>"]));
    }

    #[test]
    fn stream_that_stores_nothing_is_refused() {
        let silent = info(|it| it["config"]["no_ack"] = true.into());
        let idle = info(|it| it["config"]["retention"] = "interest".into());
        let watched = info(|it| {
            it["config"]["retention"] = "interest".into();
            it["state"]["consumer_count"] = 1.into();
        });
        let refuses = |answer| matches!(decide(&answer, &settings(), MIB), Step::Refuse(_));
        assert!(refuses(silent) && refuses(idle) && !refuses(watched));
        assert!(refuses(Answer::NoResponders) && refuses(Answer::Nonsense));
    }

    #[test]
    fn stream_smaller_than_a_message_is_refused() {
        let refuses = |room: i64, limit: i64, discard: &str| {
            let answer = info(|it| {
                it["config"]["max_bytes"] = room.into();
                it["config"]["max_msg_size"] = limit.into();
                it["config"]["discard"] = discard.into();
            });
            matches!(decide(&answer, &settings(), MIB), Step::Refuse(_))
        };
        assert!(refuses(1000, -1, "old") && refuses(1000, 1001, "old"));
        assert!(!refuses(1000, 1000, "old") && !refuses(1000, -1, "new"));
        assert!(!refuses(1 << 20, -1, "old") && !refuses(-1, -1, "old"));
        assert!(!refuses(1 << 20, 1 << 21, "old"));
    }
}
