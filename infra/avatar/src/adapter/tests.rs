use hulk_settings::Problem;

use super::*;

/// The parts that every file needs.
const REST: &str = "[socket]\npath = \"/ws\"\n[uplink]\npcm_binary = {}\n[downlink]\nprotobuf = { \
                    audio = 2 }\n";

fn shipped(name: &str) -> Adapter {
    Adapter::read(&Adapter::shipped(name).unwrap()).unwrap()
}

fn of(text: &str) -> Adapter {
    Adapter::read(&Source::new("a.toml", format!("{text}\n{REST}"))).unwrap()
}

fn problems(text: &str) -> Vec<Problem> {
    Adapter::read(&Source::new("a.toml", text)).unwrap_err().list
}

fn messages(text: &str) -> Vec<String> {
    problems(text).into_iter().map(|problem| problem.message).collect()
}

#[test]
fn shipped_adapters_are_read_and_survive_the_way_to_a_worker() {
    assert!(Adapter::shipped("rapido").is_none());
    for name in Adapter::shipped_names() {
        let adapter = shipped(name);
        assert_eq!((adapter.nominal_fps(), adapter.steps().len()), (25.0, 1), "{name}");
        let text = serde_json::to_string(&adapter).unwrap();
        assert_eq!(serde_json::from_str::<Adapter>(&text).unwrap(), adapter, "{name}");
    }
    assert_eq!(shipped("rapido_ws").message_bytes_max(), 1 << 20);
}

#[test]
fn a_caller_is_admitted_step_by_step() {
    let adapter = shipped("rapido_ws");
    let (mut names, step) = (adapter.names(7, "room 1"), &adapter.steps()[0]);
    let request = step.request(&names);
    assert_eq!((&request.method[..], &request.path[..]), ("POST", "/api/v1/livekit/token"));
    assert_eq!(request.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    let body: Value = serde_json::from_str(&request.body.unwrap()).unwrap();
    let told = (body["lessonId"].as_str(), body["sessionId"].as_str());
    assert_eq!(told, (Some("7"), Some("room 1")));
    let answer = br#"{"room":"lesson_7","serverUrl":"ws://h","token":"t"}"#;
    assert_eq!(adapter.answered(step, 200, answer, &mut names), Ok(()));
    assert_eq!(names.get("room"), Some("lesson_7"));
    assert_eq!(
        adapter.socket_path(&names),
        "/ws/audio_to_video?avatar_name=anchor&sample_rate=16000&background_url=&session=room%201"
    );
}

#[test]
fn a_later_step_knows_what_an_earlier_one_extracted() {
    let adapter =
        of("[[admission]]\nmethod = \"POST\"\npath = \"/a\"\nextract = { id = \"/id\" }\n\
                      [[admission]]\npath = \"/b/{id}\"\nheaders = { x = \"{id}\" }");
    let mut names = adapter.names(1, "s");
    let [first, second] = adapter.steps() else { panic!("two steps") };
    assert_eq!(adapter.answered(first, 200, br#"{"id":4}"#, &mut names), Ok(()));
    let request = second.request(&names);
    assert_eq!((&request.method[..], &request.path[..]), ("GET", "/b/4"));
    assert_eq!(request.headers, [("x".to_owned(), "4".to_owned())]);
    assert_eq!(request.body, None);
}

#[test]
fn each_dialect_of_full_is_capacity() {
    let (plain, offer) = (shipped("rapido_ws"), shipped("offer_answer"));
    let upgrade = |status| Told::answer(Phase::Upgrade, status, "");
    for told in [
        upgrade(403),
        upgrade(429),
        upgrade(503),
        Told::answer(Phase::Admission, 429, "slow down"),
        Told::answer(Phase::Upgrade, 200, r#"{"code":-1,"msg":"x"}"#),
        Told::closed(1008, "room is full"),
        Told::closed(1011, "Maximum concurrent streams"),
        Told::closed(1011, "at CAPACITY."),
        Told::closed(1013, ""),
    ] {
        assert_eq!(plain.classify(&told), Cause::Capacity, "{told:?}");
    }
    for adapter in [&plain, &offer] {
        let (step, mut names) = (&adapter.steps()[0], adapter.names(1, "s"));
        let full = adapter.answered(step, 200, br#"{"code":-1}"#, &mut names);
        assert_eq!(full, Err(Cause::Capacity));
        assert_eq!(names, adapter.names(1, "s"));
    }
    let vendor = shipped("json_base64");
    let (step, mut names) = (&vendor.steps()[0], vendor.names(1, "s"));
    assert_eq!(vendor.answered(step, 429, b"", &mut names), Err(Cause::Capacity));
    assert_eq!(vendor.classify(&Told::closed(4000, "your QUOTA is used")), Cause::Capacity);
}

#[test]
fn other_ends_have_their_usual_cause() {
    let adapter = shipped("rapido_ws");
    let admission = |status| Told::answer(Phase::Admission, status, "");
    for (told, cause) in [
        (admission(401), Cause::Auth),
        (admission(403), Cause::Auth),
        (admission(404), Cause::NotReady),
        (admission(409), Cause::NotReady),
        (admission(400), Cause::Client),
        (admission(302), Cause::Server),
        (admission(500), Cause::Server),
        (Told::answer(Phase::Upgrade, 200, r#"{"code":0}"#), Cause::Server),
        (Told::closed(1000, ""), Cause::Server),
        (Told::closed(1001, "we go down gracefully"), Cause::Server),
        (Told::closed(1002, ""), Cause::Server),
        (Told::closed(1005, ""), Cause::Server),
        (Told::closed(1006, ""), Cause::Network),
        (Told::closed(1008, "no token"), Cause::Auth),
        (Told::closed(1009, ""), Cause::Client),
        (Told::closed(1011, "CUDA error"), Cause::Server),
        (Told::nothing(Phase::Open), Cause::Network),
    ] {
        assert_eq!(adapter.classify(&told), cause, "{told:?}");
    }
}

#[test]
fn an_answer_as_expected_may_be_a_refusal() {
    let adapter = shipped("rapido_ws");
    let (step, mut names) = (&adapter.steps()[0], adapter.names(1, "s"));
    let mut answered = |body: &str| adapter.answered(step, 200, body.as_bytes(), &mut names);
    assert_eq!(answered("{}"), Err(Cause::Server));
    assert_eq!(answered(r#"{"room":null}"#), Err(Cause::Server));
    // All that is wanted is there, whatever the code means.
    assert_eq!(answered(r#"{"room":"r","code":200}"#), Ok(()));
    let plain = of("[[admission]]\npath = \"/a\"\n");
    let (step, mut names) = (&plain.steps()[0], plain.names(1, "s"));
    let mut answered = |body: &str| plain.answered(step, 200, body.as_bytes(), &mut names);
    assert_eq!(answered(r#"{"code":5}"#), Err(Cause::Capacity));
    assert_eq!(answered(r#"{"code":0}"#), Ok(()));
    assert_eq!(answered("fine"), Ok(()));
}

#[test]
fn the_first_rule_that_fits_counts() {
    let adapter = of("[[classify]]\nphase = \"open\"\nclose_code = 4001\nreason_contains = \
                      \"Bye\"\ncause = \"client\"\n[[classify]]\npointer = { path = \"/e\", not = \
                      \"0\" }\ncause = \"not_ready\"\n[[classify]]\nstatus = 500\ncause = \
                      \"network\"");
    for (told, cause) in [
        (Told::closed(4001, "good bye"), Cause::Client),
        (Told::closed(4001, "so long"), Cause::Server),
        (Told::answer(Phase::Upgrade, 500, r#"{"e":1}"#), Cause::NotReady),
        (Told::answer(Phase::Upgrade, 500, r#"{"e":"0"}"#), Cause::Network),
        (Told::answer(Phase::Upgrade, 500, "{}"), Cause::Network),
        (Told::answer(Phase::Upgrade, 503, ""), Cause::Capacity),
    ] {
        assert_eq!(adapter.classify(&told), cause, "{told:?}");
    }
}

const WRONG: &str = r#"
avatar = "anchor"
[[admission]]
method = "FETCH"
path = "token"
body = '{"room":"{rom}"}'
headers = { x = "{sess}" }
extract = { session = "/a", "b c" = "/b", token = "c" }
[[admission]]
path = "/rooms/{tokn}"
expect = 200
[socket]
path = "/ws?s={sesion}"
[uplink]
json_base64 = { template = '{"audio":"{audi}"}' }
rate_hz = 22_050
chunk_ms = 5
pacing = "slow"
start_marker = {}
[downlink]
protobuf = { video = 1, audio = 1 }
width = 2
[[classify]]
status = 403
close_code = 1011
pointer = { path = "code", not = "0" }
cause = "full"
"#;

#[test]
fn golden_every_problem_of_a_file_is_shown_at_once() {
    assert_eq!(
        messages(WRONG),
        [
            "`FETCH` is not one of `DELETE`, `GET`, `PATCH`, `POST`, `PUT`",
            "`path` is `token`: it must start with `/`",
            "`{rom}` is not known here",
            "`{sess}` is not known here",
            "`session` is known already",
            "`b c` cannot be a name: `{b c}` would be no slot",
            "the JSON pointer `c` must start with `/`",
            "`{tokn}` is not known here",
            "unknown key `expect` in admission[1]",
            "`{sesion}` is not known here",
            "`template` must hold `{audio}` once",
            "`rate_hz` is 22050: it must be a multiple of 1000",
            "`chunk_ms` is 5: it must be from 10 to 1000",
            "`slow` is not one of `burst`, `realtime`",
            "expected one of `binary`, `text` here",
            "field 1 is mapped twice",
            "`width` and `height` belong together: one of them is 0 or missing",
            "`status` and `close_code` never come together",
            "the JSON pointer `code` must start with `/`",
            "`full` is not one of `auth`, `capacity`, `client`, `network`, `not_ready`, `server`",
        ]
    );
    assert_eq!(problems(WRONG)[9].hint.as_deref(), Some("did you mean `session`?"));
}

#[test]
fn golden_what_is_missing_is_named() {
    assert_eq!(
        messages(""),
        [
            "`downlink` is missing in the file: a table is expected",
            "`socket` is missing in the file: a table is expected",
            "`uplink` is missing in the file: a table is expected",
        ]
    );
    let none = "[socket]\npath = \"/\"\n[uplink]\n[downlink]\njson = { start_speech = \"/s\" }\n\
                width = 40\nheight = 40\nmessage_bytes_max = 4_000\n";
    assert_eq!(
        messages(none),
        [
            "expected one of `json_base64`, `pcm_binary` here",
            "at least one of `audio`, `video` is expected here",
            "a picture has 4800 bytes: it would never come",
        ]
    );
}

#[test]
fn a_message_of_the_backend_is_checked() {
    let text = "[socket]\npath = \"/ws\"\n[uplink]\npcm_binary = {}\n[downlink]\nprotobuf = { video \
                = 1, audio = 2, start_speech = 3, end_speech = 4 }\nwidth = 3\nheight = 2\n\
                message_bytes_max = 1_024\n";
    let downlink = Adapter::read(&Source::new("a.toml", text)).unwrap().downlink;
    let message = |video: &[u8], audio: &[u8]| {
        crate::wire::FrameMessage { video, audio, start_speech: false, end_speech: false }.encode()
    };
    // The middle of 3 × 2 pixels is the second of the second row: (1 · 3 + 1) · 3 = 12.
    let mut picture = [0; 18];
    picture[12] = 129;
    let heard = downlink.heard(&message(&picture, &[1, 0])).unwrap().unwrap();
    assert_eq!((heard.mouth_open, heard.samples, heard.is_frame), (Some(true), vec![1], true));
    picture[12] = 128;
    let heard = downlink.heard(&message(&picture, &[])).unwrap().unwrap();
    assert_eq!((heard.mouth_open, heard.samples, heard.is_frame), (Some(false), Vec::new(), true));
    let heard = downlink.heard(&message(&[], &[1, 0])).unwrap().unwrap();
    assert_eq!((heard.mouth_open, heard.is_frame), (None, false));
    assert_eq!(downlink.heard(&[]), Ok(None));
    for (message, wrong) in [
        (message(&[0; 17], &[]), "a picture has 17 bytes: 18 were expected"),
        (message(&picture, &[1]), "the audio has an odd number of bytes: 2 a sample were expected"),
        (vec![0; 1_025], "a message has 1025 bytes: at most 1024 are allowed"),
        (vec![0x0b], "wire type 3 is not read: expected 0, 1, 2 or 5"),
    ] {
        assert_eq!(downlink.heard(&message).unwrap_err().to_string(), wrong);
    }
}
