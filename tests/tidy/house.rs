//! What the rules look at: the workspace as cargo sees it and the files as git sees them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use cargo_metadata::{Metadata, MetadataCommand, Node, Package, PackageId};

/// HULK is built and shipped for Linux; crates for other systems are in the lock file only.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The resolved graph, the same on every machine: dependencies for [`PLATFORM`].
pub(crate) fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        MetadataCommand::new()
            .manifest_path(root().join("Cargo.toml"))
            .other_options(["--locked", "--filter-platform", PLATFORM].map(String::from).to_vec())
            .exec()
            .expect("cargo metadata --locked works where cargo test --locked does")
    })
}

pub(crate) fn members() -> Vec<&'static Package> {
    metadata().workspace_packages()
}

pub(crate) fn package(id: &PackageId) -> &'static Package {
    &metadata()[id]
}

pub(crate) fn nodes() -> &'static [Node] {
    &metadata().resolve.as_ref().expect("cargo metadata resolves unless told not to").nodes
}

pub(crate) fn node(id: &PackageId) -> &'static Node {
    nodes().iter().find(|node| node.id == *id).expect("every package has a node")
}

/// What is really built for [`PLATFORM`], as `depth name version` in each line; the graph of
/// [`metadata`] also holds what optional features would bring.
pub(crate) fn cargo_tree() -> String {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--target", PLATFORM, "--prefix", "depth"])
        .current_dir(root())
        .output()
        .expect("the cargo that built this test can be started");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8_lossy(&tree.stdout).into_owned()
}

/// The folder of a member, relative to the root; empty for the root package.
pub(crate) fn folder(member: &Package) -> PathBuf {
    let folder = member.manifest_path.as_std_path().parent().expect("a manifest is in a folder");
    folder.strip_prefix(root()).expect("members are below the root").to_path_buf()
}

/// Every file of the project that git does not ignore, relative to the root.
pub(crate) fn files() -> &'static [PathBuf] {
    static FILES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    FILES.get_or_init(|| {
        let listing = Command::new("git")
            .args(["-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z"])
            .current_dir(root())
            .output()
            .expect("git is installed: the rules ask it which files belong to the project");
        assert!(listing.status.success(), "{}", String::from_utf8_lossy(&listing.stderr));
        let names = String::from_utf8(listing.stdout).expect("file names are UTF-8");
        let mut files: Vec<PathBuf> = names.split_terminator('\0').map(PathBuf::from).collect();
        files.sort();
        files.dedup();
        files.retain(|file| root().join(file).is_file());
        assert!(files.len() > 10, "git lists hardly any file: is this a clone?");
        files
    })
}

pub(crate) fn read(file: &Path) -> String {
    let bytes = std::fs::read(root().join(file)).expect("a listed file can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Fails with every offence on its own line.
pub(crate) fn judge(rule: &str, offences: &[String]) {
    let list = offences.join("\n  ");
    assert!(offences.is_empty(), "{rule}: {} offence(s)\n  {list}", offences.len());
}
