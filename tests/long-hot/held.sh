# Viewers who are held: a connection each and a heartbeat a minute, over several workers. No address has
# more connections than half of the local ports: from there on, Linux searches thousands of ports for each.
#   VIEWERS=20000 HOLD_S=30 tests/long held

held() {
    local viewers=${VIEWERS:-200000} hold_s=${HOLD_S:-300} addresses=${ADDRESSES:-16} workers lead_in_s
    workers=${WORKERS:-$(workers_for "$viewers")}
    lead_in_s=$(lead_in_s "$viewers")
    nginx_start "$(workers_for "$viewers")" "$addresses"
    journey beat \
        'after = { name = "join", service = "held", get = "/join", on_resume = true }' \
        'every = { name = "beat", service = "held", get = "/beat", period_s = 60 }'
    {
        printf 'name = "held"\nseed = 1\njourneys = ["beat.toml"]\n'
        everybody "$viewers" "$hold_s" "${lead_in_s}000"
        target "$addresses"
    } >"$folder/held.toml"
    hot_heading "VIEWERS=$viewers HOLD_S=$hold_s tests/long held"
    local before_kib hulk_kib nginx_kib kernel_kib
    before_kib=$(kernel_kib)
    hulk_start "$folder/held.toml" --workers "$workers"
    wait_for_window $((lead_in_s + hold_s / 2))
    # shellcheck disable=SC2046
    hulk_kib=$(pss_kib "$hulk_pid" $(workers_of "$hulk_pid"))
    # shellcheck disable=SC2046
    nginx_kib=$(pss_kib "$nginx_pid" $(workers_of "$nginx_pid"))
    kernel_kib=$(($(kernel_kib) - before_kib))
    if hulk_end; then
        nginx_stop
        printf '| held | |\n|---|---|\n| verdict | %s |\n| worker processes | %s |\n' "$verdict_of_run" "$workers"
        figure held "$run" "$folder/nginx/access.log" "$viewers"
        printf '| memory of HULK, all its processes (PSS) | %s MiB |\n' $((hulk_kib / 1024))
        printf '| of it a viewer | %s KiB |\n' "$(per "$hulk_kib" "$viewers")"
        printf '| memory of nginx, all its processes (PSS) | %s MiB |\n' $((nginx_kib / 1024))
        printf '| memory of the kernel for connections, both ends | %.0f MiB |\n' "$(per "$kernel_kib" 1024)"
    fi
    nginx_stop
}
