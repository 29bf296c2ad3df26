//! The service as metrics.

use super::hub::Hub;
use crate::metrics::{Form, Kind, Text};

pub(super) fn metrics(hub: &Hub, form: Form) -> String {
    let (topics, delivered, counts) = hub.status();
    let mut text = Text::new(form);
    let name = text.head("hulk_feed_receivers", Kind::Gauge, "Receivers that listen.");
    for topic in &topics {
        text.line(&name, &[("topic", &topic.name)], topic.receivers);
    }
    let help = "Messages that were given a stamp.";
    let name = text.head("hulk_feed_published", Kind::Counter, help);
    for topic in &topics {
        text.line(&name, &[("topic", &topic.name)], topic.published);
    }
    for (name, help, value) in [
        ("hulk_feed_delivered", "Messages handed to connections.", delivered),
        ("hulk_feed_dropped_slow", "Receivers closed for being too slow.", counts.slow),
        ("hulk_feed_cut", "Receivers cut off by request.", counts.cut),
        ("hulk_feed_refused", "Receivers for whom there was no place.", counts.refused),
    ] {
        let name = text.head(name, Kind::Counter, help);
        text.line(&name, &[], value);
    }
    text.end()
}
