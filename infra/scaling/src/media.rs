//! The live stream: playlists and segments as functions of match time.

use std::fmt::Write;
use std::sync::Arc;

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use crate::Body;

/// The number of the segment that is complete at match time 0: numbers stay positive in the
/// lead-in.
const FIRST: i64 = 1000;
/// How many playlist windows a segment stays at the origin.
const KEPT_WINDOWS: i64 = 4;

/// A live stream and its renditions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MediaSpec {
    /// The service that answers what the edge does not have.
    pub origin: String,
    /// Length of a segment in match seconds.
    pub segment_s: f64,
    /// Segments in a media playlist.
    pub window_segments: u32,
    /// How long the edge keeps a playlist, in match seconds.
    pub playlist_ttl_s: f64,
    /// How long the edge keeps a segment, in match seconds.
    pub segment_ttl_s: f64,
    /// What asking the origin for something costs it: 1 is what an instance does `rated_rps` times
    /// a second.
    pub cost: f64,
    /// Feeds below `/live/`, each with all renditions; without any, one stream right there.
    pub feeds: Vec<String>,
    /// Renditions: name and kbit/s.
    pub renditions: Vec<(String, f64)>,
}

/// What a path under `/live/` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MediaPath {
    /// Place among the feeds; 0 where there are none.
    pub(crate) feed: usize,
    pub(crate) file: MediaFile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaFile {
    Master,
    Playlist { rendition: usize },
    Segment { rendition: usize, number: i64 },
}

impl MediaSpec {
    /// Reads the stream's description.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let origin = section.text("origin");
        let segment_s = section.number("segment_s", 0.1..=60.0);
        let window_segments = section.integer("window_segments", 3..=1000);
        let playlist_ttl_s = section.number("playlist_ttl_s", 0.0..=60.0);
        let segment_ttl_s = section.number("segment_ttl_s", 0.0..=86_400.0);
        let cost = section.number_or("cost", 0.0..=1e6, 1.0);
        let feeds = if section.has("feeds") { section.texts("feeds") } else { Some(Vec::new()) };
        let renditions: Vec<(String, f64)> = section
            .named_sections("rendition")
            .into_iter()
            .filter_map(|(name, inner)| Some((name, inner.number("kbps", 1.0..=1e6)?)))
            .collect();
        if renditions.is_empty() {
            let hint = Some("add `[media.rendition.240p]` with `kbps = 400`".to_owned());
            section.problem("a stream needs at least one rendition", hint);
        }
        let feeds = feeds?;
        for (index, feed) in feeds.iter().enumerate() {
            if feed.is_empty() || feed.contains('/') || feeds[..index].contains(feed) {
                let message = format!("`{feed}` cannot be a feed: names differ and hold no `/`");
                let hint = Some("for example `feeds = [\"english\", \"hindi\"]`".to_owned());
                section.problem_at("feeds", message, hint);
            }
        }
        Some(Self {
            origin: origin?,
            segment_s: segment_s?,
            window_segments: window_segments? as u32,
            playlist_ttl_s: playlist_ttl_s?,
            segment_ttl_s: segment_ttl_s?,
            cost: cost?,
            feeds,
            renditions,
        })
    }

    /// The newest complete segment.
    pub(crate) fn newest(&self, now: MatchTime) -> i64 {
        (now.as_s() / self.segment_s).floor() as i64 + FIRST
    }

    /// What a path asks for, if it is of this stream.
    pub(crate) fn parse(&self, path: &str) -> Option<MediaPath> {
        let rest = path.strip_prefix("/live/")?;
        let (feed, rest) = if self.feeds.is_empty() {
            (0, rest)
        } else {
            let (name, rest) = rest.split_once('/')?;
            (self.feeds.iter().position(|known| known == name)?, rest)
        };
        if rest == "master.m3u8" {
            return Some(MediaPath { feed, file: MediaFile::Master });
        }
        let (name, file) = rest.split_once('/')?;
        let rendition = self.renditions.iter().position(|(known, _)| known == name)?;
        let file = if file == "media.m3u8" {
            MediaFile::Playlist { rendition }
        } else {
            MediaFile::Segment { rendition, number: file.strip_suffix(".ts")?.parse().ok()? }
        };
        Some(MediaPath { feed, file })
    }

    /// How long a cache keeps it, in match µs.
    pub(crate) fn ttl_us(&self, file: MediaFile) -> i64 {
        let ttl_s = match file {
            MediaFile::Segment { .. } => self.segment_ttl_s,
            MediaFile::Master | MediaFile::Playlist { .. } => self.playlist_ttl_s,
        };
        (ttl_s * 1e6) as i64
    }

    /// What the origin answers.
    pub(crate) fn body(
        &self,
        now: MatchTime,
        path: MediaPath,
        speed: f64,
        cap_kbps: Option<f64>,
    ) -> Body {
        let MediaPath { feed, file } = path;
        match file {
            MediaFile::Master => Body::Text(self.master_text(feed, cap_kbps)),
            MediaFile::Playlist { rendition } => {
                Body::Text(self.playlist_text(feed, rendition, now))
            }
            MediaFile::Segment { rendition, .. } => {
                Body::Bytes(self.segment_bytes(rendition, speed))
            }
        }
    }

    /// Whether the origin has a segment: complete, and not long out of the playlist's window.
    pub(crate) fn has_segment(&self, now: MatchTime, number: i64) -> bool {
        let newest = self.newest(now);
        let oldest = newest - i64::from(self.window_segments) * KEPT_WINDOWS;
        (oldest..=newest).contains(&number)
    }

    /// Size of a segment in bytes, when match time runs `speed` times as fast as the wall: bodies
    /// shrink by it, so that bits a second stay what they are.
    fn segment_bytes(&self, rendition: usize, speed: f64) -> u32 {
        let kbps = self.renditions.get(rendition).map_or(0.0, |(_, kbps)| *kbps);
        (kbps * 125.0 * self.segment_s / speed).ceil() as u32
    }

    /// The master playlist; with a cap only of renditions up to it, or of the smallest one.
    fn master_text(&self, feed: usize, cap_kbps: Option<f64>) -> Arc<str> {
        let smallest = self.renditions.iter().map(|(_, kbps)| *kbps).fold(f64::INFINITY, f64::min);
        let highest = cap_kbps.unwrap_or(f64::INFINITY).max(smallest);
        let home = self.home(feed);
        let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:3\n");
        for (name, kbps) in self.renditions.iter().filter(|(_, kbps)| *kbps <= highest) {
            let bits = (kbps * 1000.0) as u64;
            let _infallible =
                writeln!(text, "#EXT-X-STREAM-INF:BANDWIDTH={bits}\n{home}/{name}/media.m3u8");
        }
        text.into()
    }

    /// Below what a feed's files are.
    fn home(&self, feed: usize) -> String {
        match self.feeds.get(feed) {
            Some(name) => format!("/live/{name}"),
            None => "/live".to_owned(),
        }
    }

    /// The media playlist of a rendition.
    fn playlist_text(&self, feed: usize, rendition: usize, now: MatchTime) -> Arc<str> {
        let newest = self.newest(now);
        let oldest = newest - i64::from(self.window_segments) + 1;
        let name = self.renditions.get(rendition).map_or("", |(name, _)| name.as_str());
        let home = self.home(feed);
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{oldest}\n",
            self.segment_s.ceil()
        );
        for number in oldest..=newest {
            let _infallible =
                writeln!(text, "#EXTINF:{:.3},\n{home}/{name}/{number}.ts", self.segment_s);
        }
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(feeds: &[&str]) -> MediaSpec {
        MediaSpec {
            origin: "playback".into(),
            segment_s: 6.0,
            window_segments: 5,
            playlist_ttl_s: 3.0,
            segment_ttl_s: 60.0,
            cost: 1.0,
            feeds: feeds.iter().map(ToString::to_string).collect(),
            renditions: vec![("240p".into(), 400.0), ("480p".into(), 1400.0)],
        }
    }

    #[test]
    fn the_playlist_shows_the_window_up_to_the_newest_complete_segment() {
        let text = spec(&[]).playlist_text(0, 1, MatchTime::from_s(13.0));
        assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:998\n"), "{text}");
        assert!(text.ends_with("#EXTINF:6.000,\n/live/480p/1002.ts\n"), "{text}");
        assert_eq!(text.matches(".ts").count(), 5);
        let text = spec(&["a", "b"]).playlist_text(1, 0, MatchTime(0));
        assert!(text.ends_with("\n/live/b/240p/1000.ts\n"), "{text}");
    }

    #[test]
    fn paths_are_told_apart() {
        let one = spec(&[]);
        let master = MediaPath { feed: 0, file: MediaFile::Master };
        assert_eq!(one.parse("/live/master.m3u8"), Some(master));
        let file = MediaFile::Segment { rendition: 1, number: 1002 };
        assert_eq!(one.parse("/live/480p/1002.ts"), Some(MediaPath { feed: 0, file }));
        assert_eq!(one.parse("/live/720p/1002.ts"), None);
        assert_eq!(one.parse("/live/a/master.m3u8"), None);
        assert_eq!(one.parse("/v1/home"), None);
        let two = spec(&["a", "b"]);
        assert_eq!(two.parse("/live/b/480p/1002.ts"), Some(MediaPath { feed: 1, file }));
        assert_eq!(two.parse("/live/a/master.m3u8"), Some(master));
        assert_eq!(two.parse("/live/master.m3u8"), None);
        assert_eq!(two.parse("/live/c/master.m3u8"), None);
    }

    #[test]
    fn a_cap_leaves_the_renditions_up_to_it_and_always_one() {
        let text = |cap| spec(&["a"]).master_text(0, cap).to_string();
        assert_eq!(text(None).matches("media.m3u8").count(), 2);
        let capped = "#EXTM3U\n#EXT-X-VERSION:3\n\
                      #EXT-X-STREAM-INF:BANDWIDTH=400000\n/live/a/240p/media.m3u8\n";
        assert_eq!(text(Some(800.0)), capped);
        assert_eq!(text(Some(1.0)), capped);
    }

    #[test]
    fn bodies_shrink_by_the_clock_s_speed() {
        assert_eq!(spec(&[]).segment_bytes(0, 1.0), 300_000);
        assert_eq!(spec(&[]).segment_bytes(0, 12.0), 25_000);
    }
}
