//! Observers of services of one's own.

use std::sync::OnceLock;
use std::time::Duration;

use hulk_net::{HttpError, Permit, Refusal, Scope, fetch};
use hulk_record::{CapacitySample, Offset};
use hulk_scenarios::{Feed, Figures, Watched};

use crate::error::checked;
use crate::kubernetes::Cluster;
use crate::{ObserveError, haproxy, json, openmetrics, prometheus};

/// An answer that takes longer is a lost one: the next look is due by then.
pub(crate) const LIMIT: Duration = Duration::from_millis(900);

/// Looks at the capacity of one service.
pub struct Observer {
    watched: Watched,
    permit: Permit,
    /// The way into a cluster, from the first look on.
    cluster: OnceLock<Cluster>,
}

impl Observer {
    /// An observer of a service.
    ///
    /// # Errors
    /// When its feed is outside the scope.
    pub fn new(watched: Watched, scope: &Scope) -> Result<Self, Refusal> {
        let permit = scope.permit(watched.feed.place().address)?;
        Ok(Self { watched, permit, cluster: OnceLock::new() })
    }

    /// The service.
    pub fn service(&self) -> &str {
        &self.watched.service
    }

    /// What the feed says `at` this time.
    ///
    /// # Errors
    /// When it says nothing in time, something else, or what is stale.
    pub async fn look(&self, at: Offset) -> Result<CapacitySample, ObserveError> {
        let seen = checked(self.figures().await?, self.watched.age_max_ms / 1e3)?;
        Ok(CapacitySample {
            at,
            service: self.watched.service.clone(),
            ready: seen.ready,
            pending: seen.pending,
            desired: seen.desired,
            requests_total: seen.requests_total,
            rejected_total: seen.rejected_total,
            ..CapacitySample::default()
        })
    }

    async fn figures(&self) -> Result<Figures<f64>, ObserveError> {
        match &self.watched.feed {
            Feed::Haproxy(feed) => haproxy::figures(feed, &self.page().await?),
            Feed::Json(feed) => json::figures(feed, &self.page().await?),
            Feed::Kubernetes(feed) => {
                let cluster = self.cluster.get_or_init(|| Cluster::new(feed.clone(), self.permit));
                cluster.look().await
            }
            Feed::Openmetrics(feed) => openmetrics::figures(feed, &self.page().await?),
            Feed::Prometheus(feed) => prometheus::figures(feed, self.permit).await,
        }
    }

    async fn page(&self) -> Result<String, HttpError> {
        fetch(self.permit, &self.watched.feed.place().path, LIMIT).await
    }
}
