//! Whole rehearsals with real processes, sockets and clocks.
//!
//! They measure time, so they take turns; everything is counted in verdicts, counts and reasons,
//! never in milliseconds of a single run. A run that HULK itself calls invalid because *the machine
//! lost time* is repeated at most twice, and each repetition is printed. Nothing else is repeated.

#[cfg(test)]
#[path = "live/avatar.rs"]
mod avatar;
#[cfg(test)]
#[path = "live/avatar_calls.rs"]
mod avatar_calls;
#[cfg(test)]
#[path = "live/bad_days.rs"]
mod bad_days;
#[cfg(test)]
#[path = "live/bench.rs"]
mod bench;
#[cfg(test)]
#[path = "live/calibrate.rs"]
mod calibrate;
#[cfg(test)]
#[path = "live/callers.rs"]
mod callers;
#[cfg(test)]
#[path = "live/cloud_group.rs"]
mod cloud_group;
#[cfg(test)]
#[path = "live/co1.rs"]
mod co1;
#[cfg(test)]
#[path = "live/commentary.rs"]
mod commentary;
#[cfg(test)]
#[path = "live/compare.rs"]
mod compare;
#[cfg(test)]
#[path = "live/consent.rs"]
mod consent;
#[cfg(test)]
#[path = "live/counts.rs"]
mod counts;
#[cfg(test)]
#[path = "live/ending.rs"]
mod ending;
#[cfg(test)]
#[path = "live/executors.rs"]
mod executors;
#[cfg(test)]
#[path = "live/feeds.rs"]
mod feeds;
#[cfg(test)]
#[path = "live/files.rs"]
mod files;
#[cfg(test)]
#[path = "live/http_servers.rs"]
mod http_servers;
#[cfg(test)]
#[path = "live/many.rs"]
mod many;
#[cfg(test)]
#[path = "live/match_day.rs"]
mod match_day;
#[cfg(test)]
#[path = "live/names.rs"]
mod names;
#[cfg(test)]
#[path = "live/own_target.rs"]
mod own_target;
#[cfg(test)]
#[path = "live/platform.rs"]
mod platform;
#[cfg(test)]
#[path = "live/pool.rs"]
mod pool;
#[cfg(test)]
#[path = "live/processes.rs"]
mod processes;
#[cfg(test)]
#[path = "live/proxied.rs"]
mod proxied;
#[cfg(test)]
#[path = "live/proxy_alone.rs"]
mod proxy_alone;
#[cfg(test)]
#[path = "live/proxy_clients.rs"]
mod proxy_clients;
#[cfg(test)]
#[path = "live/raw.rs"]
mod raw;
#[cfg(test)]
#[path = "live/rubbish.rs"]
mod rubbish;
#[cfg(test)]
#[path = "live/self_test.rs"]
mod self_test;
#[cfg(test)]
#[path = "live/served.rs"]
mod served;
#[cfg(test)]
#[path = "live/servers.rs"]
mod servers;
#[cfg(test)]
#[path = "live/small_target.rs"]
mod small_target;
#[cfg(test)]
#[path = "live/terminal.rs"]
mod terminal;
#[cfg(test)]
#[path = "live/tournament.rs"]
mod tournament;
#[cfg(test)]
#[path = "live/trial.rs"]
mod trial;
#[cfg(test)]
#[path = "truth/mod.rs"]
mod truth;
#[cfg(test)]
#[path = "live/truth.rs"]
mod truth_table;
#[cfg(test)]
#[path = "live/verdicts.rs"]
mod verdicts;
#[cfg(test)]
#[path = "live/whole_match.rs"]
mod whole_match;
#[cfg(test)]
#[path = "live/workers.rs"]
mod workers;
