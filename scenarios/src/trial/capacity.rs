//! What a feed tells of a service's capacity, before a rehearsal relies on it.

use hulk_record::CapacitySample;
use serde::Serialize;

use super::print::{GREEN, Line, Paint, Printer, RED};
use crate::Feed;

/// A look at the capacity of a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CapacityLook {
    /// The service.
    pub service: String,
    /// The kind of its feed, by its name in a file.
    pub feed: &'static str,
    /// Instances that serve; here and below, none where the feed does not tell.
    pub ready: Option<f64>,
    /// Instances on their way.
    pub pending: Option<f64>,
    /// Instances that the scaler wants.
    pub desired: Option<f64>,
    /// Why nothing was seen.
    pub failure: Option<String>,
}

impl CapacityLook {
    /// What came of a look.
    pub fn new(service: &str, feed: &Feed, seen: Result<CapacitySample, String>) -> Self {
        let (seen, failure) = match seen {
            Ok(sample) => (Some(sample), None),
            Err(why) => (None, Some(why)),
        };
        let of = |figure: fn(&CapacitySample) -> Option<f64>| seen.as_ref().and_then(figure);
        Self {
            service: service.to_owned(),
            feed: feed.name(),
            ready: of(|sample| Some(sample.ready)),
            pending: of(|sample| sample.pending),
            desired: of(|sample| sample.desired),
            failure,
        }
    }
}

impl Printer {
    /// What the feeds of all observed services tell; nothing where there are none.
    pub fn capacity(self, looks: &[CapacityLook]) -> String {
        let paint = match self {
            Self::Json => return looks.iter().map(|look| Line::Capacity(look).text()).collect(),
            Self::Text(_) if looks.is_empty() => return String::new(),
            Self::Text(paint) => paint,
        };
        let lines: String = looks.iter().map(|look| line(paint, look)).collect();
        format!("\ncapacity\n{lines}")
    }
}

fn line(paint: Paint, look: &CapacityLook) -> String {
    let CapacityLook { service, feed, failure, .. } = look;
    if let Some(why) = failure {
        let told = paint.paint(RED, &format!("could not be seen: {why}"));
        return format!("  {} {service}, by {feed}: {told}\n", paint.paint(RED, "✗"));
    }
    let parts = [(look.ready, "ready"), (look.pending, "on their way"), (look.desired, "wanted")];
    let told = parts.iter().filter_map(|(count, what)| Some(format!("{} {what}", (*count)?)));
    let told = told.collect::<Vec<_>>().join(", ");
    format!("  {} {service}, by {feed}: {told}\n", paint.paint(GREEN, "✓"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FeedPlace, HaproxyFeed};

    #[test]
    fn golden_what_feeds_tell() {
        let place = FeedPlace { address: ([127, 0, 0, 1], 8404).into(), path: "/;csv".to_owned() };
        let feed = Feed::Haproxy(HaproxyFeed { place, backend: "pool".to_owned() });
        let sample = CapacitySample { ready: 3.0, pending: Some(1.0), ..CapacitySample::default() };
        let looks = [
            CapacityLook::new("web", &feed, Ok(sample)),
            CapacityLook::new("media", &feed, Err("there is no backend `pool`".to_owned())),
        ];
        let text = "\ncapacity\n  ✓ web, by haproxy: 3 ready, 1 on their way\n  ✗ media, by haproxy: could \
                    not be seen: there is no backend `pool`\n";
        assert_eq!(Printer::Text(Paint::Plain).capacity(&looks), text);
        let json = "{\"capacity\":{\"service\":\"media\",\"feed\":\"haproxy\",\"ready\":null,\
                    \"pending\":null,\"desired\":null,\"failure\":\"there is no backend `pool`\"}}\n";
        assert_eq!(Printer::Json.capacity(&looks[1..]), json);
        assert_eq!(Printer::Text(Paint::Plain).capacity(&[]), "");
    }
}
