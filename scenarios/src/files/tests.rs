use super::*;
use crate::{LoadError, Rehearsal, shipped_rehearsal};

/// A folder that goes with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hulk-files-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// What loading tells: message and hint.
    fn told(&self, path: &str) -> String {
        match Rehearsal::load(path).unwrap_err() {
            LoadError::Unreadable { reason, hint, .. } => format!("{reason} ({hint})"),
            LoadError::Invalid(problems) => problems.to_string(),
        }
        .replace(&self.0.display().to_string(), "…")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _best_effort = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_is_no_file_is_told_with_the_way_out() {
    let folder = Folder::new("none");
    let of = |name: &str| folder.0.join(name).display().to_string();
    let shipped = "shipped rehearsals, by their names: `avatar-72`, `avatar-admission-burst`, \
                   `match-day`, `match-day-cloud-group`";
    let told = folder.told(&of("mach-day.toml"));
    let wanted = format!("there is no such file (did you mean `match-day`?\n{shipped})");
    assert_eq!(told, wanted);
    folder.write("semi-final.toml", "");
    let told = folder.told(&of("semi-fnal.toml"));
    assert!(told.contains("did you mean `semi-final.toml`?") && told.contains(shipped), "{told}");
    let told = folder.told(&of("x/y.toml"));
    assert!(told.contains("there is no folder `…/x` either"), "{told}");
    let told = folder.told(&folder.0.display().to_string());
    let wanted = "it is a folder, and a file is expected (name a file in it: `…/semi-final.toml`)";
    assert_eq!(told, wanted);
}

#[test]
fn what_is_no_text_of_a_sensible_size_is_told_at_once() {
    let folder = Folder::new("text");
    let told = folder.told(&folder.write("a.toml", b"name = \"a\"\n# \xff\n"));
    assert_eq!(told, "line 2 is not UTF-8 (save the file as UTF-8 text)");
    // Sparse: what is beyond the limit is never read.
    let path = folder.write("large.toml", "");
    let large = std::fs::File::options().write(true).open(&path).unwrap();
    large.set_len(100 << 20).unwrap();
    let told = folder.told(&path);
    assert!(told.starts_with("larger than 1 MiB, the most that is taken ("), "{told}");
    large.set_len(BYTES_MAX).unwrap();
    assert!(folder.told(&path).contains("not TOML"), "a file of just 1 MiB is read");
    for empty in ["", "\n\n# nothing but a comment\n"] {
        let told = folder.told(&folder.write("empty.toml", empty));
        let wanted = "…/empty.toml:1:1: the file is empty, and a rehearsal is expected (`hulk init` \
                      writes files to begin with)";
        assert_eq!(told, wanted);
    }
}

#[test]
fn a_file_of_another_kind_is_told_by_its_kind_alone() {
    let folder = Folder::new("kind");
    let kinds = [
        (crate::shipped::journey("login"), "a journey", "name it in a rehearsal's `journeys`"),
        (crate::shipped::devices("2019"), "a file of devices", "as a rehearsal's `devices`"),
        (crate::shipped::platform("streaming"), "a platform", "`target.embedded.platform`"),
        (hulk_traffic_models::shipped("dream11"), "a model", "`audience.model`"),
    ];
    for (source, kind, hint) in kinds {
        let told = folder.told(&folder.write("other.toml", &source.unwrap().text));
        let wanted = format!("this looks like {kind}: a rehearsal is expected here (");
        assert!(told.contains(&wanted) && told.contains(hint), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    // The other way round: a rehearsal as its own journey.
    let text = &shipped_rehearsal("match-day").unwrap().text;
    let own = text.replace("\"streaming\", \"ads\"", "\"own.toml\", \"ads\"");
    let told = folder.told(&folder.write("own.toml", own));
    assert!(told.contains("this looks like a rehearsal: a journey is expected here"), "{told}");
}
