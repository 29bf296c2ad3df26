//! A proxy, what is set on it, and what it says of itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hulk_inject::{Desk, ProxyShown, ProxySpec, ToxicAsked};
use hulk_net::{Scope, dial};
use hulk_scenarios::chaos::{Attributes, EffectCounts, Protocol};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// Longer than anything here takes: a test that waits so long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(20);
const NAME: &str = "proxy";

/// A proxy that leads to a server of the test.
pub(crate) struct World {
    pub(crate) desk: Arc<Desk>,
    pub(crate) address: SocketAddr,
}

impl World {
    /// A proxy with nothing set on it.
    pub(crate) fn new(protocol: Protocol, upstream: SocketAddr) -> Self {
        let desk = Desk::new(Scope::default(), 7, Duration::from_secs(3_600));
        let spec = ProxySpec {
            name: NAME.to_owned(),
            listen: "127.0.0.1:0".to_owned(),
            upstream: upstream.to_string(),
            protocol,
            enabled: true,
        };
        let address = desk.create(spec).unwrap().spec.listen.parse().unwrap();
        Self { desk, address }
    }

    /// Sets a toxic, named after its type and stream.
    pub(crate) fn set(&self, kind: &str, stream: &str, attributes: Value) {
        self.set_on_share(1.0, kind, stream, attributes);
    }

    /// Sets a toxic on a share of the links.
    pub(crate) fn set_on_share(&self, share: f64, kind: &str, stream: &str, attributes: Value) {
        let Value::Object(attributes) = attributes else { panic!("{attributes} is no object") };
        let asked = ToxicAsked {
            kind: kind.to_owned(),
            stream: Some(stream.to_owned()),
            toxicity: Some(share),
            attributes,
            strict: true,
            ..ToxicAsked::default()
        };
        self.desk.add_toxic(NAME, &asked, None).unwrap();
    }

    /// Changes attributes of a toxic.
    pub(crate) fn change(&self, toxic: &str, attributes: Value) {
        let Value::Object(attributes) = attributes else { panic!("{attributes} is no object") };
        self.desk.update_toxic(NAME, toxic, None, &attributes, None).unwrap();
    }

    /// Changes the share of the links that a toxic acts on.
    pub(crate) fn change_share(&self, toxic: &str, share: f64) {
        self.desk.update_toxic(NAME, toxic, Some(share), &Attributes::new(), None).unwrap();
    }

    /// Removes a toxic; what it has done.
    pub(crate) fn remove(&self, toxic: &str) -> EffectCounts {
        self.desk.remove_toxic(NAME, toxic).unwrap().effect
    }

    /// What the proxy says of itself.
    pub(crate) fn shown(&self) -> ProxyShown {
        self.desk.proxy(NAME).unwrap()
    }

    /// What a toxic has done by now.
    pub(crate) fn effect(&self, toxic: &str) -> EffectCounts {
        let shown = self.shown();
        let known = shown.toxics.into_iter().find(|known| known.toxic.name == toxic);
        known.unwrap().effect
    }

    /// Has the proxy listen, or not.
    pub(crate) fn enable(&self, enabled: bool) {
        self.desk.update(NAME, |spec| spec.enabled = enabled).unwrap();
    }

    /// Ends the proxy.
    pub(crate) fn end(&self) {
        self.desk.delete(NAME).unwrap();
    }

    /// A client's connection to the proxy.
    pub(crate) async fn dial(&self) -> TcpStream {
        dial(Scope::default().permit(self.address).unwrap()).await.unwrap()
    }

    /// Waits until no connection is carried any more.
    pub(crate) async fn idle(&self) {
        eventually(|| self.shown().open == 0).await;
    }
}

/// Waits until it is so.
pub(crate) async fn eventually(is_so: impl Fn() -> bool) {
    let waited = timeout(LONG, async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    });
    assert!(waited.await.is_ok(), "it never came to be so");
}

/// A port that nobody listens on.
pub(crate) async fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}
