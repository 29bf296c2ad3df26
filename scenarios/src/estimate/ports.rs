//! Whether the viewers' connections find local ports.

use std::net::{IpAddr, SocketAddr};

use crate::{Rehearsal, Target, Way};

/// What connections need of local ports, and what there is of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortsEstimate {
    /// Connections at the peak to the addresses that have the fewest ports for each.
    pub needed: u64,
    /// Ports for them: one for each local address, port number and address of the target.
    pub available: u64,
}

impl PortsEstimate {
    /// What `viewers_peak` viewers need where the system gives out so many port numbers.
    pub fn of(rehearsal: &Rehearsal, viewers_peak: u32, ports: u32) -> Self {
        let local = &rehearsal.local_addresses;
        let from = |to: IpAddr| -> u64 {
            let fits = local.iter().filter(|from| from.is_ipv4() == to.is_ipv4()).count();
            // Without one of its kind, the system takes the address that it takes itself.
            fits.max(1) as u64
        };
        let pairs = |to: &[IpAddr]| to.iter().map(|to| from(*to)).sum::<u64>();
        let connections = u64::from(viewers_peak);
        let shares: Vec<(u64, u64)> = match &rehearsal.target {
            Target::Embedded(embedded) => {
                let edges = vec![IpAddr::from([127, 0, 0, 1]); embedded.platform.edges.len()];
                vec![(connections, pairs(&edges))]
            }
            Target::Url(own) => {
                let ways: Vec<&Way> = own.origins.iter().map(|origin| &origin.way).collect();
                let share = |way: &&Way| {
                    // Origins at the same addresses share the ports to them.
                    let origins = ways.iter().filter(|other| *other == way).count() as u64;
                    let to: Vec<IpAddr> = match way {
                        Way::Addresses(addresses) => addresses.iter().map(SocketAddr::ip).collect(),
                        // How many there will be is not known before.
                        Way::Named(look_up) => vec![look_up.server.ip()],
                    };
                    (connections * origins, pairs(&to))
                };
                ways.iter().map(share).collect()
            }
        };
        let ports = u64::from(ports);
        let narrowest = shares.into_iter().max_by(|a, b| (a.0 * b.1).cmp(&(b.0 * a.1)));
        let (needed, pairs) = narrowest.unwrap_or((0, 1));
        Self { needed, available: pairs * ports }
    }

    /// What a user should know before the run.
    pub fn warning(self) -> Option<String> {
        let Self { needed, available } = self;
        let slow = if needed > available {
            ""
        } else if needed > available / 2 {
            // connect() looks through the even ones first, one by one, and only then at the others.
            ", and Linux searches long for each of the second half"
        } else {
            return None;
        };
        Some(format!(
            "{needed} connections need a local port each and {available} are there{slow}: add \
             addresses to `generator.local_addresses`, or widen net.ipv4.ip_local_port_range"
        ))
    }
}
