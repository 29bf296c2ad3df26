# Everybody does the same at one instant, or within a while: how late the last request is sent.
#   USERS="2000" tests/long mass

mass() {
    hot_heading "tests/long mass"
    echo '| users | workers | within s | verdict | first sent ms | last due ms | last sent ms | sent − due: p50 ms | p99 ms | maximum ms |'
    echo '|---|---|---|---|---|---|---|---|---|---|'
    local users
    for users in ${USERS:-10000}; do
        one_mass "$users" 1 1
        one_mass "$users" 1 0
    done
    [ -n "${USERS:-}" ] || one_mass 100000 "$(workers_for 100000)" 2
}

# one_mass USERS WORKERS WITHIN_S: its row. Times are since the moment.
one_mass() {
    local users=$1 workers=$2 within_s=$3 addresses=${ADDRESSES:-8} at_s=5
    nginx_start "$(workers_for "$users")" "$addresses"
    journey present 'after = { name = "join", service = "mass", get = "/join", on_resume = true }'
    journey act 'after = { name = "act", service = "mass", get = "/act" }'
    {
        printf 'name = "mass"\nseed = 1\njourneys = ["present.toml"]\n\n[on]\nact = { journey = "act.toml" }\n'
        printf '\n[load]\nmass_action = { users = %s, at_s = %s, within_s = %s }\n' "$users" "$at_s" "$within_s"
        printf 'lead_in_ms = %s\n' "$(lead_in_s "$users")000"
        target "$addresses"
    } >"$folder/mass.toml"
    hulk_start "$folder/mass.toml" --workers "$workers" --raw
    if hulk_end; then
        figure mass "$run" "$users" "$workers" "$at_s" "$within_s" "$verdict_of_run"
    fi
    nginx_stop
}
