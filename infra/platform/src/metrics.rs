//! The state as OpenMetrics text.

use std::fmt::Write;

use hulk_scaling::{Lack, PanicSwitch, ServiceStatus};

use crate::door::Door;

struct Text {
    out: String,
}

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _infallible = writeln!(self.out, "# TYPE {name} {kind}\n# HELP {name} {help}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
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
        self.head(name, "gauge", help);
        for service in services {
            self.line(name, &labels(service), of(service));
        }
    }

    fn counter(
        &mut self,
        services: &[ServiceStatus],
        name: &str,
        help: &str,
        of: impl Fn(&ServiceStatus) -> u64,
    ) {
        self.head(name, "counter", help);
        for service in services {
            self.line(&format!("{name}_total"), &labels(service), of(service));
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

pub(crate) fn metrics(door: &Door) -> String {
    let (services, connections, panic, faults) = door.look(|platform, _, faults| {
        (platform.status(), platform.connections(), platform.panic(), faults.all())
    });
    let mut text = Text { out: String::with_capacity(8192) };
    capacity(&mut text, &services);
    text.counter(&services, "hulk_platform_requests", "Requests of viewers.", |s| s.requests);
    text.counter(&services, "hulk_platform_internal_requests", "Requests of services.", |s| {
        s.internal
    });
    let help = "Requests turned away by load balancers or for want of bandwidth.";
    text.counter(&services, "hulk_platform_turned_away", help, |s| s.turned_away);
    text.head("hulk_platform_responses", "counter", "Answers to viewers by status.");
    for service in &services {
        for (status, count) in &service.answers {
            let (mut labels, status) = (labels(service), status.to_string());
            labels.push(("status", &status));
            text.line("hulk_platform_responses_total", &labels, count);
        }
    }
    advice(&mut text, &services);
    let help = "Wall time for which the process had no CPU when it needed it.";
    text.head("hulk_platform_stalled_seconds", "counter", help);
    text.line("hulk_platform_stalled_seconds_total", &[], door.stalled_for().as_secs_f64());
    text.head("hulk_platform_connections", "gauge", "Viewers connected.");
    text.line("hulk_platform_connections", &[], connections);
    if door.plan().platform.panic.is_some() {
        text.head("hulk_platform_switch", "gauge", "Whether a panic switch is on.");
        for switch in PanicSwitch::ALL {
            let on = u8::from(panic.has(switch));
            text.line("hulk_platform_switch", &[("name", switch.name())], on);
        }
    }
    text.head("hulk_platform_fault", "gauge", "Whether a fault is on.");
    for (id, kind, on) in &faults {
        let (id, kind, at) = (id.to_string(), kind.name(), kind.place());
        let labels = [("id", id.as_str()), ("kind", kind), ("at", at)];
        text.line("hulk_platform_fault", &labels, u8::from(*on));
    }
    text.out + "# EOF\n"
}

/// Only of services whose policies ask a chat endpoint.
fn advice(text: &mut Text, services: &[ServiceStatus]) {
    if services.iter().all(|service| service.advice.is_empty()) {
        return;
    }
    text.head(
        "hulk_platform_advice",
        "counter",
        "Questions to chat endpoints by what came of them.",
    );
    for service in services {
        for (outcome, count) in &service.advice {
            let mut labels = labels(service);
            labels.push(("outcome", outcome));
            text.line("hulk_platform_advice_total", &labels, count);
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
    text.head("hulk_platform_instances_lacking", "gauge", help);
    for service in services {
        for why in [Lack::Capacity, Lack::Quota] {
            let lacking = service.lacking.filter(|(_, known)| *known == why);
            let mut labels = labels(service);
            labels.push(("why", why.name()));
            let count = lacking.map_or(0, |(count, _)| count);
            text.line("hulk_platform_instances_lacking", &labels, count);
        }
    }
    text.gauge(services, "hulk_platform_backlog_requests", "Requests that wait.", |s| {
        s.backlog as f64
    });
    // A wait without end is told as the largest that a reader of text takes for a number.
    let help = "Predicted wait, in match time.";
    text.gauge(services, "hulk_platform_wait_match_seconds", help, |s| s.wait_s.min(1e12));
}
