//! Metrics in Prometheus' text form: Toxiproxy's names, and ours.

use std::fmt::{Display, Write};

use crate::desk::ProxyShown;

/// A name, what it counts, and where that stands.
type Counter = (&'static str, &'static str, fn(&ProxyShown) -> u64);

/// The metrics of all proxies.
pub(super) fn metrics(proxies: &[ProxyShown]) -> String {
    let mut text = Text(String::new());
    text.flows(
        "received",
        "Bytes that came from a client (upstream) or a server (downstream).",
        proxies,
        |flow| flow.0,
    );
    text.flows(
        "sent",
        "Bytes that were sent on to a server (upstream) or a client (downstream).",
        proxies,
        |flow| flow.1,
    );
    let connections = "hulk_proxy_connections_open";
    text.head(connections, "gauge", "Connections that are carried now.");
    for proxy in proxies {
        text.line(connections, &[("proxy", &proxy.spec.name)], proxy.open);
    }
    let counters: [Counter; 3] = [
        ("hulk_proxy_connections_accepted_total", "Connections that were accepted.", |p| {
            p.accepted
        }),
        (
            "hulk_proxy_connections_unreached_total",
            "Connections whose server could not be reached.",
            |p| p.unreached,
        ),
        ("hulk_proxy_datagrams_overflowed_total", "Datagrams for which there was no room.", |p| {
            p.overflowed
        }),
    ];
    for (name, help, of) in counters {
        text.head(name, "counter", help);
        for proxy in proxies {
            text.line(name, &[("proxy", &proxy.spec.name)], of(proxy));
        }
    }
    text.toxics(proxies);
    text.0
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _infallible = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (index, (key, label)) in labels.iter().enumerate() {
            let label = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let before = if index == 0 { '{' } else { ',' };
            let _infallible = write!(self.0, "{before}{key}=\"{label}\"");
        }
        let _infallible = writeln!(self.0, "}} {value}");
    }

    fn flows(
        &mut self,
        what: &str,
        help: &str,
        proxies: &[ProxyShown],
        of: impl Fn((u64, u64)) -> u64,
    ) {
        let name = format!("toxiproxy_proxy_{what}_bytes_total");
        self.head(&name, "counter", help);
        for proxy in proxies {
            for (direction, flow) in
                [("upstream", proxy.upstream), ("downstream", proxy.downstream)]
            {
                let labels = [
                    ("direction", direction),
                    ("proxy", &proxy.spec.name),
                    ("listener", &proxy.spec.listen),
                    ("upstream", &proxy.spec.upstream),
                ];
                self.line(&name, &labels, of(flow));
            }
        }
    }

    /// What each toxic that is set has done.
    fn toxics(&mut self, proxies: &[ProxyShown]) {
        let name = "hulk_proxy_toxic_effect_total";
        self.head(name, "counter", "What a toxic has done, by what it counts.");
        for proxy in proxies {
            for shown in &proxy.toxics {
                for (what, count) in shown.effect.named() {
                    let labels = [
                        ("proxy", proxy.spec.name.as_str()),
                        ("toxic", &shown.toxic.name),
                        ("type", shown.toxic.kind.name()),
                        ("stream", shown.toxic.stream.name()),
                        ("effect", what),
                    ];
                    self.line(name, &labels, count);
                }
            }
        }
    }
}
