//! `hulk platform`: the reference platform, alone, or as a rehearsal's child.

use std::io::{Write, stdout};
use std::net::{Ipv4Addr, SocketAddr};

use hulk_engine::raise_open_files;
use hulk_platform::{Alone, Plan, Ports, serve, stand_alone};
use hulk_record::Offset;
use hulk_scenarios::{Rehearsal, Scope, shipped_rehearsal_names};
use tokio::runtime::Builder;

use crate::child::be_child;
use crate::completions::RehearsalName;
use crate::interrupt::interrupts;
use crate::outcome::Failure;
use crate::target::plan;

pub(crate) const EXAMPLES: &str = "Examples:
  hulk platform
  hulk platform match-day-cloud-group --speed 1
  hulk platform match-day --edge 8081 --edge 8082 --control 9000

It prints where its edges, its metrics and its page are, and runs until Ctrl-C. It listens on this
machine's loopback only. The page shows audience, demand and supply, and changes policies, presses panic
switches and loses edges.";

/// How far the embedded platform steps back behind the generator.
const NICENESS: i32 = 10;

/// What `platform` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct PlatformArguments {
    /// The rehearsal whose platform, policies, speed and scale it takes: a file, or the name of a
    /// shipped one.
    #[arg(
        default_value = "scenarios/match-day.toml",
        value_parser = RehearsalName,
        hide_possible_values = true
    )]
    file: String,
    /// Where an edge listens, by its port or address: once for each edge, in the order of their names;
    /// any free port for those that are not told.
    #[arg(long = "edge", value_name = "PORT", value_parser = address)]
    edges: Vec<SocketAddr>,
    /// Where metrics and page are, by port or address; any free port where it is not told.
    #[arg(long, value_name = "PORT", value_parser = address)]
    control: Option<SocketAddr>,
    /// Match seconds per second, instead of the file's.
    #[arg(long, value_parser = |text: &str| number(text, 0.01, 1000.0))]
    speed: Option<f64>,
    /// Viewers here per viewer of the model, instead of the file's.
    #[arg(long, value_parser = |text: &str| number(text, 1e-9, 1.0))]
    scale: Option<f64>,
    /// Take the plan from standard input and end with it: as a rehearsal's child.
    #[arg(long, hide = true)]
    embedded: bool,
}

/// Serves until it is asked to end.
pub(crate) fn platform(arguments: &PlatformArguments) -> Result<i32, Failure> {
    if arguments.embedded {
        return embedded();
    }
    let rehearsal = Rehearsal::load(&arguments.file)?;
    let plan = plan_alone(arguments, &rehearsal)?;
    let wanted = wanted(arguments, &plan)?;
    let alone = Alone { name: rehearsal.name.clone(), choices: choices(&rehearsal) };
    raise_open_files();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::internal)?;
    let ended = runtime.block_on(async {
        let mut interrupts = interrupts()?;
        let told = (alone.name.clone(), plan.clone());
        let ports = stand_alone(plan, alone, &wanted).map_err(Failure::internal)?;
        tell(&told.0, &told.1, &ports);
        // Somebody always may ask: the sender lives as long as the process.
        Ok(interrupts.recv().await.map_or(0, |signal| 128 + signal))
    });
    runtime.shutdown_background();
    ended
}

/// A rehearsal's own platform, in its own process.
fn embedded() -> Result<i32, Failure> {
    // More viewers than the usual soft limit may connect.
    raise_open_files();
    // The generator goes first where both share a core: waking late never lowers the platform's
    // capacity, which is nominal, but a late send is a wrong measure. Where it may not, it may not.
    let _best_effort = rustix::process::nice(NICENESS);
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::internal)?;
    let result = runtime.block_on(be_child(async |plan| serve(plan).map_err(Failure::internal)));
    runtime.shutdown_background();
    result
}

/// The rehearsal's platform as it is at match time 0, provisioned for the audience of that time.
fn plan_alone(arguments: &PlatformArguments, rehearsal: &Rehearsal) -> Result<Plan, Failure> {
    let embedded = rehearsal.platform().ok_or_else(|| {
        Failure::Usage(format!(
            "{} has no platform: its target is {}; name a rehearsal whose target is `embedded`",
            arguments.file,
            rehearsal.target.name()
        ))
    })?;
    let mut plan = plan(rehearsal, embedded);
    plan.clock.speed = arguments.speed.unwrap_or(plan.clock.speed);
    plan.scale = arguments.scale.unwrap_or(plan.scale);
    plan.lead_in_from = Offset(0);
    Ok(plan)
}

/// Where it is to listen.
fn wanted(arguments: &PlatformArguments, plan: &Plan) -> Result<Ports, Failure> {
    let names: Vec<&str> = plan.platform.edges.iter().map(|edge| edge.name.as_str()).collect();
    if arguments.edges.len() > names.len() {
        return Err(Failure::Usage(format!(
            "`--edge` stands {} times, and the platform has {}: {}",
            arguments.edges.len(),
            if names.len() == 1 { "one edge".to_owned() } else { format!("{} edges", names.len()) },
            names.join(", ")
        )));
    }
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut edges = arguments.edges.clone();
    edges.resize(names.len(), free);
    Ok(Ports { edges, control: arguments.control.unwrap_or(free) })
}

/// The policies that may be chosen: its own, and those of the shipped rehearsals that fit.
fn choices(rehearsal: &Rehearsal) -> Vec<(String, Vec<hulk_scenarios::scaling::Policy>)> {
    let policies = |of: &Rehearsal| of.platform().map(|embedded| embedded.policies.clone());
    let own = policies(rehearsal).map(|own| (rehearsal.name.clone(), own));
    let shipped = shipped_rehearsal_names().filter(|name| *name != rehearsal.name);
    let shipped = shipped.filter_map(|name| {
        let with = rehearsal.with_policies(name).ok()?;
        // One of another platform changes nothing here.
        policies(&with).filter(|_| with.target != rehearsal.target).map(|p| (name.to_owned(), p))
    });
    own.into_iter().chain(shipped).collect()
}

fn tell(name: &str, plan: &Plan, ports: &Ports) {
    let mut text = format!(
        "the platform of {name}: {} match seconds a second, a viewer here stands for {:.0}\n",
        plan.clock.speed,
        1.0 / plan.scale
    );
    for (edge, address) in plan.platform.edges.iter().zip(&ports.edges) {
        text += &format!("edge {}: http://{address}\n", edge.name);
    }
    text += &format!("metrics: http://{0}/metrics\npage: http://{0}/\n", ports.control);
    text += "Ctrl-C ends it\n";
    let mut out = stdout();
    // Whoever does not read what it says may have asked for these ports.
    let _told = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A port of 127.0.0.1, or an address, which must be this machine's loopback.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let address: SocketAddr = text.parse().map_err(
        |_| "a port is expected, or an address with its port: 8081, 127.0.0.1:8081 or [::1]:8081",
    )?;
    let permit = Scope::default().permit(address).map_err(|refusal| refusal.to_string())?;
    Ok(permit.address())
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("a number from {least} to {most} is expected"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_port_or_one_of_the_loopback() {
        for (text, wanted) in [
            ("8081", "127.0.0.1:8081"),
            ("0", "127.0.0.1:0"),
            ("127.0.0.2:80", "127.0.0.2:80"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(address(text).map(|address| address.to_string()), Ok(wanted.to_owned()));
        }
        for (text, reason) in [
            ("0.0.0.0:80", "0.0.0.0 is not loopback"),
            ("10.0.0.1:80", "10.0.0.1 is not loopback"),
            ("localhost:80", "a port is expected"),
            ("65536", "a port is expected"),
            ("127.0.0.1", "a port is expected"),
        ] {
            let refused = address(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn policies_of_shipped_rehearsals_may_be_chosen_where_they_fit() {
        let rehearsal = Rehearsal::load("match-day-cloud-group").unwrap();
        let choices = choices(&rehearsal);
        let names: Vec<&str> = choices.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["match-day-cloud-group", "match-day"]);
        let services = rehearsal.platform().unwrap().platform.services.len();
        assert!(choices.iter().all(|(_, policies)| policies.len() == services));
    }
}
