//! The state as metrics, in the two text forms that collectors read.

use std::fmt::Write;

use hulk_scaling::{Lack, PanicSwitch, ServiceStatus};
use hyper::header::{ACCEPT, HeaderMap};

use crate::desk::Desk;

/// A text form of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Prometheus' own, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Gauge,
    Counter,
    /// Its lines have names of their own: `_bucket`, `_sum` and `_count`.
    Histogram,
    /// Always 1: its labels tell.
    Info,
}

impl Form {
    /// OpenMetrics for who asks for it, and Prometheus' own for everybody else.
    pub(crate) fn wanted(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let kinds = accepted.flat_map(|value| value.split(','));
        let open = kinds
            .map(|kind| kind.split(';').next().unwrap_or(kind))
            .any(|kind| kind.trim().eq_ignore_ascii_case("application/openmetrics-text"));
        if open { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Metrics as they are written.
pub(crate) struct Text {
    form: Form,
    out: String,
}

impl Text {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, out: String::with_capacity(8192) }
    }

    /// The whole. OpenMetrics needs the end, and for Prometheus it is a comment: whoever reads either knows
    /// that nothing was cut off.
    pub(crate) fn end(self) -> String {
        self.out + "# EOF\n"
    }

    /// Begins a metric; the name of its lines.
    pub(crate) fn head(&mut self, name: &str, kind: Kind, help: &str) -> String {
        let line = match kind {
            Kind::Gauge | Kind::Histogram => name.to_owned(),
            Kind::Counter => format!("{name}_total"),
            Kind::Info => format!("{name}_info"),
        };
        // OpenMetrics names the family, and Prometheus the lines.
        let (family, kind) = match (self.form, kind) {
            (_, Kind::Histogram) => (name, "histogram"),
            (Form::OpenMetrics, Kind::Gauge) => (name, "gauge"),
            (Form::OpenMetrics, Kind::Counter) => (name, "counter"),
            (Form::OpenMetrics, Kind::Info) => (name, "info"),
            (Form::Prometheus, Kind::Counter) => (&*line, "counter"),
            (Form::Prometheus, Kind::Gauge | Kind::Info) => (&*line, "gauge"),
        };
        let _infallible = writeln!(self.out, "# HELP {family} {help}\n# TYPE {family} {kind}");
        line
    }

    pub(crate) fn line(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        value: impl std::fmt::Display,
    ) {
        self.out.push_str(name);
        for (index, (key, label)) in labels.iter().enumerate() {
            let label = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let before = if index == 0 { '{' } else { ',' };
            let _infallible = write!(self.out, "{before}{key}=\"{label}\"");
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _infallible = writeln!(self.out, "{after} {value}");
    }

    fn gauge(
        &mut self,
        services: &[ServiceStatus],
        name: &str,
        help: &str,
        of: impl Fn(&ServiceStatus) -> f64,
    ) {
        let name = self.head(name, Kind::Gauge, help);
        for service in services {
            self.line(&name, &labels(service), of(service));
        }
    }

    fn counter(
        &mut self,
        services: &[ServiceStatus],
        name: &str,
        help: &str,
        of: impl Fn(&ServiceStatus) -> u64,
    ) {
        let name = self.head(name, Kind::Counter, help);
        for service in services {
            self.line(&name, &labels(service), of(service));
        }
    }
}

fn labels(service: &ServiceStatus) -> Vec<(&str, &str)> {
    let mut labels = vec![("service", service.name.as_str())];
    if !service.edge.is_empty() {
        labels.push(("edge", &service.edge));
    }
    labels
}

pub(crate) fn metrics(desk: &Desk, form: Form) -> String {
    let (services, connections, panic, faults, policies) = desk.door.look(|platform, _, faults| {
        let policies = platform.policies().map(|(name, policy)| (name.to_owned(), policy.name()));
        let policies: Vec<_> = policies.collect();
        (platform.status(), platform.connections(), platform.panic(), faults.all(), policies)
    });
    let mut text = Text::new(form);
    capacity(&mut text, &services);
    scaling(&mut text, desk, &policies);
    requests(&mut text, &services);
    advice(&mut text, &services);
    let help = "Wall time for which the process had no CPU when it needed it.";
    let name = text.head("hulk_platform_stalled_seconds", Kind::Counter, help);
    text.line(&name, &[], desk.door.stalled_for().as_secs_f64());
    let name = text.head("hulk_platform_connections", Kind::Gauge, "Viewers connected.");
    text.line(&name, &[], connections);
    if desk.door.plan().platform.panic.is_some() {
        let help = "Whether a panic switch is on.";
        let name = text.head("hulk_platform_switch", Kind::Gauge, help);
        for switch in PanicSwitch::ALL {
            let on = u8::from(panic.has(switch));
            text.line(&name, &[("name", switch.name())], on);
        }
    }
    let name = text.head("hulk_platform_fault", Kind::Gauge, "Whether a fault is on.");
    for (id, kind, on) in &faults {
        let (id, kind, at) = (id.to_string(), kind.name(), kind.place());
        let labels = [("id", id.as_str()), ("kind", kind), ("at", at)];
        text.line(&name, &labels, u8::from(*on));
    }
    text.end()
}

/// Only of services whose policies ask a chat endpoint.
fn advice(text: &mut Text, services: &[ServiceStatus]) {
    if services.iter().all(|service| service.advice.is_empty()) {
        return;
    }
    let help = "Questions to chat endpoints by what came of them.";
    let name = text.head("hulk_platform_advice", Kind::Counter, help);
    for service in services {
        for (outcome, count) in &service.advice {
            let mut labels = labels(service);
            labels.push(("outcome", outcome));
            text.line(&name, &labels, count);
        }
    }
}

fn capacity(text: &mut Text, services: &[ServiceStatus]) {
    text.gauge(services, "hulk_platform_instances_ready", "Instances that serve.", |s| {
        f64::from(s.ready)
    });
    let help = "Instances ordered, not serving yet.";
    text.gauge(services, "hulk_platform_instances_pending", help, |s| f64::from(s.pending));
    let help = "Instances that the policy wants.";
    text.gauge(services, "hulk_platform_instances_desired", help, |s| f64::from(s.desired));
    let help = "Instances wanted that cannot be had.";
    let name = text.head("hulk_platform_instances_lacking", Kind::Gauge, help);
    for service in services {
        for why in [Lack::Capacity, Lack::Quota] {
            let lacking = service.lacking.filter(|(_, known)| *known == why);
            let mut labels = labels(service);
            labels.push(("why", why.name()));
            let count = lacking.map_or(0, |(count, _)| count);
            text.line(&name, &labels, count);
        }
    }
    text.gauge(services, "hulk_platform_backlog_requests", "Requests that wait.", |s| {
        s.backlog as f64
    });
    // A wait without end is told as the largest that a reader of text takes for a number.
    let help = "Predicted wait, in match time.";
    text.gauge(services, "hulk_platform_wait_match_seconds", help, |s| s.wait_s.min(1e12));
}

/// What services need, and by what they are scaled.
fn scaling(text: &mut Text, desk: &Desk, policies: &[(String, &'static str)]) {
    let help = "Instances that the requests of the decision window need.";
    let name = text.head("hulk_platform_instances_needed", Kind::Gauge, help);
    for ((service, _), pace) in policies.iter().zip(desk.paces().iter()) {
        text.line(&name, &[("service", service)], pace.needed());
    }
    let name = text.head("hulk_platform_policy", Kind::Info, "The policy that scales a service.");
    for (service, policy) in policies {
        text.line(&name, &[("service", service), ("policy", policy)], 1);
    }
}

fn requests(text: &mut Text, services: &[ServiceStatus]) {
    text.counter(services, "hulk_platform_requests", "Requests of viewers.", |s| s.requests);
    text.counter(services, "hulk_platform_internal_requests", "Requests of services.", |s| {
        s.internal
    });
    let help = "Requests turned away by load balancers or for want of bandwidth.";
    text.counter(services, "hulk_platform_turned_away", help, |s| s.turned_away);
    let help = "Answers to viewers by status.";
    let name = text.head("hulk_platform_responses", Kind::Counter, help);
    for service in services {
        for (status, count) in &service.answers {
            let (mut labels, status) = (labels(service), status.to_string());
            labels.push(("status", &status));
            text.line(&name, &labels, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn who_asks_for_open_metrics_gets_it() {
        let wanted = |accept: &'static str| {
            Form::wanted(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]))
        };
        let prometheus =
            "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5,*/*;q=0.1";
        assert_eq!(wanted(prometheus), Form::OpenMetrics);
        for accept in ["text/plain;version=0.0.4", "*/*", "text/html, application/xml;q=0.9", ""] {
            assert_eq!(wanted(accept), Form::Prometheus, "{accept}");
        }
        assert_eq!(Form::wanted(&HeaderMap::new()), Form::Prometheus);
    }

    #[test]
    fn labels_are_escaped_and_names_are_those_of_each_form() {
        let written = |form| {
            let mut text = Text::new(form);
            let name = text.head("lost", Kind::Counter, "Lost.");
            text.line(&name, &[("at", "a\\b\"c\nd"), ("by", "x")], 3);
            let name = text.head("policy", Kind::Info, "Policy.");
            text.line(&name, &[], 1);
            text.out
        };
        let lines = "lost_total{at=\"a\\\\b\\\"c\\nd\",by=\"x\"} 3\n";
        assert_eq!(
            written(Form::Prometheus),
            format!(
                "# HELP lost_total Lost.\n# TYPE lost_total counter\n{lines}# HELP policy_info \
                 Policy.\n# TYPE policy_info gauge\npolicy_info 1\n"
            )
        );
        assert_eq!(
            written(Form::OpenMetrics),
            format!(
                "# HELP lost Lost.\n# TYPE lost counter\n{lines}# HELP policy Policy.\n# TYPE \
                 policy info\npolicy_info 1\n"
            )
        );
    }
}
