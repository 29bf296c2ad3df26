# How the benches install what is missing, and find or build what they measure. Sourced by their `run`, from the
# root of the project.

need() {
    echo "$0: $1" >&2
    exit 2
}

# apt_install COMMAND PACKAGE: as root, or says what to do.
apt_install() {
    PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null && return
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        need "$1 is missing: as root, apt-get install $2"
    fi
    echo "installing $2" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$2" >&2
}

# The path of a program of the system.
found() {
    PATH=$PATH:/usr/sbin:/sbin command -v "$1"
}

# Sets HULK, unless it is another program already.
hulk() {
    [ -n "${HULK:-}" ] && return
    HULK=${CARGO_TARGET_DIR:-target}/release/hulk
    cargo build --quiet --release --locked >&2
}

# export_real NAME…: programs by their full paths, for scripts that run elsewhere.
export_real() {
    local name
    for name in "$@"; do
        [ -z "${!name:-}" ] || export "$name=$(realpath "${!name}")"
    done
}
