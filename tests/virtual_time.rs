//! Whole rehearsals in virtual time: the real schedule, sessions, platform, recorder and judge
//! under a clock that jumps from event to event. No socket, no thread, no waiting.

#[cfg(test)]
#[path = "virtual_time/bought.rs"]
mod bought;
#[cfg(test)]
#[path = "virtual_time/calibrate.rs"]
mod calibrate;
#[cfg(test)]
#[path = "virtual_time/co1.rs"]
mod co1;
#[cfg(test)]
#[path = "virtual_time/commentary.rs"]
mod commentary;
#[cfg(test)]
#[path = "virtual_time/driver.rs"]
mod driver;
#[cfg(test)]
#[path = "virtual_time/enough.rs"]
mod enough;
#[cfg(test)]
#[path = "virtual_time/executors.rs"]
mod executors;
#[cfg(test)]
#[path = "virtual_time/match_day.rs"]
mod match_day;
#[cfg(test)]
#[path = "virtual_time/playback.rs"]
mod playback;
#[cfg(test)]
#[path = "virtual_time/scribe.rs"]
mod scribe;
#[cfg(test)]
#[path = "virtual_time/thresholds.rs"]
mod thresholds;
#[cfg(test)]
#[path = "truth/mod.rs"]
mod truth;
#[cfg(test)]
#[path = "virtual_time/truth.rs"]
mod truth_table;
#[cfg(test)]
#[path = "virtual_time/whole_match.rs"]
mod whole_match;
