//! The little of HLS playlists that a viewer at the live edge needs, without copying them.

use std::borrow::Cow;

use crate::target::Base;

/// A media playlist.
#[derive(Debug, PartialEq)]
pub(crate) struct Playlist<'a> {
    /// Target duration in seconds.
    pub target_s: f64,
    /// Number of the first segment.
    pub first_number: i64,
    /// URI and length in seconds of each segment.
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

/// The media playlist's URI and the kbit/s of the best rendition that needs at most `kbps_max`, or of
/// the smallest where all need more; none when the body is no master playlist.
pub(crate) fn rendition(body: &[u8], kbps_max: f64) -> Option<(&str, f64)> {
    let mut lines = lines_of(body)?;
    let mut best: Option<(f64, &str)> = None;
    while let Some(line) = lines.next() {
        let Some(attributes) = line.strip_prefix("#EXT-X-STREAM-INF:") else { continue };
        let kbps = bandwidth(attributes)? / 1000.0;
        let uri = lines.find(|line| !line.starts_with('#'))?;
        let better = best.is_none_or(|(known, _)| match (known <= kbps_max, kbps <= kbps_max) {
            (true, true) => kbps > known,
            (known_fits, fits) => fits || (!known_fits && kbps < known),
        });
        if better {
            best = Some((kbps, uri));
        }
    }
    best.map(|(kbps, uri)| (uri, kbps))
}

/// The path and query to which `uri` leads in a playlist that was found at the path `at` of the
/// origin `base`; none where it leads to another origin.
pub(crate) fn path_of<'a>(uri: &'a str, at: &str, base: &str) -> Option<Cow<'a, str>> {
    let uri = uri.split('#').next().unwrap_or_default();
    let scheme = uri.split(['/', '?']).next().filter(|start| start.contains(':'));
    if scheme.is_some() || uri.starts_with("//") {
        let whole = match scheme {
            Some(_) => Cow::Borrowed(uri),
            None => Cow::Owned(format!("{}:{uri}", base.split(':').next()?)),
        };
        let after = whole.find("://")? + 3;
        let end = whole[after..].find(['/', '?']).map_or(whole.len(), |at| after + at);
        if Base::parse(&whole[..end]).ok()?.to_string() != base {
            return None;
        }
        let rest = &whole[end..];
        let slash = if rest.starts_with('/') { "" } else { "/" };
        return Some(without_dots(format!("{slash}{rest}").into()));
    }
    let path = at.split('?').next().unwrap_or_default();
    match uri.chars().next() {
        None => Some(at.to_owned().into()),
        Some('/') => Some(without_dots(uri.into())),
        Some('?') => Some(format!("{path}{uri}").into()),
        Some(_) => {
            let folder = &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
            Some(without_dots(format!("{folder}{uri}").into()))
        }
    }
}

/// A path that begins with `/`, without its `.` and `..`; its query stays as it is.
fn without_dots(path: Cow<'_, str>) -> Cow<'_, str> {
    let (path_alone, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    if !path_alone.contains("/.") {
        return path;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path_alone.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    // What ends in a dot is a folder.
    if path_alone.ends_with("/.") || path_alone.ends_with("/..") {
        parts.push("");
    }
    format!("/{}{query}", parts.join("/")).into()
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
    fn golden_a_uri_leads_where_the_standard_says() {
        // The examples of RFC 3986, 5.4, as far as they stay on one origin.
        let lead = |uri| path_of(uri, "/b/c/d;p?q", "http://a").map(Cow::into_owned);
        for (uri, wanted) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("//a/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("g#s", "/b/c/g"),
            ("g?y/./x#s", "/b/c/g?y/./x"),
            (";x", "/b/c/;x"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../g", "/g"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("/../g", "/g"),
            ("g.", "/b/c/g."),
            ("..g", "/b/c/..g"),
            ("./g/.", "/b/c/g/"),
            ("g/../h", "/b/c/h"),
            ("g;x=1/../y", "/b/c/y"),
            ("http://a/g?y", "/g?y"),
            ("HTTP://A:80/g", "/g"),
            ("http://a", "/"),
            ("http://a?y", "/?y"),
            ("g?at=b:c", "/b/c/g?at=b:c"),
        ] {
            assert_eq!(lead(uri).as_deref(), Some(wanted), "{uri}");
        }
        for away in ["http://b/g", "https://a/g", "http://a:8080/g", "//b/g", "g:h", "http://u@a/g"]
        {
            assert_eq!(lead(away), None, "{away}");
        }
        // The embedded platform names paths only.
        assert_eq!(path_of("http://a/g", "/b", ""), None);
        assert_eq!(path_of("//a/g", "/b", ""), None);
    }

    #[test]
    fn a_playlist_without_target_duration_is_refused() {
        assert_eq!(Playlist::parse(b"#EXTM3U\n#EXTINF:6,\na.ts\n"), None);
        assert_eq!(Playlist::parse(b"\xff\xfe"), None);
    }
}
