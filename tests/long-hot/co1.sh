# A server that answers nothing for a second, seen by HULK and by oha with its correction: both must
# count as many slow answers. OHA=path; benches/peers/run installs it.

co1() {
    local oha=${OHA:-${CARGO_TARGET_DIR:-target}/peers/oha/bin/oha} pid
    [ -x "$oha" ] || { echo "tests/long: $oha is missing: benches/peers/run --only oha installs it" >&2; exit 2; }
    hot_heading "tests/long co1"
    echo '| generator | requests | longer than 100 ms | p99 ms | maximum ms |'
    echo '|---|---|---|---|---|'
    stalling
    journey ask 'after = { name = "ask", service = "stall", get = "/" }'
    {
        printf 'name = "co1"\nseed = 1\njourneys = ["ask.toml"]\n\n[generator]\nusers_max = 1500\n\n[load]\n'
        printf 'constant_arrival_rate = { per_s = 1000, duration_s = 10 }\n'
        printf '\n[target.url]\nbase = "http://127.0.0.1:%s"\n' "$PORT"
    } >"$folder/co1.toml"
    hulk_start "$folder/co1.toml" --raw
    hulk_end || true
    kill "$pid"
    stalling
    # It waits for the answers that are under way at its end.
    "$oha" --no-tui --output-format csv --latency-correction --disable-color -q 1000 -c 1200 -z 10s -w \
        "http://127.0.0.1:$PORT/" >"$folder/oha.csv" 2>"$folder/oha" || cat "$folder/oha" >&2
    kill "$pid"
    figure co1 "$run" "$folder/oha.csv"
}

# A fresh server, as $pid; sets PORT.
stalling() {
    local n
    PORT=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
    python3 benches/peers/stall.py "$PORT" &
    pid=$!
    for ((n = 0; n < 100; n++)); do
        ! listens || return 0
        sleep 0.1
    done
}

# Whether somebody listens on PORT; a connection would be the server's first.
listens() {
    awk -v port="$(printf ':%04X' "$PORT")" '$4 == "0A" && $2 ~ port "$" { found = 1 } END { exit !found }' /proc/net/tcp
}
