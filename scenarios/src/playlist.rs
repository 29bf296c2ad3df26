//! The little of HLS playlists that a viewer at the live edge needs, without copying them.

/// A media playlist.
#[derive(Debug, PartialEq)]
pub(crate) struct Playlist<'a> {
    /// Target duration in seconds.
    pub target_s: f64,
    /// Number of the first segment.
    pub first_number: i64,
    /// Path and length in seconds of each segment.
    pub segments: Vec<(&'a str, f64)>,
}

impl<'a> Playlist<'a> {
    /// Reads a media playlist; none when it is not one.
    pub(crate) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut lines = lines_of(body)?;
        let mut playlist = Self { target_s: 0.0, first_number: 0, segments: Vec::new() };
        let mut length_s = 0.0;
        for line in &mut lines {
            if let Some(value) = line.strip_prefix("#EXT-X-TARGETDURATION:") {
                playlist.target_s = value.parse().ok()?;
            } else if let Some(value) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
                playlist.first_number = value.parse().ok()?;
            } else if let Some(value) = line.strip_prefix("#EXTINF:") {
                length_s = value.split(',').next()?.trim().parse().ok()?;
            } else if !line.starts_with('#') {
                playlist.segments.push((line, length_s));
            }
        }
        // Without a target duration the reload interval would be nothing: a busy loop.
        (playlist.target_s > 0.0).then_some(playlist)
    }
}

/// The media playlist's path and the kbit/s of the best rendition that needs at most `kbps_max`, or
/// of the smallest where all need more; none when the body is no master playlist.
pub(crate) fn rendition(body: &[u8], kbps_max: f64) -> Option<(&str, f64)> {
    let mut lines = lines_of(body)?;
    let mut best: Option<(f64, &str)> = None;
    while let Some(line) = lines.next() {
        let Some(attributes) = line.strip_prefix("#EXT-X-STREAM-INF:") else { continue };
        let kbps = bandwidth(attributes)? / 1000.0;
        let path = lines.find(|line| !line.starts_with('#'))?;
        let better = best.is_none_or(|(known, _)| match (known <= kbps_max, kbps <= kbps_max) {
            (true, true) => kbps > known,
            (known_fits, fits) => fits || (!known_fits && kbps < known),
        });
        if better {
            best = Some((kbps, path));
        }
    }
    best.map(|(kbps, path)| (path, kbps))
}

fn bandwidth(attributes: &str) -> Option<f64> {
    let value = attributes.split(',').find_map(|pair| pair.trim().strip_prefix("BANDWIDTH="))?;
    value.parse().ok()
}

fn lines_of(body: &[u8]) -> Option<impl Iterator<Item = &str>> {
    let text = std::str::from_utf8(body).ok()?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    (lines.next()? == "#EXTM3U").then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_rendition_that_fits_is_taken() {
        let master = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000,CODECS=\"a\"\nlow\n\
            #EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=1,BANDWIDTH=2800000\nhigh\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1400000\nmid\n";
        assert_eq!(rendition(master, 1500.0), Some(("mid", 1400.0)));
        assert_eq!(rendition(master, 9999.0), Some(("high", 2800.0)));
        assert_eq!(rendition(master, 100.0), Some(("low", 400.0)));
        assert_eq!(rendition(b"<html>", 100.0), None);
    }

    #[test]
    fn a_playlist_without_target_duration_is_refused() {
        assert_eq!(Playlist::parse(b"#EXTM3U\n#EXTINF:6,\na.ts\n"), None);
        assert_eq!(Playlist::parse(b"\xff\xfe"), None);
    }
}
