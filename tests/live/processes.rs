//! What /proc says of processes and their sockets.

use std::collections::BTreeSet;
use std::fs;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::bench::MARK;

/// A listening socket: its inode and its port.
pub(crate) type Listening = (u64, u16);

pub(crate) fn kill(process: i32, signal: Signal) {
    kill_process(pid(process), signal).unwrap();
}

pub(crate) fn kill_group(leader: i32, signal: Signal) {
    kill_process_group(pid(leader), signal).unwrap();
}

fn pid(process: i32) -> Pid {
    Pid::from_raw(process).unwrap()
}

fn all() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Living processes that were started with this mark; a zombie has no environment.
pub(crate) fn marked(mark: &str) -> Vec<i32> {
    let wanted = format!("{MARK}={mark}");
    let has = |process: &i32| {
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
    };
    all().filter(has).collect()
}

/// The embedded platform that this process started.
pub(crate) fn platform_of(parent: i32) -> Option<i32> {
    let is_platform = |process: &i32| {
        let arguments = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        arguments.ends_with(b"\0platform\0--embedded\0")
    };
    all().find(|process| parent_of(*process) == Some(parent) && is_platform(process))
}

/// The worker process of this number that this process started.
pub(crate) fn worker_of(parent: i32, number: u32) -> Option<i32> {
    let end = format!("\0worker\0--embedded\0--number\0{number}\0");
    let is_worker = |process: &i32| {
        let arguments = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        arguments.ends_with(end.as_bytes())
    };
    all().find(|process| parent_of(*process) == Some(parent) && is_worker(process))
}

fn parent_of(process: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Every listening TCP socket of this machine.
pub(crate) fn listening() -> BTreeSet<Listening> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let text: String = tables.map(|path| fs::read_to_string(path).unwrap_or_default()).concat();
    text.lines().filter_map(listener).collect()
}

fn listener(line: &str) -> Option<Listening> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    // 0A is LISTEN.
    let (local, "0A") = (fields.get(1)?, *fields.get(3)?) else { return None };
    let port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
    Some((fields.get(9)?.parse().ok()?, port))
}

/// The listening sockets of these processes.
pub(crate) fn listening_of(processes: &[i32]) -> BTreeSet<Listening> {
    let sockets: BTreeSet<u64> =
        processes.iter().flat_map(|process| sockets_of(*process)).collect();
    listening().into_iter().filter(|(inode, _)| sockets.contains(inode)).collect()
}

fn sockets_of(process: i32) -> Vec<u64> {
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { return Vec::new() };
    let inode = |link: std::path::PathBuf| -> Option<u64> {
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    files.filter_map(|file| inode(fs::read_link(file.ok()?.path()).ok()?)).collect()
}
