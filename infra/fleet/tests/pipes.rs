//! The bus between two processes: any split of the bytes, and what is no message.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use hulk_fleet::{
    BusError, Link, MESSAGE_BYTES_MAX, ToController, ToWorker, carry, carry_of, in_process,
};
use hulk_record::{Frame, Offset};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

type ControllerEnd = Link<ToWorker, ToController>;
type WorkerEnd = Link<ToController, ToWorker>;

fn frame(sequence: u64) -> ToController {
    let (from, to) = (Offset(sequence as i64), Offset(sequence as i64 + 1));
    let region = "x".repeat(3 * sequence as usize);
    let key = hulk_record::SeriesKey {
        measure: hulk_record::Measure::Lag,
        journey: String::new(),
        step: String::new(),
        outcome: hulk_record::Outcome::Ok,
        region,
    };
    let series = vec![(key, hulk_record::Samples::new().sparse())];
    ToController::Frame(Box::new(Frame { sequence, from, to, series, ..Frame::default() }))
}

/// The wire form of a message, with its length.
async fn bytes_of(message: &ToController) -> Vec<u8> {
    let (ours, mut theirs) = duplex(1 << 16);
    let (link, carrier): (WorkerEnd, _) = carry(ours);
    link.send(message).await.unwrap();
    drop(link);
    carrier.flushed().await;
    let mut bytes = Vec::new();
    theirs.read_to_end(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn messages_arrive_whole_through_pipes_of_any_width() {
    for width in [1, 3, 7, 64, 1 << 16] {
        let (ours, theirs) = duplex(width);
        let (mut controller, _): (ControllerEnd, _) = carry(ours);
        let (worker, carrier): (WorkerEnd, _) = carry(theirs);
        let sender = tokio::spawn(async move {
            for sequence in 0..50 {
                worker.send(&frame(sequence)).await.unwrap();
            }
            drop(worker);
            carrier.flushed().await;
        });
        for sequence in 0..50 {
            assert_eq!(controller.receive().await.unwrap(), frame(sequence), "width {width}");
        }
        sender.await.unwrap();
        assert!(matches!(controller.receive().await, Err(BusError::Gone)));
    }
}

#[tokio::test]
async fn both_directions_are_full_at_once_and_nobody_waits_for_ever() {
    let (ours, theirs) = duplex(16);
    let (mut controller, _): (ControllerEnd, _) = carry(ours);
    let (mut worker, _): (WorkerEnd, _) = carry(theirs);
    for sequence in 0..200 {
        controller.send(&ToWorker::Renew { term: sequence }).await.unwrap();
        worker.send(&frame(sequence)).await.unwrap();
    }
    for sequence in 0..200 {
        assert_eq!(controller.receive().await.unwrap(), frame(sequence));
        assert_eq!(worker.receive().await.unwrap(), ToWorker::Renew { term: sequence });
    }
}

/// What comes of these bytes at the controller's end.
async fn received(bytes: &[u8]) -> Result<ToController, BusError> {
    let (ours, mut theirs): (DuplexStream, DuplexStream) = duplex(1 << 16);
    let (mut controller, _): (ControllerEnd, _) = carry(ours);
    theirs.write_all(bytes).await.unwrap();
    drop(theirs);
    controller.receive().await
}

#[tokio::test]
async fn what_is_cut_damaged_or_too_large_is_no_message() {
    let whole = bytes_of(&frame(9)).await;
    assert_eq!(received(&whole).await.unwrap(), frame(9));
    for cut in [0, 1, 3, 4, 5, whole.len() - 1] {
        let gone = received(&whole[..cut]).await;
        assert!(matches!(gone, Err(BusError::Gone)), "{cut}: {gone:?}");
    }
    let mut damaged = whole.clone();
    damaged[4] = 99;
    assert!(matches!(received(&damaged).await, Err(BusError::Codec(_))));
    let length = (MESSAGE_BYTES_MAX as u32 + 1).to_le_bytes();
    let large = received(&length).await;
    assert!(matches!(large, Err(BusError::TooLarge(bytes)) if bytes == MESSAGE_BYTES_MAX + 1));
    // A length that lies: nothing comes after it, and no memory is taken for it.
    let lie = (MESSAGE_BYTES_MAX as u32).to_le_bytes();
    assert!(matches!(received(&lie).await, Err(BusError::Gone)));
}

#[tokio::test]
async fn a_message_that_is_too_large_is_not_sent() {
    let (left, mut right): (Link<String, String>, Link<String, String>) = in_process();
    let error = left.send(&"x".repeat(MESSAGE_BYTES_MAX + 1)).await.unwrap_err();
    assert!(error.to_string().contains("use smaller feeders"), "{error}");
    left.send(&"y".to_owned()).await.unwrap();
    assert_eq!(right.receive().await.unwrap(), "y");
}

#[tokio::test]
async fn the_end_of_a_process_is_told_after_all_that_it_said() {
    let (ours, theirs) = duplex(1 << 16);
    let why = async { "its process was ended by signal 9".to_owned() };
    let mut controller: ControllerEnd = carry_of(ours, why);
    let (worker, carrier): (WorkerEnd, _) = carry(theirs);
    worker.send(&frame(1)).await.unwrap();
    drop(worker);
    carrier.flushed().await;
    assert_eq!(controller.receive().await.unwrap(), frame(1));
    let error = controller.receive().await.unwrap_err();
    assert_eq!(error.to_string(), "its process was ended by signal 9");
}

#[tokio::test]
async fn an_end_notices_that_the_other_is_gone() {
    let (ours, theirs) = duplex(64);
    let (_link, mut carrier): (WorkerEnd, _) = carry(ours);
    drop(theirs);
    carrier.closed().await;
}
