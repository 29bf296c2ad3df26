//! Whether the stream fits through the edges.

use crate::Rehearsal;

/// Above this share of a ceiling little is left for what was not expected.
const SHARE_MAX: f64 = 0.7;

/// What the stream takes of a ceiling of bandwidth, at full scale.
#[derive(Debug, Clone, PartialEq)]
pub struct BandwidthEstimate {
    /// An edge's name; none of all edges together.
    pub edge: Option<String>,
    /// The peak in Gbit/s; viewers are spread evenly over the edges.
    pub peak_gbps: f64,
    /// The ceiling in Gbit/s.
    pub ceiling_gbps: f64,
}

impl BandwidthEstimate {
    /// Those of all ceilings that the platform has, where the stream takes so many bits a wall second
    /// at the rehearsal's scale.
    pub(super) fn of(rehearsal: &Rehearsal, bits_per_s: f64) -> Vec<Self> {
        let Some(embedded) = rehearsal.platform() else { return Vec::new() };
        let platform = &embedded.platform;
        let peak_gbps = bits_per_s / rehearsal.audience.scale / 1e9;
        let all = platform.bandwidth_gbps.map(|gbps| (None, peak_gbps, gbps));
        let each_gbps = peak_gbps / platform.edges.len().max(1) as f64;
        let edges = platform.edges.iter().filter_map(|edge| {
            edge.bandwidth_gbps.map(|gbps| (Some(edge.name.clone()), each_gbps, gbps))
        });
        let links = all.into_iter().chain(edges);
        links
            .map(|(edge, peak_gbps, ceiling_gbps)| Self { edge, peak_gbps, ceiling_gbps })
            .collect()
    }

    /// The peak and the ceiling in words.
    pub fn describe(&self) -> String {
        let whose = match &self.edge {
            Some(edge) => format!("edge `{edge}`"),
            None => "all edges".to_owned(),
        };
        format!(
            "{:.0} of {:.0} Gbit/s of {whose} at full scale: {:.0} %",
            self.peak_gbps,
            self.ceiling_gbps,
            self.share() * 100.0
        )
    }

    fn share(&self) -> f64 {
        self.peak_gbps / self.ceiling_gbps
    }

    /// What a user should know before the run.
    pub(super) fn warning(&self) -> Option<String> {
        (self.share() > SHARE_MAX).then(|| {
            format!(
                "the stream takes {}; above 70 % little is left for what was not expected: raise \
                 `bandwidth_gbps`, or lower the bit rates",
                self.describe()
            )
        })
    }
}
