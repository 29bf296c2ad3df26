//! Kubernetes' API: a deployment, its pods and its autoscaler, through kube over the dialler.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hulk_net::{HttpError, Permit, answer_to};
use hulk_scenarios::{Figures, KubernetesFeed};
use hyper::{Request, Response};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::client::Body;
use kube::core::Selector;
use kube::{Api, Client};
use tower_service::Service;

use crate::ObserveError;
use crate::own::LIMIT;

/// A few thousand pods, as JSON.
const BODY_MAX: usize = 64 << 20;

/// What of a cluster is asked.
pub(crate) struct Cluster {
    feed: KubernetesFeed,
    deployments: Api<Deployment>,
    pods: Api<Pod>,
    autoscalers: Api<HorizontalPodAutoscaler>,
}

impl Cluster {
    pub(crate) fn new(feed: KubernetesFeed, permit: Permit) -> Self {
        let (place, namespace) =
            (feed.place.path.trim_end_matches('/').to_owned(), &feed.namespace);
        let client = Client::new(Dialled { permit, place }, namespace.clone());
        Self {
            deployments: Api::namespaced(client.clone(), namespace),
            pods: Api::namespaced(client.clone(), namespace),
            autoscalers: Api::namespaced(client, namespace),
            feed,
        }
    }

    /// Ready pods serve, other living ones are on their way.
    pub(crate) async fn look(&self) -> Result<Figures<f64>, ObserveError> {
        let look = async {
            let deployment = self.deployments.get(&self.feed.deployment).await.map_err(Box::new)?;
            let spec = deployment.spec;
            let selector = Selector::try_from(spec.selector).map_err(|error| {
                ObserveError::missing(format!("the deployment's selector: {error}"))
            })?;
            // Of the API server's cache: exact reads of all pods each second are dear to it.
            let which = ListParams::default().labels_from(&selector).match_any();
            let pods = self.pods.list(&which).await.map_err(Box::new)?;
            let desired = match &self.feed.hpa {
                Some(name) => {
                    let hpa = self.autoscalers.get(name).await.map_err(Box::new)?;
                    let status = hpa.status.ok_or_else(|| {
                        ObserveError::missing(format!("the autoscaler `{name}` has no status yet"))
                    })?;
                    Some(status.desired_replicas)
                }
                None => spec.replicas,
            };
            let alive = pods.items.iter().filter(|pod| is_alive(pod));
            let (ready, starting): (Vec<&Pod>, Vec<&Pod>) = alive.partition(|pod| is_ready(pod));
            Ok(Figures {
                ready: ready.len() as f64,
                pending: Some(starting.len() as f64),
                desired: desired.map(f64::from),
                ..Figures::default()
            })
        };
        let limited = tokio::time::timeout(LIMIT, look).await;
        limited.map_err(|_| ObserveError::from(HttpError::Timeout(LIMIT)))?
    }
}

/// Neither ended nor being ended.
fn is_alive(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && !matches!(phase, Some("Failed" | "Succeeded"))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().filter_map(|status| status.conditions.as_ref()).flatten();
    conditions.into_iter().any(|of| of.type_ == "Ready" && of.status == "True")
}

/// Requests of kube, each over a connection of the dialler's.
#[derive(Clone)]
struct Dialled {
    permit: Permit,
    /// What stands before each path.
    place: String,
}

impl Service<Request<Body>> for Dialled {
    type Response = Response<Full<Bytes>>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { permit, place } = self.clone();
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
            head.uri = format!("{place}{path}").parse()?;
            let body = Full::new(body.collect().await?.to_bytes());
            let request = Request::from_parts(head, body);
            Ok(answer_to(permit, request, LIMIT, BODY_MAX).await?.map(Full::new))
        })
    }
}
