# How punctual many sends a second are on one core, beside a bare sleeper on the same core at the same time.
#   PER_S=2000 tests/long pacing

pacing() {
    local per_s=${PER_S:-20000} seconds=${HOLD_S:-10} addresses=${ADDRESSES:-8} core nginx_core pid
    read -r nginx_core core < <(python3 -c 'import os; print(*(sorted(os.sched_getaffinity(0)) * 2)[:2])')
    hot_heading "PER_S=$per_s tests/long pacing"
    nginx_start 1 "$addresses"
    # shellcheck disable=SC2046
    # What starts, waits and counts here keeps to the other core too: it would stand in the way of the sends.
    for pid in $$ "$nginx_pid" $(workers_of "$nginx_pid"); do
        taskset -apc "$nginx_core" "$pid" >/dev/null
    done
    journey ask 'after = { name = "ask", service = "pacing", get = "/ask" }'
    # A grid that each user keeps to, on a connection that stays.
    journey grid \
        'after = { name = "join", service = "pacing", get = "/join", on_resume = true }' \
        'every = { name = "tick", service = "pacing", get = "/tick", period_s = 0.25 }'
    {
        printf 'name = "pacing-arrivals"\nseed = 1\njourneys = ["ask.toml"]\n\n[load]\n'
        printf 'constant_arrival_rate = { per_s = %s, duration_s = %s }\n' "$per_s" "$seconds"
        target "$addresses"
    } >"$folder/pacing-arrivals.toml"
    {
        printf 'name = "pacing-grid"\nseed = 1\njourneys = ["grid.toml"]\n'
        everybody $((per_s / 4)) "$seconds" 5000
        target "$addresses"
    } >"$folder/pacing-grid.toml"
    echo "| sends | verdict | sends/s | p50 µs late | p99 µs | p99.9 µs | maximum µs | CPU of its core |"
    echo '|---|---|---|---|---|---|---|---|'
    one_pacing arrivals 0
    one_pacing grid 5
    nginx_stop
}

# one_pacing KIND LEAD_IN_S: its rows, the sleeper's first.
one_pacing() {
    local sleeper_pid
    rm -rf "$folder/runs"
    taskset -c "$core" "$HULK" rehearse --quiet --runs "$folder/runs" "$folder/pacing-$1.toml" \
        >"$folder/hulk" 2>&1 </dev/null &
    hulk_pid=$!
    wait_for_window "$2"
    python3 "$HOT/sleeper.py" "$((seconds - 1))" "$core" "$nginx_core" >"$folder/sleeper" &
    sleeper_pid=$!
    if hulk_end; then
        wait "$sleeper_pid"
        figure pacing "$run" "$1" "$verdict_of_run" "$per_s" "$(cat "$folder/sleeper")"
    fi
}
