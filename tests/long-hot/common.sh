# What the proofs of the hot path share: nginx with many workers on many addresses, files of a
# rehearsal, one run, and figures of processes. Sourced by tests/long, which sets HULK and folder.

HOT=tests/long-hot
NGINX=$(PATH=$PATH:/usr/sbin:/sbin command -v "${NGINX:-nginx}" || true)
# Connections that a process holds here, with room for its other files.
A_PROCESS=${A_PROCESS:-17000}

# workers_for VIEWERS: as many processes as hold one connection each.
workers_for() {
    echo $((($1 + A_PROCESS - 1) / A_PROCESS))
}

# lead_in_s VIEWERS: so long do they come, at most 2,000 a second: they come in nine tenths of it, at random.
lead_in_s() {
    local s=$((($1 + 1599) / 1600))
    echo $((s < 5 ? 5 : s))
}

# Where and when the tables that follow were made.
hot_heading() {
    local changed
    changed=$(git status --porcelain -uno 2>/dev/null | head -n 1)
    printf '\n%s, commit %s%s, %s, %s, %s cores, %s MiB: `%s`\n\n' "$(date -u +%F)" \
        "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" "${changed:+ with changes}" "$(uname -sr)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
        "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$1"
}

# nginx_start WORKERS ADDRESSES: answers `ok` on 127.0.0.1, .2, … and writes the id and the status of
# each request; below /live/ are the files of $folder/nginx/live. Sets PORT.
nginx_start() {
    local workers=$1 addresses=$2 listen='' n user=''
    [ -x "$NGINX" ] || { echo "tests/long: nginx is missing: apt-get install nginx-light" >&2; exit 2; }
    # A worker that is nobody may not read the files of the stream.
    [ "$(id -u)" != 0 ] || user='user root;'
    PORT=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
    for ((n = 1; n <= addresses; n++)); do
        listen+="listen 127.0.0.$n:$PORT reuseport backlog=4096; "
    done
    mkdir -p "$folder/nginx/live"
    : >"$folder/nginx/access.log"
    cat >"$folder/nginx/nginx.conf" <<END
$user
daemon off;
worker_processes $workers;
worker_rlimit_nofile 20000;
pid nginx.pid;
error_log error.log;
events { worker_connections 19000; }
http {
    types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
    log_format hulk '\$http_x_hulk_request \$status';
    access_log access.log hulk buffer=1m flush=5s;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    server {
        $listen
        location / { return 200 "ok"; }
        # Every segment is the same file.
        location ~ ^/live/[0-9]+\.ts\$ { rewrite ^ /live/segment.ts last; }
        location = /live/segment.ts { root .; }
        location = /live/media.m3u8 { root .; }
        location = /live/master.m3u8 { root .; }
    }
}
END
    "$NGINX" -p "$folder/nginx" -c nginx.conf -e error.log 2>/dev/null &
    nginx_pid=$!
    for ((n = 0; n < 100; n++)); do
        ! curl_ok || return 0
        sleep 0.1
    done
    cat "$folder/nginx/error.log" >&2
    exit 2
}

curl_ok() {
    (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null
}

# It writes what it has kept back of its log, and ends.
nginx_stop() {
    [ -n "$nginx_pid" ] || return 0
    kill -QUIT "$nginx_pid" 2>/dev/null || true
    wait "$nginx_pid" 2>/dev/null || true
    nginx_pid=
}

# target ADDRESSES: the section of a rehearsal for the nginx above.
target() {
    local n addresses=
    for ((n = 1; n <= $1; n++)); do
        addresses+="${addresses:+, }\"127.0.0.$n:$PORT\""
    done
    printf '\n[target.url]\nbase = "http://hot.test:%s"\nresolve = [%s]\n' "$PORT" "$addresses"
}

# everybody VIEWERS SECONDS LEAD_IN_MS: the sections of an audience that is there and stays.
everybody() {
    cat >"$folder/everybody.toml" <<END
name = "everybody"
about = "as many all the time"

[view_length]
lognormal = { mu = 12, sigma = 0 }
grade = "M"

[[days]]
name = "flat"
minutes_grade = "M"
points = [{ minute = 0, viewers = $1, grade = "M" }, { minute = 1000, viewers = $1, grade = "M" }]
END
    cat <<END

[clock]
speed = 1

[audience]
model = "everybody.toml"
day = "flat"
from_min = 0
to_min = $(awk -v s="$2" 'BEGIN { printf "%.9f", s / 60 }')
scale = 1
lead_in_ms = $3
END
}

# journey NAME STEPS…: a journey that tries nothing twice.
journey() {
    local name=$1 step
    shift
    printf 'name = "%s"\nretry = { none = {} }\n' "$name" >"$folder/$name.toml"
    for step in "$@"; do
        printf '\n[[step]]\n%s\n' "$step" >>"$folder/$name.toml"
    done
}

# Starts a rehearsal as $hulk_pid; `hulk_end` waits for it.
hulk_start() {
    local file=$1
    shift
    rm -rf "$folder/runs"
    "$HULK" rehearse --quiet --runs "$folder/runs" "$@" "$file" >"$folder/hulk" 2>&1 </dev/null &
    hulk_pid=$!
}

# Sets `run`, the run's folder, and `verdict_of_run`; what is no PASS is told.
hulk_end() {
    local exit=0
    wait "$hulk_pid" || exit=$?
    run=$(find "$folder/runs" -mindepth 1 -maxdepth 1 2>/dev/null | head -n 1)
    verdict_of_run=$(verdict "$exit")
    if [ "$exit" != 0 ]; then
        tail -n 20 "$folder/hulk" >&2
        failures=$((failures + 1))
    fi
    [ -n "$run" ]
}

# Waits until so many seconds after the first event of the run that was started, or until it has ended.
wait_for_window() {
    local n
    for ((n = 0; n < 600; n++)); do
        ! compgen -G "$folder/runs/*/record/events.jsonl" >/dev/null || break
        sleep 0.1
    done
    for ((n = 0; n < $1; n++)); do
        kill -0 "$hulk_pid" 2>/dev/null || return 0
        sleep 1
    done
}

# The workers of a run: those that it has started, or itself where it has none.
workers_of() {
    local children
    children=$(cat "/proc/$1/task/"*/children 2>/dev/null || true)
    echo "${children:-$1}"
}

# pss_kib PID…: their proportional set sizes, each counted once.
pss_kib() {
    local pid
    for pid in $(printf '%s\n' "$@" | sort -u); do
        cat "/proc/$pid/smaps_rollup" 2>/dev/null || true
    done | awk '/^Pss:/ { n += $2 } END { print n + 0 }'
}

# per A B: A ÷ B.
per() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

# Memory of the kernel that connections take: its own structures, and what stands in their buffers. It is
# of the whole machine: only differences say something, while nothing else runs.
kernel_kib() {
    awk -v page="$(getconf PAGESIZE)" '
        /^SUnreclaim:/ { n += $2 }
        /^TCP:/ { for (i = 1; i < NF; i++) if ($i == "mem") n += $(i + 1) * page / 1024 }
        END { printf "%d", n }' /proc/meminfo /proc/net/sockstat
}

# figure WHAT ARGUMENTS…: prints rows of figures; where one is not as it must be, that is a failure.
figure() {
    PYTHONDONTWRITEBYTECODE=1 python3 "$HOT/figures.py" "$@" || failures=$((failures + 1))
}
