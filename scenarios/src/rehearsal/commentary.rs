//! `[commentary]`: who hears the match's commentary, and how late.

use std::net::SocketAddr;

use hulk_consent::Scope;
use hulk_record::Feed;
use hulk_scaling::Policy;
use hulk_settings::{At, Section};
use hulk_traffic_models::Audience;
use serde::{Deserialize, Serialize};

use crate::Rehearsal;
use crate::values::Secret;

/// So long after what it tells of a message comes, in match seconds, where the file says nothing.
const DELAY_S: f64 = 5.0;

/// How the commentary is heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hearing {
    /// So long after what it tells of a message comes, in match seconds.
    pub delay_s: f64,
    /// Each message is posted to this URL of the loopback.
    pub webhook: Option<String>,
    /// Messages are served as server-sent events at this address of the loopback.
    pub sse: Option<SocketAddr>,
}

impl Hearing {
    /// Nobody outside hears it.
    const USUAL: Self = Self { delay_s: DELAY_S, webhook: None, sse: None };

    /// The table, where there is one.
    pub(super) fn read(root: &Section<'_>) -> Option<Option<Self>> {
        let Some(section) = root.section_optional("commentary") else { return Some(None) };
        let delay_s = section.number_or("delay_s", 0.0..=600.0, DELAY_S);
        let webhook = match section.has("webhook") {
            true => webhook(&section).map(Some),
            false => Some(None),
        };
        let sse = match section.has("sse") {
            true => address(&section).map(Some),
            false => Some(None),
        };
        Some(Some(Self { delay_s: delay_s?, webhook: webhook?, sse: sse? }))
    }
}

fn webhook(section: &Section<'_>) -> Option<String> {
    let url = section.text("webhook")?;
    if let Err(refusal) = Scope::default().permit_url(&url) {
        let hint = "for example `webhook = \"http://127.0.0.1:9000/ball\"`".to_owned();
        section.problem_at("webhook", format!("no consent: {refusal}"), Some(hint));
        return None;
    }
    Some(url)
}

fn address(section: &Section<'_>) -> Option<SocketAddr> {
    let text = section.text("sse")?;
    let hint = || Some("for example `sse = \"127.0.0.1:9001\"`".to_owned());
    let Ok(address) = text.parse::<SocketAddr>() else {
        section.problem_at("sse", format!("`{text}` is not an address with a port"), hint());
        return None;
    };
    if let Err(refusal) = Scope::default().permit(address) {
        section.problem_at("sse", format!("no consent: {refusal}"), hint());
        return None;
    }
    Some(address)
}

/// Notes why a policy that hears the commentary would hear nothing, or ask nobody.
pub(super) fn check_hearing(
    policy: &Policy,
    service: &str,
    audience: &Audience,
    root: &Section<'_>,
) {
    let Some(rule) = policy.commentary() else { return };
    let at = |rest: &[&'static str]| -> Vec<At<'_>> {
        let path = [At::Key("policy"), At::Key(service), At::Key("commentary")];
        path.into_iter().chain(rest.iter().copied().map(At::Key)).collect()
    };
    if audience.executor.is_some() {
        let hint = Some("take `ladder`, or replay an `[audience]`".to_owned());
        root.problem_in(&at(&[]), "`[load]` has no commentary that could be heard", hint);
    } else if rule.chat.is_none() && audience.commentary.key_players.is_empty() {
        let hint = Some("add `[commentary]` with `key_players` to the model".to_owned());
        root.problem_in(&at(&[]), "the model names no key players: nothing would be done", hint);
    }
    let Some(chat) = &rule.chat else { return };
    if let Err(refusal) = Scope::default().permit_url(&chat.url) {
        let hint = Some("for example `http://127.0.0.1:8080/v1/chat/completions`".to_owned());
        root.problem_in(&at(&["chat", "url"]), format!("no consent: {refusal}"), hint);
    }
    if let Some(reason) =
        chat.api_key_env.as_ref().and_then(|name| Secret::from_environment(name).err())
    {
        let hint = Some("set it, or leave `api_key_env` out".to_owned());
        root.problem_in(&at(&["chat", "api_key_env"]), reason, hint);
    }
}

impl Rehearsal {
    /// The commentary of the window; empty where nobody hears it.
    pub fn feed(&self) -> Feed {
        let policies = self.platform().map_or(&[][..], |embedded| &embedded.policies);
        let heard = policies.iter().any(|policy| policy.commentary().is_some());
        let hearing = match &self.commentary {
            Some(hearing) => hearing,
            None if heard => &Hearing::USUAL,
            None => return Feed::default(),
        };
        Feed {
            key_players: self.audience.commentary.key_players.clone(),
            teams: self.audience.commentary.teams.clone(),
            messages: self.audience.commentary(hearing.delay_s),
        }
    }
}
