//! The live stream: playlists and segments as functions of match time.

use std::fmt::Write;
use std::sync::Arc;

use hulk_record::MatchTime;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

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
    /// Renditions: name and kbit/s.
    pub renditions: Vec<(String, f64)>,
}

/// What a path under `/live/` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaPath {
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
        let renditions: Vec<(String, f64)> = section
            .named_sections("rendition")
            .into_iter()
            .filter_map(|(name, inner)| Some((name, inner.number("kbps", 1.0..=1e6)?)))
            .collect();
        if renditions.is_empty() {
            let hint = Some("add `[platform.media.rendition.240p]` with `kbps = 400`".to_owned());
            section.problem("a stream needs at least one rendition", hint);
        }
        Some(Self {
            origin: origin?,
            segment_s: segment_s?,
            window_segments: window_segments? as u32,
            playlist_ttl_s: playlist_ttl_s?,
            segment_ttl_s: segment_ttl_s?,
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
        if rest == "master.m3u8" {
            return Some(MediaPath::Master);
        }
        let (name, file) = rest.split_once('/')?;
        let rendition = self.renditions.iter().position(|(known, _)| known == name)?;
        if file == "media.m3u8" {
            return Some(MediaPath::Playlist { rendition });
        }
        let number = file.strip_suffix(".ts")?.parse().ok()?;
        Some(MediaPath::Segment { rendition, number })
    }

    /// Whether the origin has a segment: complete, and not long out of the playlist's window.
    pub(crate) fn has_segment(&self, now: MatchTime, number: i64) -> bool {
        let newest = self.newest(now);
        let oldest = newest - i64::from(self.window_segments) * KEPT_WINDOWS;
        (oldest..=newest).contains(&number)
    }

    /// Size of a segment in bytes, when match time runs `speed` times as fast as the wall: bodies
    /// shrink by it, so that bits a second stay what they are.
    pub(crate) fn segment_bytes(&self, rendition: usize, speed: f64) -> u32 {
        let kbps = self.renditions.get(rendition).map_or(0.0, |(_, kbps)| *kbps);
        (kbps * 125.0 * self.segment_s / speed).ceil() as u32
    }

    /// The master playlist.
    pub(crate) fn master_text(&self) -> Arc<str> {
        let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:3\n");
        for (name, kbps) in &self.renditions {
            let bits = (kbps * 1000.0) as u64;
            let _infallible =
                writeln!(text, "#EXT-X-STREAM-INF:BANDWIDTH={bits}\n/live/{name}/media.m3u8");
        }
        text.into()
    }

    /// The media playlist of a rendition.
    pub(crate) fn playlist_text(&self, rendition: usize, now: MatchTime) -> Arc<str> {
        let newest = self.newest(now);
        let oldest = newest - i64::from(self.window_segments) + 1;
        let name = self.renditions.get(rendition).map_or("", |(name, _)| name.as_str());
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{oldest}\n",
            self.segment_s.ceil()
        );
        for number in oldest..=newest {
            let _infallible =
                writeln!(text, "#EXTINF:{:.3},\n/live/{name}/{number}.ts", self.segment_s);
        }
        text.into()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn spec() -> MediaSpec {
        MediaSpec {
            origin: "playback".into(),
            segment_s: 6.0,
            window_segments: 5,
            playlist_ttl_s: 3.0,
            segment_ttl_s: 60.0,
            renditions: vec![("240p".into(), 400.0), ("480p".into(), 1400.0)],
        }
    }

    #[test]
    fn the_playlist_shows_the_window_up_to_the_newest_complete_segment() {
        let text = spec().playlist_text(1, MatchTime::from_s(13.0));
        assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:998\n"), "{text}");
        assert!(text.ends_with("#EXTINF:6.000,\n/live/480p/1002.ts\n"), "{text}");
        assert_eq!(text.matches(".ts").count(), 5);
    }

    #[test]
    fn paths_are_told_apart() {
        let spec = spec();
        assert_eq!(spec.parse("/live/master.m3u8"), Some(MediaPath::Master));
        assert_eq!(
            spec.parse("/live/480p/1002.ts"),
            Some(MediaPath::Segment { rendition: 1, number: 1002 })
        );
        assert_eq!(spec.parse("/live/720p/1002.ts"), None);
        assert_eq!(spec.parse("/v1/home"), None);
    }

    #[test]
    fn bodies_shrink_by_the_clock_s_speed() {
        assert_eq!(spec().segment_bytes(0, 1.0), 300_000);
        assert_eq!(spec().segment_bytes(0, 12.0), 25_000);
    }
}
