//! Feeds asked over real sockets: what they say is a sample, and what is lost or stale is none.

#![expect(clippy::unwrap_used, reason = "helpers of tests too may fail their test")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use hulk_net::Scope;
use hulk_record::{CapacitySample, Offset};
use hulk_scenarios::{
    Feed, FeedPlace, Figures, JsonFeed, KubernetesFeed, MetricSelector, OpenMetricsFeed, Watched,
};
use hulk_watch::Observer;
use serde_json::{Value, json};

/// What a server answers to a path with its query; none is silence.
type Answers = Box<dyn Fn(&str) -> Option<(u16, String)> + Send>;

/// A server that answers one request a connection, and what it was asked.
fn serve(answers: Answers) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&asked);
    thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut first = String::new();
            stream.read_line(&mut first).unwrap();
            let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut line = String::from("head");
            while !line.trim().is_empty() {
                line.clear();
                stream.read_line(&mut line).unwrap();
            }
            kept.lock().unwrap().push(path.clone());
            match answers(&path) {
                Some((status, body)) => write!(
                    stream.get_mut(),
                    "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                     connection: close\r\n\r\n{body}",
                    body.len()
                )
                .unwrap(),
                None => silent.push(stream),
            }
        }
    });
    (address, asked)
}

fn place(address: SocketAddr, path: &str) -> FeedPlace {
    FeedPlace { address, path: path.to_owned() }
}

async fn look(feed: Feed) -> Result<CapacitySample, String> {
    let watched = Watched {
        service: "web".to_owned(),
        rated_rps: 50.0,
        decision_window_s: 10.0,
        age_max_ms: 30_000.0,
        feed,
    };
    let observer = Observer::new(watched, &Scope::default()).unwrap();
    observer.look(Offset(7)).await.map_err(|error| error.to_string())
}

fn pod(ready: &str, phase: &str, going: bool) -> Value {
    let mut metadata =
        json!({"name": "home-5d9c", "namespace": "video", "labels": {"app": "home"}});
    if going {
        metadata["deletionTimestamp"] = json!("2026-11-22T10:00:00Z");
    }
    let at = "2026-11-22T09:59:00Z";
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "lastTransitionTime": at, "lastProbeTime": null});
    let conditions = [condition("PodScheduled", "True"), condition("Ready", ready)];
    json!({"metadata": metadata, "spec": {"containers": [{"name": "home", "image": "home:1"}]},
           "status": {"phase": phase, "conditions": conditions}})
}

/// An API server with a deployment, its autoscaler and six pods.
fn cluster(path: &str) -> Option<(u16, String)> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let metadata = json!({"name": "home", "namespace": "video", "resourceVersion": "12"});
    let body = match path {
        "/apis/apps/v1/namespaces/video/deployments/home" => json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {"replicas": 5, "selector": {"matchLabels": {"app": "home"}},
                     "template": {"metadata": {"labels": {"app": "home"}}}},
            "status": {"replicas": 5, "readyReplicas": 3, "availableReplicas": 3}}),
        "/apis/autoscaling/v2/namespaces/video/horizontalpodautoscalers/home" => json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata,
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "home"},
                     "minReplicas": 1, "maxReplicas": 20},
            "status": {"currentReplicas": 5, "desiredReplicas": 8, "currentMetrics": null,
                       "conditions": []}}),
        "/api/v1/namespaces/video/pods" if query.contains("labelSelector=app%3Dhome") => json!({
            "apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "12"},
            "items": [pod("True", "Running", false), pod("True", "Running", false),
                      pod("True", "Running", true), pod("False", "Pending", false),
                      pod("False", "Failed", false), pod("True", "Running", false)]}),
        _ => {
            let status = json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "code": 404,
                                "status": "Failure", "reason": "NotFound",
                                "message": "deployments.apps \"house\" not found"});
            return Some((404, status.to_string()));
        }
    };
    Some((200, body.to_string()))
}

fn deployment(address: SocketAddr, deployment: &str, hpa: Option<&str>) -> Feed {
    Feed::Kubernetes(KubernetesFeed {
        place: place(address, "/"),
        namespace: "video".to_owned(),
        deployment: deployment.to_owned(),
        hpa: hpa.map(str::to_owned),
    })
}

#[tokio::test]
async fn kubernetes_tells_ready_and_starting_pods_and_what_its_autoscaler_wants() {
    let (address, asked) = serve(Box::new(cluster));
    let seen = look(deployment(address, "home", Some("home"))).await.unwrap();
    assert_eq!((seen.at, seen.service.as_str()), (Offset(7), "web"));
    // One of the pods that are ready is being deleted, one that is not has failed.
    assert_eq!((seen.ready, seen.pending, seen.desired), (3.0, Some(1.0), Some(8.0)));
    assert_eq!(asked.lock().unwrap().len(), 3);
    let without = look(deployment(address, "home", None)).await.unwrap();
    assert_eq!(without.desired, Some(5.0), "as the deployment has it");
}

#[tokio::test]
async fn a_deployment_that_is_not_there_is_told_by_the_server_s_own_words() {
    let (address, _) = serve(Box::new(cluster));
    let error = look(deployment(address, "house", None)).await.unwrap_err();
    assert!(error.contains("deployments.apps \"house\" not found"), "{error}");
    let (silent, _) = serve(Box::new(|_| None));
    let error = look(deployment(silent, "home", None)).await.unwrap_err();
    assert!(error.contains("no answer within 900ms"), "{error}");
}

fn json_feed(address: SocketAddr) -> Feed {
    let [ready, desired, age] = ["/ready", "/wanted", "/age"].map(str::to_owned);
    let figures = Figures { ready, desired: Some(desired), age_s: Some(age), ..Figures::default() };
    Feed::Json(JsonFeed { place: place(address, "/status?of=web"), figures })
}

#[tokio::test]
async fn figures_that_are_old_or_no_numbers_are_as_good_as_none() {
    let told = |body: &'static str| {
        let (address, asked) = serve(Box::new(move |_| Some((200, body.to_owned()))));
        async move {
            let seen = look(json_feed(address)).await;
            assert_eq!(*asked.lock().unwrap(), ["/status?of=web"]);
            seen
        }
    };
    let seen = told(r#"{"ready": 3, "wanted": 4, "age": 29.9}"#).await.unwrap();
    assert_eq!((seen.ready, seen.desired, seen.pending), (3.0, Some(4.0), None));
    let old = told(r#"{"ready": 3, "wanted": 4, "age": 30.1}"#).await.unwrap_err();
    assert_eq!(old, "its figures are 30.1 s old (at most 30 s)");
    let less = told(r#"{"ready": -1, "wanted": 4, "age": 0}"#).await.unwrap_err();
    assert_eq!(less, "-1 is no number of anything");
    let not_a_number = told(r#"{"ready": "NaN", "wanted": 4, "age": 0}"#).await.unwrap_err();
    assert_eq!(not_a_number, "NaN is no number of anything");
}

#[tokio::test]
async fn a_feed_that_is_gone_says_no_or_nothing_is_lost() {
    let (refusing, _) = serve(Box::new(|_| Some((503, "later".to_owned()))));
    let error = look(json_feed(refusing)).await.unwrap_err();
    assert!(error.contains("503") && error.contains("later"), "{error}");
    let (silent, _) = serve(Box::new(|_| None));
    assert_eq!(look(json_feed(silent)).await.unwrap_err(), "no answer within 900ms");
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = look(json_feed(gone)).await.unwrap_err();
    assert!(error.starts_with("no connection to 127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn metrics_of_a_name_and_labels_are_summed() {
    let page = "# TYPE ready gauge\nready{service=\"web\",zone=\"a\"} 2\n\
                ready{service=\"web\",zone=\"b\"} 3\nready{service=\"other\"} 9\nwanted 7\n";
    let (address, _) = serve(Box::new(|_| Some((200, page.to_owned()))));
    let metric = |name: &str, labels: &[(&str, &str)]| MetricSelector {
        name: name.to_owned(),
        labels: labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
    };
    let feed = |ready: MetricSelector| {
        let figures = Figures { ready, desired: Some(metric("wanted", &[])), ..Figures::default() };
        Feed::Openmetrics(OpenMetricsFeed { place: place(address, "/metrics"), figures })
    };
    let seen = look(feed(metric("ready", &[("service", "web")]))).await.unwrap();
    assert_eq!((seen.ready, seen.desired), (5.0, Some(7.0)));
    let error = look(feed(metric("ready", &[("service", "wep")]))).await.unwrap_err();
    assert_eq!(error, "there is no metric `ready{service=\"wep\"}`");
}
