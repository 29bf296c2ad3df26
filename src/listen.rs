//! `hulk listen`: receivers of a broadcast feed, and what was delivered to them.

mod told;

use std::io::{Write, stderr};

use chrono::Utc;
use hulk_engine::{Feed, FeedError, Storm, raise_open_files, receive};
use hulk_net::{Epoch, Permit, Refusal};
use hulk_scenarios::{MessageFields, Scope, StampUnit};
use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::interrupt::interrupts;
use crate::outcome::Failure;
use told::tell;

pub(crate) const EXAMPLES: &str = "Examples:
  hulk feeds --listen 8100
  hulk listen 'ws://127.0.0.1:8100/feed?topic=trivia' --receivers 9000 --over-s 10 --for-s 30
  hulk listen 'ws://127.0.0.1:8100/feed?topic=social' --rooms 2000 --receivers 2000 --missed-max 0
  hulk listen 'ws://127.0.0.1:8100/feed?topic=trivia' --storm-at-s 15 --storm-share 0.5
  hulk listen ws://127.0.0.1:9000/live --stamp /meta/sent --stamp-unit ms --sequence /meta/id

The feed must be on this machine's loopback; its messages are JSON. Exit code 0 where every receiver
was connected and every limit was kept, 3 where not, 6 where HULK itself was late.";

/// Beyond them the files that a process may open run out.
const RECEIVERS_MAX: i64 = 15_000;
/// Files that the process has open beside its receivers.
const FILES_BESIDE: u64 = 32;

/// What `listen` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct ListenArguments {
    /// The feed: `ws://`, an address, a port and a path.
    url: String,
    /// How many receivers.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=RECEIVERS_MAX))]
    receivers: u32,
    /// They come one by one over so many seconds; all at once where it is left out.
    #[arg(long, value_name = "S", default_value_t = 0.0, value_parser = |text: &str| number(text, 0.0, 3600.0))]
    over_s: f64,
    /// From the first receiver to the end, in seconds.
    #[arg(long, value_name = "S", default_value_t = 30.0, value_parser = |text: &str| number(text, 1.0, 86_400.0))]
    for_s: f64,
    /// Spread the receivers over so many rooms in turn: `room=N` is added to the query.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rooms: Option<u32>,
    /// JSON pointer to the time at which a message was published, since 1970.
    #[arg(long, value_name = "POINTER", value_parser = pointer, default_value = "/stamp_us")]
    stamp: String,
    /// Its unit: s, ms, us or ns.
    #[arg(long, value_name = "UNIT", value_parser = unit, default_value = "us")]
    stamp_unit: StampUnit,
    /// JSON pointer to the number that counts the messages of a topic or room, the same for all who
    /// listen to it.
    #[arg(long, value_name = "POINTER", value_parser = pointer, default_value = "/sequence")]
    sequence: String,
    /// Cut receivers off so many seconds after the start; they come back at once.
    #[arg(long, value_name = "S", value_parser = |text: &str| number(text, 0.0, 86_400.0), requires = "storm_share")]
    storm_at_s: Option<f64>,
    /// The share of receivers that is cut off.
    #[arg(long, value_name = "SHARE", value_parser = |text: &str| number(text, 0.0, 1.0), requires = "storm_at_s")]
    storm_share: Option<f64>,
    /// The most that the p99 of the delivery latency may be, in ms.
    #[arg(long, value_name = "MS", value_parser = |text: &str| number(text, 0.0, 1e7))]
    p99_ms: Option<f64>,
    /// The most messages that all receivers together may miss.
    #[arg(long, value_name = "N")]
    missed_max: Option<u64>,
    /// What chance is drawn from: who is cut off, and who waits how long before coming back.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON document instead.
    #[arg(long)]
    json: bool,
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("a number from {least} to {most} is expected"))
}

fn pointer(text: &str) -> Result<String, String> {
    let pointer = Some(text).filter(|text| text.starts_with('/'));
    pointer.map(str::to_owned).ok_or_else(|| "a JSON pointer, such as /stamp_us".to_owned())
}

fn unit(text: &str) -> Result<StampUnit, String> {
    let found = StampUnit::NAMES.iter().find(|(name, _)| *name == text);
    found.map(|(_, unit)| *unit).ok_or_else(|| "one of s, ms, us and ns is expected".to_owned())
}

/// Listens, and tells what came of it; the exit code.
pub(crate) fn listen(arguments: &ListenArguments) -> Result<i32, Failure> {
    let (permit, path) = place(&arguments.url)?;
    let storm = storm(arguments)?;
    let files = raise_open_files();
    if u64::from(arguments.receivers) + FILES_BESIDE > files {
        let (most, wanted) = (files.saturating_sub(FILES_BESIDE), arguments.receivers);
        return Err(Failure::Usage(format!(
            "{wanted} receivers are more than this process may have files for: at most {most}, or \
             raise the limit (`ulimit -n`)"
        )));
    }
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::internal)?;
    let ended = runtime.block_on(async {
        let mut interrupts = interrupts()?;
        let feed = Feed {
            permit,
            path,
            rooms: arguments.rooms.unwrap_or(0),
            fields: MessageFields::new(&arguments.stamp, arguments.stamp_unit, &arguments.sequence),
            receivers: arguments.receivers,
            over_us: us_of(arguments.over_s),
            for_us: us_of(arguments.for_s),
            storm,
            seed: arguments.seed,
            epoch: Epoch(Instant::now()),
            unix_us: Utc::now().timestamp_micros(),
        };
        tokio::select! {
            biased;
            signal = interrupts.recv() => {
                // Whoever closed the terminal is not told.
                let _told = writeln!(stderr(), "interrupted: these receivers are judged by nobody");
                Ok(128 + signal.unwrap_or_default())
            }
            heard = receive(feed) => match heard {
                Ok(heard) => tell(arguments, &heard),
                Err(error @ FeedError::Path(_)) => Err(Failure::Usage(error.to_string())),
                Err(error) => Err(Failure::internal(error)),
            },
        }
    });
    runtime.shutdown_background();
    ended
}

/// Where a URL leads, and the path to ask there.
fn place(url: &str) -> Result<(Permit, String), Failure> {
    let usage = || {
        Failure::Usage(format!(
            "`{url}` is not a URL as `ws://127.0.0.1:8100/feed?topic=trivia`: an address, a port \
             and a path"
        ))
    };
    let http = format!("http://{}", url.strip_prefix("ws://").ok_or_else(usage)?);
    Scope::default().permit_url(&http).map_err(|refusal| match refusal {
        Refusal::Url(_) => usage(),
        refusal => Failure::Usage(refusal.to_string()),
    })
}

fn storm(arguments: &ListenArguments) -> Result<Option<Storm>, Failure> {
    let (for_s, over_s) = (arguments.for_s, arguments.over_s);
    if over_s >= for_s {
        return Err(Failure::Usage(format!(
            "the receivers come over {over_s} s and the run lasts {for_s} s: raise `--for-s`"
        )));
    }
    let Some((at_s, share)) = arguments.storm_at_s.zip(arguments.storm_share) else {
        return Ok(None);
    };
    if at_s >= for_s {
        return Err(Failure::Usage(format!(
            "the storm is to come after {at_s} s and the run lasts {for_s} s: raise `--for-s`"
        )));
    }
    Ok(Some(Storm { at_us: us_of(at_s), share }))
}

fn us_of(s: f64) -> i64 {
    (s * 1e6).round() as i64
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: ListenArguments,
    }

    fn parsed(line: &str) -> Result<ListenArguments, String> {
        let words = ["listen", "ws://127.0.0.1:1/a"].into_iter().chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_is_a_websocket_of_this_machine_with_its_path() {
        let (permit, path) = place("ws://localhost:8100/feed?topic=a&room=1").unwrap();
        assert_eq!((permit.address().port(), &*path), (8100, "/feed?topic=a&room=1"));
        assert_eq!(place("ws://[::1]:1").unwrap().1, "/");
        for (url, why) in [
            ("http://127.0.0.1:8100/feed", "is not a URL as"),
            ("wss://127.0.0.1:8100/feed", "is not a URL as"),
            ("ws://127.0.0.1/feed", "is not a URL as"),
            ("ws://127.0.0.1:1/a b", "is not a URL as"),
            ("ws://10.0.0.1:8100/feed", "is not loopback"),
            ("ws://example.org:80/feed", "would have to be looked up"),
        ] {
            let told = place(url).unwrap_err().to_string();
            assert!(told.contains(why), "{url}: {told}");
        }
    }

    #[test]
    fn what_cannot_be_listened_to_so_is_told_with_the_way_out() {
        for (line, why) in [
            ("--receivers 0", "0 is not in 1..=15000"),
            ("--receivers 15001", "15001 is not in 1..=15000"),
            ("--stamp stamp_us", "a JSON pointer, such as /stamp_us"),
            ("--stamp-unit min", "one of s, ms, us and ns is expected"),
            ("--storm-share 1.5 --storm-at-s 1", "a number from 0 to 1 is expected"),
            ("--storm-at-s 1", "--storm-share"),
            ("--storm-share 0.5", "--storm-at-s"),
        ] {
            let told = parsed(line).unwrap_err();
            assert!(told.contains(why), "{line}: {told}");
        }
        for (line, why) in [
            ("--over-s 30", "come over 30 s and the run lasts 30 s"),
            ("--storm-at-s 31 --storm-share 0.5", "after 31 s and the run lasts 30 s"),
        ] {
            let told = storm(&parsed(line).unwrap()).unwrap_err().to_string();
            assert!(told.contains(why) && told.contains("--for-s"), "{line}: {told}");
        }
        let stormy = parsed("--storm-at-s 1.5 --storm-share 0.25").unwrap();
        let wanted = Some(Storm { at_us: 1_500_000, share: 0.25 });
        assert_eq!(storm(&stormy).unwrap(), wanted);
        assert_eq!(storm(&parsed("").unwrap()).unwrap(), None);
    }
}
