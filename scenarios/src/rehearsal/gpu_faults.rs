//! Faults of GPUs: whether the backend that is called has what they are done to.

use hulk_chaos::GpuFault;
use hulk_settings::nearest_or_all;

use crate::Callers;

/// Why nothing comes of a fault, and what to do.
pub(super) fn misfit(fault: &GpuFault, callers: Option<&Callers>) -> Option<(String, String)> {
    let Some(backend) = callers.and_then(|callers| callers.backend.spec()) else {
        let hint = "add `[callers]` with `embedded = \"avatar-72\"`, or remove the fault";
        let message = "it is done to the GPUs of an embedded avatar backend, and there is none";
        return Some((message.to_owned(), hint.to_owned()));
    };
    let gpus: u32 = backend.gpus.iter().map(|gpu| gpu.count).sum();
    match fault {
        GpuFault::ZoneLost { zone } => {
            let zones: Vec<&str> = backend.gpus.iter().map(|gpu| gpu.zone.as_str()).collect();
            let known = zones.contains(&zone.as_str());
            (!known).then(|| {
                (format!("no GPU stands in a zone `{zone}`"), nearest_or_all(zone, &zones))
            })
        }
        fault => {
            let gpu = fault.gpu().filter(|gpu| *gpu >= gpus as usize)?;
            let message = format!("there is no GPU {gpu}: the backend has {gpus}");
            Some((message, format!("they are numbered from 0 to {}", gpus.saturating_sub(1))))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hulk_settings::Source;

    use crate::Rehearsal;

    fn told(callers: &str, fault: &str) -> Vec<String> {
        let text = format!(
            "name = \"f\"\n[load]\nnobody = {{ duration_s = 60 }}\n[callers]\n{callers}\n\
             [[callers.come]]\nat_ms = 0\ncallers = 1\n[[fault]]\nname = \"f\"\nat_min = 0.5\n\
             for_s = 5\ngpu = {{ {fault} }}\n"
        );
        match Rehearsal::read(&Source::new("f.toml", text), Path::new("x")) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.list.iter().map(|p| p.message.clone()).collect(),
        }
    }

    #[test]
    fn a_fault_needs_the_gpu_or_the_zone_that_it_befalls() {
        let embedded = |fault| told("embedded = \"avatar-72\"", fault);
        assert!(embedded("off_the_bus = { gpu = 5 }").is_empty());
        assert!(embedded("zone_lost = { zone = \"us-west\" }").is_empty());
        assert!(embedded("affinity_lost = {}").is_empty());
        let gpu = embedded("off_the_bus = { gpu = 6 }");
        assert_eq!(gpu, ["`f`: there is no GPU 6: the backend has 6"]);
        let zone = embedded("zone_lost = { zone = \"us-wst\" }");
        assert_eq!(zone, ["`f`: no GPU stands in a zone `us-wst`"]);
        let url = told("url = \"ws://127.0.0.1:1\"", "affinity_lost = {}");
        let none = "`f`: it is done to the GPUs of an embedded avatar backend, and there is none";
        assert_eq!(url, [none]);
    }
}
