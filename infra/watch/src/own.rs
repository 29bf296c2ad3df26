//! Observers of services of one's own.

use std::net::SocketAddr;
use std::time::Duration;

use hulk_net::{Permit, Scope, fetch};
use hulk_record::{CapacitySample, Offset};
use hulk_scenarios::{Feed, FeedPlace, Figures, Watched};

use crate::error::checked;
use crate::kubernetes::Cluster;
use crate::{ObserveError, haproxy, json, openmetrics, prometheus};

/// An answer that takes longer is a lost one: the next look is due by then.
pub(crate) const LIMIT: Duration = Duration::from_millis(900);

/// Looks at the capacity of one service.
pub struct Observer {
    watched: Watched,
    asked: Asked,
}

/// Who is asked.
enum Asked {
    Page(Permit),
    Cluster(Box<Cluster>),
}

impl Observer {
    /// An observer of a service.
    ///
    /// # Errors
    /// When its feed is outside the scope.
    pub fn new(watched: Watched, scope: &Scope) -> Result<Self, hulk_net::Refusal> {
        let permit = |address: SocketAddr| scope.permit(address);
        let asked = match &watched.feed {
            Feed::Haproxy(feed) => Asked::Page(permit(feed.place.address)?),
            Feed::Json(feed) => Asked::Page(permit(feed.place.address)?),
            Feed::Openmetrics(feed) => Asked::Page(permit(feed.place.address)?),
            Feed::Prometheus(feed) => Asked::Page(permit(feed.place.address)?),
            Feed::Kubernetes(feed) => {
                let permit = permit(feed.place.address)?;
                Asked::Cluster(Box::new(Cluster::new(feed.clone(), permit)))
            }
        };
        Ok(Self { watched, asked })
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
        let permit = match &self.asked {
            Asked::Cluster(cluster) => return cluster.look().await,
            Asked::Page(permit) => *permit,
        };
        match &self.watched.feed {
            Feed::Haproxy(feed) => haproxy::figures(feed, &page(permit, &feed.place).await?),
            Feed::Json(feed) => json::figures(feed, &page(permit, &feed.place).await?),
            Feed::Openmetrics(feed) => {
                openmetrics::figures(feed, &page(permit, &feed.place).await?)
            }
            Feed::Prometheus(feed) => prometheus::figures(feed, permit).await,
            Feed::Kubernetes(_) => Err(ObserveError::missing("a cluster is no page")),
        }
    }
}

async fn page(permit: Permit, place: &FeedPlace) -> Result<String, ObserveError> {
    Ok(fetch(permit, &place.path, LIMIT).await?)
}
