# What a connected viewer costs in memory, idle and streaming, by the worker processes' PSS, what a process
# takes by itself included.
#   VIEWERS=10000 WORKERS=2 tests/long memory

memory() {
    local viewers=${VIEWERS:-50000} workers=${WORKERS:-4} addresses=${ADDRESSES:-4}
    local hold_s=${HOLD_S:-60} lead_in_s
    lead_in_s=$(lead_in_s "$viewers")
    nginx_start "$(workers_for "$viewers")" "$addresses"
    journey idle \
        'after = { name = "join", service = "memory", get = "/join", on_resume = true }' \
        'every = { name = "beat", service = "memory", get = "/beat", period_s = 60 }'
    journey streaming \
        'after = { name = "join", service = "memory", get = "/join", on_resume = true }' \
        'hls = { service = "memory", master = "/live/master.m3u8", kbps_max = 1000, join_segments = 3 }' \
        'every = { name = "beat", service = "memory", get = "/beat", period_s = 60 }'
    stream_start
    hot_heading "VIEWERS=$viewers WORKERS=$workers tests/long memory"
    echo "| viewers | verdict | worker | PSS MiB | KiB a viewer | the kernel's for connections, both ends, KiB a viewer |"
    echo '|---|---|---|---|---|---|'
    one_memory idle
    one_memory streaming
    stream_stop
    nginx_stop
}

# Rows for one journey; the variables are those of `memory`.
one_memory() {
    local kind=$1 before_kib kernel_kib rows='' number=0 pid kib all_kib=0
    {
        printf 'name = "memory-%s"\nseed = 1\njourneys = ["%s.toml"]\n' "$kind" "$kind"
        everybody "$viewers" "$hold_s" "${lead_in_s}000"
        target "$addresses"
    } >"$folder/memory-$kind.toml"
    before_kib=$(kernel_kib)
    hulk_start "$folder/memory-$kind.toml" --workers "$workers"
    wait_for_window $((lead_in_s + hold_s * 3 / 4))
    kernel_kib=$(($(kernel_kib) - before_kib))
    for pid in $(workers_of "$hulk_pid"); do
        kib=$(pss_kib "$pid")
        rows+="$number $kib"$'\n'
        number=$((number + 1))
        all_kib=$((all_kib + kib))
    done
    hulk_end || true
    while read -r number kib; do
        [ -z "$number" ] || printf '| %s %s | | %s | %s | %s | |\n' "$viewers" "$kind" "$number" $((kib / 1024)) \
            "$(per "$kib" "$(per "$viewers" "$workers")")"
    done <<<"$rows"
    printf '| %s %s | %s | all | %s | %s | %s |\n' "$viewers" "$kind" "$verdict_of_run" $((all_kib / 1024)) \
        "$(per "$all_kib" "$viewers")" "$(per "$kernel_kib" "$viewers")"
}

# A live stream of small segments: the playlist is written anew every ten seconds.
stream_start() {
    local live=$folder/nginx/live
    chmod 711 "$folder"
    head -c "${SEGMENT_BYTES:-10000}" /dev/zero >"$live/segment.ts"
    printf '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000\nmedia.m3u8\n' >"$live/master.m3u8"
    (
        while true; do
            now=$(($(date +%s) / 10))
            {
                printf '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:%s\n' $((now - 5))
                for number in 5 4 3 2 1; do
                    printf '#EXTINF:10.0,\n%s.ts\n' $((now - number))
                done
            } >"$live/next"
            mv "$live/next" "$live/media.m3u8"
            sleep $((10 - $(date +%s) % 10))
        done
    ) &
    stream_pid=$!
    sleep 0.2
}

stream_stop() {
    kill "$stream_pid" 2>/dev/null || true
    wait "$stream_pid" 2>/dev/null || true
}
