//! HAProxy's statistics: a row for each server of a backend, and one for the backend.

use hulk_scenarios::{Figures, HaproxyFeed};

use crate::ObserveError;

/// What the rows say of a backend. A server that takes requests is ready; one that is down is on
/// its way; one in maintenance or drained is neither.
pub(crate) fn figures(feed: &HaproxyFeed, text: &str) -> Result<Figures<f64>, ObserveError> {
    let text = text.strip_prefix("# ").unwrap_or(text);
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let heads = rows.headers()?.clone();
    let column = |name: &str| {
        let place = heads.iter().position(|head| head == name);
        place.ok_or_else(|| ObserveError::missing(format!("the CSV has no column `{name}`")))
    };
    let (backend, server, status) = (column("pxname")?, column("svname")?, column("status")?);
    let (requests, errors) = (column("req_tot").ok(), column("hrsp_5xx").ok());
    let (mut ready, mut pending, mut total) = (0.0, 0.0, None);
    for row in rows.records() {
        let row = row?;
        let cell = |column: usize| row.get(column).unwrap_or_default();
        let number = |column: Option<usize>| column.and_then(|column| cell(column).parse().ok());
        match (cell(backend) == feed.backend, cell(server)) {
            (false, _) | (true, "FRONTEND") => {}
            (true, "BACKEND") => total = Some((number(requests), number(errors))),
            (true, _) => match cell(status) {
                // `UP 1/3` is up still, and `DOWN 1/2` down still.
                up if up == "no check" || up.starts_with("UP") => ready += 1.0,
                down if down.starts_with("DOWN") => pending += 1.0,
                _ => {}
            },
        }
    }
    let Some((requests_total, rejected_total)) = total else {
        let backend = &feed.backend;
        return Err(ObserveError::missing(format!("there is no backend `{backend}`")));
    };
    let pending = Some(pending);
    Ok(Figures { ready, pending, requests_total, rejected_total, ..Figures::default() })
}

#[cfg(test)]
mod tests {
    use hulk_scenarios::FeedPlace;

    use super::*;

    fn feed(backend: &str) -> HaproxyFeed {
        let address = ([127, 0, 0, 1], 8404).into();
        let place = FeedPlace { address, path: "/;csv".to_owned() };
        HaproxyFeed { place, backend: backend.to_owned() }
    }

    const TEXT: &str = "# pxname,svname,status,req_tot,hrsp_5xx,\nfront,FRONTEND,OPEN,9,0,\n\
                        pool,a,UP,,0,\npool,b,UP 1/3,,0,\npool,c,DOWN 1/2,,0,\npool,d,MAINT,,0,\n\
                        pool,e,no check,,0,\npool,f,DRAIN,,0,\npool,BACKEND,UP,120,7,\n\
                        other,a,UP,,0,\nother,BACKEND,UP,1,0,\n";

    #[test]
    fn servers_that_take_requests_are_ready() {
        let seen = figures(&feed("pool"), TEXT).unwrap();
        assert_eq!((seen.ready, seen.pending, seen.desired), (3.0, Some(1.0), None));
        assert_eq!((seen.requests_total, seen.rejected_total), (Some(120.0), Some(7.0)));
    }

    #[test]
    fn a_backend_that_is_not_there_is_told() {
        let error = figures(&feed("pond"), TEXT).unwrap_err().to_string();
        assert_eq!(error, "there is no backend `pond`");
        let error = figures(&feed("pool"), "<html>\n</html>\n").unwrap_err().to_string();
        assert_eq!(error, "the CSV has no column `pxname`");
    }
}
