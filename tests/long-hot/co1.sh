# nginx is stopped for a second in the midst of ten, seen by HULK and by oha with its correction: both must
# count as many slow answers. OHA=path; benches/peers/run installs it.

co1() {
    local oha=${OHA:-${CARGO_TARGET_DIR:-target}/peers/oha/bin/oha} stall_pid
    [ -x "$oha" ] || { echo "tests/long: $oha is missing: benches/peers/run --only oha installs it" >&2; exit 2; }
    hot_heading "tests/long co1"
    echo '| generator | requests | longer than 100 ms | p99 ms | maximum ms | the stop lasted s |'
    echo '|---|---|---|---|---|---|'
    nginx_start 1 1
    journey ask 'after = { name = "ask", service = "stall", get = "/" }'
    {
        printf 'name = "co1"\nseed = 1\njourneys = ["ask.toml"]\n\n[generator]\nusers_max = 1500\n\n[load]\n'
        printf 'constant_arrival_rate = { per_s = 1000, duration_s = 10 }\n'
        target 1
    } >"$folder/co1.toml"
    stall_start
    hulk_start "$folder/co1.toml" --raw
    hulk_end || true
    wait "$stall_pid"
    stall_start
    # It waits for the answers that are under way at its end.
    "$oha" --no-tui --output-format csv --latency-correction --disable-color -q 1000 -c 1200 -z 10s -w \
        "http://127.0.0.1:$PORT/" >"$folder/oha.csv" 2>"$folder/oha" || cat "$folder/oha" >&2
    wait "$stall_pid"
    # shellcheck disable=SC2046
    figure co1 "$run" "$folder/oha.csv" $(cat "$folder/stall")
    nginx_stop
}

# Stops nginx's worker for a second, five seconds from now, as $stall_pid; how long it was goes to `stall`.
stall_start() {
    # shellcheck disable=SC2046
    python3 "$HOT/stall.py" $(workers_of "$nginx_pid") 5 >>"$folder/stall" &
    stall_pid=$!
}
