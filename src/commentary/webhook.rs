//! Messages to a webhook: one after another, each at most once.

use std::time::Duration;

use hulk_net::{Permit, post_json};

use super::Paper;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(2);
/// So many messages may wait for a slow webhook; of more, the oldest are left out.
const WAITING_MAX: usize = 16;

/// Posts each message as it comes out, until no more come. One that is not taken is told and not
/// sent again: the next one is newer.
pub(super) async fn deliver(mut paper: Paper, permit: Permit, path: String) {
    let mut next = 0;
    loop {
        let out = *paper.published.borrow_and_update();
        if next >= out {
            if paper.published.changed().await.is_err() {
                return;
            }
            continue;
        }
        if let left_out @ 1.. = out.saturating_sub(next + WAITING_MAX) {
            next += left_out;
            paper.note(format!("{left_out} messages were left out: the webhook is slow")).await;
        }
        let Some(told) = paper.told.get(next) else { return };
        next += 1;
        let sent = post_json(permit, &path, None, told.json.clone(), LIMIT).await;
        if let Err(error) = sent {
            paper.note(format!("message {} did not reach the webhook: {error}", told.id)).await;
        }
    }
}
