//! `hls`: a live stream watched at its edge. Master playlist once, the media playlist again and
//! again, each segment once it is shown and the buffer has room.

use std::collections::VecDeque;

use hulk_record::{MatchTime, QoeCounts};
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::playback::{Leaves, Playback, Started};
use crate::choice::When;
use crate::playlist::{self, Playlist};
use crate::template::Template;

/// A live stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HlsStep {
    /// The service that answers: the edge.
    pub service: String,
    /// What the URLs of that service start with; empty for the embedded platform. A playlist may
    /// name such a URL, and no other.
    pub base: String,
    /// Path of the master playlist.
    pub master: Template,
    /// The rendition is the best that needs no more kbit/s.
    pub kbps_max: f64,
    /// At how many segments from the edge a viewer joins.
    pub join_segments: u32,
    /// How much the player buffers, in match seconds.
    pub buffer_s: f64,
    /// After so many match seconds a viewer whose player gave up starts it again.
    pub restart_s: f64,
    /// Which viewers watch it.
    pub when: When,
}

impl HlsStep {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let service = section.text("service");
        let master = section.text("master");
        let kbps_max = section.number("kbps_max", 1.0..=1e6);
        let join_segments = section.integer_or("join_segments", 1..=100, 3);
        let buffer_s = section.number_or("buffer_s", 1.0..=600.0, 30.0);
        let restart_s = section.number_or("restart_s", 0.0..=3600.0, 30.0);
        let when = When::read_optional(section, "when");
        let master = match Template::parse(&master?) {
            Ok(master) => master,
            Err(reason) => {
                section.problem_at("master", reason, Some("close it with `}`".to_owned()));
                return None;
            }
        };
        Some(Self {
            service: service?,
            // Known when the target is.
            base: String::new(),
            master,
            kbps_max: kbps_max?,
            join_segments: join_segments? as u32,
            buffer_s: buffer_s?,
            restart_s: restart_s?,
            when: when?,
        })
    }
}

/// What the player asks for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HlsRequest {
    Master,
    Playlist,
    Segment,
}

/// A viewer asks one service for its stream.
const ELSEWHERE: &str = "the playlist leads to another origin than its own";

#[derive(Debug, Clone)]
struct Segment {
    number: i64,
    path: Box<str>,
    length_us: i64,
    shown: MatchTime,
}

/// A player.
#[derive(Debug, Clone, Default)]
pub(crate) struct HlsState {
    master: Box<str>,
    kbps_max: f64,
    master_due: MatchTime,
    playlist_due: MatchTime,
    media_path: Option<Box<str>>,
    /// Shown and not loaded yet; no more than a playlist's window.
    waiting: VecDeque<Segment>,
    last_shown: Option<i64>,
    playback: Playback,
    /// What failed last, and how often in a row.
    failed: Option<(HlsRequest, u32)>,
    /// Before this nothing is asked for again after a failure.
    not_before: MatchTime,
}

impl HlsState {
    /// A player that starts with the master playlist at this path, for at most so many kbit/s; an
    /// interruption of so many µs is a stall.
    pub(crate) fn new(
        start: MatchTime,
        master: Box<str>,
        kbps_max: f64,
        stall_min_us: i64,
    ) -> Self {
        Self::with(Playback::new(start, stall_min_us), start, master, kbps_max)
    }

    /// The same, with what was played before.
    fn with(playback: Playback, start: MatchTime, master: Box<str>, kbps_max: f64) -> Self {
        let (master_due, not_before) = (start, start);
        Self { master, kbps_max, master_due, not_before, playback, ..Self::default() }
    }

    /// The player gives up at `now`; the viewer starts it anew at `again`. The end of a start that
    /// had not come to a first frame.
    pub(crate) fn gave_up(
        &mut self,
        now: MatchTime,
        again: MatchTime,
        qoe: &mut QoeCounts,
    ) -> Option<Started> {
        let ended = self.playback.gave_up(now, again, qoe);
        let master = std::mem::take(&mut self.master);
        *self = Self::with(self.playback, again, master, self.kbps_max);
        ended
    }

    /// The viewer goes, or the run ends: the end of a start, as above.
    pub(crate) fn leave(
        &mut self,
        now: MatchTime,
        who: Leaves,
        qoe: &mut QoeCounts,
    ) -> Option<Started> {
        self.playback.leave(now, who, qoe)
    }

    /// Time has come to `now`.
    pub(crate) fn tell(&mut self, now: MatchTime, qoe: &mut QoeCounts) {
        self.playback.tell(now, qoe);
    }

    /// What is due next, and when.
    pub(crate) fn next(&self, step: &HlsStep) -> (MatchTime, HlsRequest) {
        let due = if self.media_path.is_none() {
            (self.master_due, HlsRequest::Master)
        } else {
            let playlist = (self.playlist_due, HlsRequest::Playlist);
            match self.waiting.front() {
                Some(segment) => {
                    playlist.min((self.segment_due(step, segment), HlsRequest::Segment))
                }
                None => playlist,
            }
        };
        (due.0.max(self.not_before), due.1)
    }

    /// Whether a request repeats one that failed.
    pub(crate) fn is_retry(&self, request: HlsRequest) -> bool {
        self.failed.is_some_and(|(failed, _)| failed == request)
    }

    /// The path of what is due.
    pub(crate) fn path(&self, request: HlsRequest) -> &str {
        match request {
            HlsRequest::Master => &self.master,
            HlsRequest::Playlist => self.media_path.as_deref().unwrap_or_default(),
            HlsRequest::Segment => self.waiting.front().map_or("", |segment| &segment.path),
        }
    }

    /// The answer came: the end of a start if it was the first segment.
    ///
    /// # Errors
    /// Why it is not the playlist that was asked for, in words.
    pub(crate) fn answered(
        &mut self,
        step: &HlsStep,
        request: HlsRequest,
        now: MatchTime,
        body: &[u8],
        qoe: &mut QoeCounts,
    ) -> Result<Option<Started>, &'static str> {
        self.playback.tell(now, qoe);
        self.failed = self.failed.filter(|(failed, _)| *failed != request);
        match request {
            HlsRequest::Master => {
                let found = playlist::rendition(body, self.kbps_max);
                let (uri, kbps) = found.ok_or("the answer is no master playlist")?;
                let path = playlist::path_of(uri, &self.master, &step.base).ok_or(ELSEWHERE)?;
                self.media_path = Some(path.into());
                self.playlist_due = now;
                self.playback.rated(kbps);
            }
            HlsRequest::Playlist => {
                let playlist = Playlist::parse(body).ok_or("the answer is no media playlist")?;
                qoe.segments_skipped += self.shown(step, now, &playlist)?;
            }
            HlsRequest::Segment => {
                let segment = self.waiting.pop_front();
                return Ok(segment.and_then(|of| self.playback.loaded(now, of.length_us, qoe)));
            }
        }
        Ok(None)
    }

    /// It failed, for the n-th time in a row: returns n.
    pub(crate) fn failed(&mut self, request: HlsRequest) -> u32 {
        let before = self.failed.filter(|(failed, _)| *failed == request).map_or(0, |(_, n)| n);
        self.failed = Some((request, before + 1));
        before + 1
    }

    /// Nothing is asked for before this.
    pub(crate) fn wait_until(&mut self, at: MatchTime) {
        self.not_before = at;
    }

    /// The segment is not there and will not be: go on with the next.
    pub(crate) fn give_up_segment(&mut self, qoe: &mut QoeCounts) {
        qoe.segments_skipped += u64::from(self.waiting.pop_front().is_some());
        self.failed = None;
    }

    /// The later of "the playlist shows it" and "the buffer has room".
    fn segment_due(&self, step: &HlsStep, segment: &Segment) -> MatchTime {
        let room = self.playback.room_at(segment.length_us, (step.buffer_s * 1e6) as i64);
        room.map_or(segment.shown, |at| segment.shown.max(at))
    }

    /// How many of those that were to be loaded are not there any more.
    fn shown(
        &mut self,
        step: &HlsStep,
        now: MatchTime,
        playlist: &Playlist<'_>,
    ) -> Result<u64, &'static str> {
        let count = playlist.segments.len() as i64;
        let newest = playlist.first_number + count - 1;
        let next = match self.last_shown {
            // A playlist that restarted its numbers is joined anew.
            Some(last) if last <= newest => last + 1,
            _ => newest + 1 - i64::from(step.join_segments),
        };
        let at = self.media_path.as_deref().unwrap_or_default();
        let waited = self.waiting.len();
        for (number, (uri, length_s)) in (playlist.first_number..).zip(&playlist.segments) {
            if number >= next {
                let Some(path) = playlist::path_of(uri, at, &step.base) else {
                    // The playlist is asked for again, and its other segments shown anew.
                    self.waiting.truncate(waited);
                    return Err(ELSEWHERE);
                };
                let (path, length_us) = (path.into(), (length_s * 1e6).round() as i64);
                self.waiting.push_back(Segment { number, path, length_us, shown: now });
            }
        }
        let wanted = self.waiting.len();
        self.waiting.retain(|segment| segment.number >= playlist.first_number);
        let gone = wanted - self.waiting.len();
        let changed = self.last_shown != Some(newest);
        self.last_shown = Some(newest);
        let reload_s = if changed { playlist.target_s } else { playlist.target_s / 2.0 };
        self.playlist_due = now.plus((reload_s * 1e6) as i64);
        Ok(gone as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step() -> HlsStep {
        HlsStep {
            service: "edge".into(),
            base: "http://127.0.0.1:8080".into(),
            master: Template::parse("/live/master.m3u8").unwrap(),
            kbps_max: 500.0,
            join_segments: 3,
            buffer_s: 30.0,
            restart_s: 30.0,
            when: When::default(),
        }
    }

    fn media(first: i64) -> String {
        let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        (first..first + 5).for_each(|n| text += &format!("#EXTINF:6.0,\n/live/240p/{n}.ts\n"));
        text
    }

    fn answer(
        player: &mut HlsState,
        step: &HlsStep,
        request: HlsRequest,
        now: MatchTime,
        body: &str,
    ) -> Result<(), &'static str> {
        let qoe = &mut QoeCounts::default();
        player.answered(step, request, now, body.as_bytes(), qoe).map(|_start| ())
    }

    fn player() -> HlsState {
        let mut player = HlsState::new(MatchTime(0), "/live/master.m3u8".into(), 500.0, 250_000);
        let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000\n/live/240p/media.m3u8\n";
        assert_eq!(answer(&mut player, &step(), HlsRequest::Master, MatchTime(0), master), Ok(()));
        assert_eq!(player.next(&step()), (MatchTime(0), HlsRequest::Playlist));
        player
    }

    /// Hands it the media playlist that begins with a segment.
    fn show(player: &mut HlsState, step: &HlsStep, first: i64) {
        answer(player, step, HlsRequest::Playlist, MatchTime(0), &media(first)).unwrap();
    }

    #[test]
    fn golden_a_viewer_joins_three_segments_from_the_edge_and_then_follows_it() {
        let (step, mut player) = (step(), player());
        let mut log = Vec::new();
        let mut now = MatchTime(0);
        for _ in 0..10 {
            let (due, request) = player.next(&step);
            now = now.max(due);
            log.push(format!("{} {}", now.as_s(), player.path(request)));
            let body = media(1000 + now.0 / 6_000_000);
            answer(&mut player, &step, request, now, &body).ok();
        }
        assert_eq!(
            log,
            [
                "0 /live/240p/media.m3u8",
                "0 /live/240p/1002.ts",
                "0 /live/240p/1003.ts",
                "0 /live/240p/1004.ts",
                "6 /live/240p/media.m3u8",
                "6 /live/240p/1005.ts",
                "12 /live/240p/media.m3u8",
                "12 /live/240p/1006.ts",
                "18 /live/240p/media.m3u8",
                "18 /live/240p/1007.ts",
            ]
        );
    }

    #[test]
    fn an_unchanged_playlist_is_loaded_again_after_half_the_target_duration() {
        let (step, mut player) = (step(), player());
        for _ in 0..2 {
            show(&mut player, &step, 1000);
        }
        player.waiting.clear();
        assert_eq!(player.next(&step), (MatchTime::from_s(3.0), HlsRequest::Playlist));
    }

    #[test]
    fn a_full_buffer_delays_the_next_segment() {
        let (step, mut player) = (HlsStep { buffer_s: 12.0, ..step() }, player());
        show(&mut player, &step, 1000);
        for _ in 0..2 {
            answer(&mut player, &step, HlsRequest::Segment, MatchTime::from_s(1.0), "").unwrap();
        }
        // Playback started at 1 s with 6 s loaded; 12 s are loaded: room for 6 more at 7 s.
        let (due, request) = player.next(&step);
        assert_eq!((due, request), (MatchTime::from_s(6.0), HlsRequest::Playlist));
        player.playlist_due = MatchTime::from_s(100.0);
        assert_eq!(player.next(&step), (MatchTime::from_s(7.0), HlsRequest::Segment));
    }

    #[test]
    fn something_else_than_a_playlist_is_noticed() {
        let (step, mut player) = (step(), player());
        let told = answer(&mut player, &step, HlsRequest::Playlist, MatchTime(0), "<html>");
        assert_eq!(told, Err("the answer is no media playlist"));
        let told = answer(&mut player, &step, HlsRequest::Master, MatchTime(0), "<html>");
        assert_eq!(told, Err("the answer is no master playlist"));
    }

    #[test]
    fn playlists_may_name_paths_of_any_kind_on_their_own_origin() {
        let step = step();
        let mut player =
            HlsState::new(MatchTime(0), "/vod/one/master.m3u8?t=1".into(), 500.0, 250_000);
        let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000\n240p/media.m3u8?t=2\n";
        answer(&mut player, &step, HlsRequest::Master, MatchTime(0), master).unwrap();
        assert_eq!(player.path(HlsRequest::Playlist), "/vod/one/240p/media.m3u8?t=2");
        let media = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\na.ts\n#EXTINF:6,\n\
                     ../b.ts\n#EXTINF:6,\nhttp://127.0.0.1:8080/c.ts?x\n";
        answer(&mut player, &step, HlsRequest::Playlist, MatchTime(0), media).unwrap();
        let paths: Vec<&str> = player.waiting.iter().map(|segment| &*segment.path).collect();
        assert_eq!(paths, ["/vod/one/240p/a.ts", "/vod/one/b.ts", "/c.ts?x"]);
        let away = media.replace("http://127.0.0.1:8080", "http://127.0.0.1:8081");
        let mut player = HlsState { last_shown: None, ..player };
        let told = answer(&mut player, &step, HlsRequest::Playlist, MatchTime(0), &away);
        assert_eq!(told, Err(ELSEWHERE));
        assert_eq!(player.waiting.len(), 3, "of a playlist that is refused nothing is loaded");
    }
}
