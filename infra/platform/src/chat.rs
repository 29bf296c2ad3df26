//! The chat endpoints of policies that hear the commentary: asked as messages come, and the answer,
//! or that there is none, handed to the state machine.
//!
//! A service has one question under way at a time. Of messages that come meanwhile only the newest
//! is asked about.

use std::sync::Arc;
use std::time::Duration;

use hulk_net::{HttpError, Scope, post_json};
use hulk_record::Message;
use hulk_scaling::{Advice, Chat, Commentary, Direction, NoAdvice};
use serde::Deserialize;
use serde_json::{Number, Value, json};
use tokio::time::{Instant, sleep_until};

use crate::door::Door;

/// So many messages are told with the one that is asked about.
const RECENT: usize = 6;
const SYSTEM: &str = "You scale one service of a live sports stream. You are told a message of the \
    match's commentary, the messages before it, who plays, how many people watch, how many instances \
    serve, and the ladder of instances that is the least there will be. New instances take minutes to \
    start. A `video` service is used while people watch; people come to a `recommendation` service \
    when they leave the video, all at once when a key player is out. Answer with JSON alone: \
    {\"direction\": \"out\" | \"in\" | \"hold\", \"count\": how many instances more or fewer}.";

/// Asks for every service whose policy has a chat endpoint.
pub(crate) fn begin(door: &Arc<Door>) {
    for (service, policy) in door.plan().policies.iter().enumerate() {
        if let Some(rule) = policy.commentary()
            && let Some(chat) = &rule.chat
        {
            let (rule, chat) = (rule.clone(), chat.clone());
            tokio::spawn(consult(Arc::clone(door), service, rule, chat));
        }
    }
}

async fn consult(door: Arc<Door>, service: usize, rule: Commentary, chat: Chat) {
    door.begun().await;
    let messages = &door.plan().commentary.messages;
    let out = |message: &Message| door.instant(message.at);
    let mut next = 0;
    while let Some(due) = messages.get(next).and_then(out) {
        sleep_until(due).await;
        let now = Instant::now();
        while messages.get(next + 1).and_then(out).is_some_and(|newer| newer <= now) {
            next += 1;
        }
        let question = question(&door, service, &rule, next);
        let advice = ask(&chat, question).await;
        door.advised(service, advice);
        next += 1;
    }
}

/// What is asked: the message at a place of the feed, and what there is to know.
fn question(door: &Door, service: usize, rule: &Commentary, place: usize) -> Value {
    let plan = door.plan();
    let feed = &plan.commentary;
    let name = plan.platform.services.get(service).map_or("", |spec| spec.name.as_str());
    let (viewers, status) = door.look(|platform, _, _| {
        let status = platform.status().into_iter().find(|status| status.name == name);
        (platform.connections() as f64 / plan.scale, status)
    });
    let recent = feed.messages.iter().take(place + 1).skip((place + 1).saturating_sub(RECENT));
    let recent: Vec<&str> = recent.map(|message| message.text.as_str()).collect();
    json!({
        "service": name,
        "role": rule.role.name(),
        "message": feed.messages.get(place),
        "recent": recent,
        "key_players": feed.key_players,
        "teams": feed.teams,
        "viewers": viewers.round(),
        "instances": status.map(|status| json!({
            "ready": status.ready, "pending": status.pending, "desired": status.desired,
        })),
        "ladder": rule.ladder,
        "ladder_instances": rule.ladder.desired(viewers),
        "max_instances": rule.max_instances,
    })
}

/// One question in the OpenAI wire format.
async fn ask(chat: &Chat, question: Value) -> Result<Advice, NoAdvice> {
    let url = Scope::default().permit_url(&chat.url);
    let (permit, path) = url.map_err(|_| NoAdvice::Refused)?;
    let body = json!({
        "model": chat.model,
        "temperature": 0,
        "response_format": { "type": "json_object" },
        "messages": [
            { "role": "system", "content": SYSTEM },
            { "role": "user", "content": question.to_string() },
        ],
    });
    let key = chat.api_key_env.as_ref().and_then(|name| std::env::var(name).ok());
    let limit = Duration::from_millis(chat.timeout_ms);
    let answer = post_json(permit, &path, key.as_deref(), body.to_string(), limit).await;
    match answer {
        Ok(text) => advice(&text),
        Err(HttpError::Timeout(_)) => Err(NoAdvice::Timeout),
        Err(_) => Err(NoAdvice::Refused),
    }
}

/// What the endpoint's model was asked to write.
#[derive(Deserialize)]
struct Said {
    direction: Direction,
    count: Option<Number>,
}

/// The advice in an answer: the JSON in `choices[0].message.content`.
fn advice(answer: &str) -> Result<Advice, NoAdvice> {
    let answer: Value = serde_json::from_str(answer).map_err(|_| NoAdvice::BadJson)?;
    let content = answer.pointer("/choices/0/message/content").and_then(Value::as_str);
    let content = content.ok_or(NoAdvice::BadJson)?.trim();
    // Models like to put their JSON into a fence.
    let fenced = content.strip_prefix("```json").or_else(|| content.strip_prefix("```"));
    let content = fenced.and_then(|inside| inside.strip_suffix("```")).unwrap_or(content);
    let said: Said = serde_json::from_str(content).map_err(|_| NoAdvice::BadJson)?;
    let count = match (said.direction, said.count) {
        (Direction::Hold, _) => 0,
        (_, None) => return Err(NoAdvice::BadJson),
        (_, Some(count)) => {
            let whole = count.as_u64().and_then(|count| u32::try_from(count).ok());
            whole.ok_or(NoAdvice::Absurd)?
        }
    };
    Ok(Advice { direction: said.direction, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(text: &str) -> Result<Advice, NoAdvice> {
        let message = json!({ "role": "assistant", "content": text });
        let choices = json!([{ "index": 0, "message": message, "finish_reason": "stop" }]);
        advice(&json!({ "object": "chat.completion", "choices": choices }).to_string())
    }

    #[test]
    fn golden_advice_is_read_from_the_first_choice() {
        let says = |direction, count| Ok(Advice { direction, count });
        assert_eq!(content(r#"{"direction":"out","count":40}"#), says(Direction::Out, 40));
        let fenced = "```json\n{\"direction\": \"in\", \"count\": 3, \"why\": \"wicket\"}\n```";
        assert_eq!(content(fenced), says(Direction::In, 3));
        assert_eq!(content(r#"{"direction":"hold"}"#), says(Direction::Hold, 0));
    }

    #[test]
    fn what_is_no_advice_is_told_apart() {
        for text in [
            "Scale out by 40.",
            "",
            "[]",
            r#"{"direction":"up","count":40}"#,
            r#"{"direction":"out"}"#,
            r#"{"direction":"out","count":"40"}"#,
            r#"{"direction":"out","count":40"#,
        ] {
            assert_eq!(content(text), Err(NoAdvice::BadJson), "{text}");
        }
        for count in ["-1", "2.5", "1e12", "99999999999"] {
            let text = format!("{{\"direction\":\"out\",\"count\":{count}}}");
            assert_eq!(content(&text), Err(NoAdvice::Absurd), "{text}");
        }
        for answer in ["", "{}", "{\"choices\":[]}", "{\"error\":{\"message\":\"no\"}}"] {
            assert_eq!(advice(answer), Err(NoAdvice::BadJson), "{answer}");
        }
    }
}
