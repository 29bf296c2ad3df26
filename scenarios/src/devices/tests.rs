use super::*;
use crate::choice::When;

const TWO: &str = r#"
[traits]
home = ["legacy", "composed"]
[device.tv]
share = 0.25
kbps_max = 5000
retry = { shaka = {} }
traits = { home = "legacy" }
[device.mobile]
share = 0.75
kbps_max = 400
headers = { User-Agent = "a", accept = "b" }
retry = { none = {} }
traits = { home = "composed" }
"#;

fn problems(text: &str) -> Vec<String> {
    let problems = Devices::read(&Source::new("test.toml", text)).expect_err("it has problems");
    problems.list.iter().map(ToString::to_string).collect()
}

#[test]
fn golden_two_devices() {
    let devices = Devices::read(&Source::new("test.toml", TWO)).unwrap();
    let choice = devices.choice();
    assert_eq!((choice.name.as_str(), choice.of), ("device", vec![0.75, 0.25]));
    assert_eq!(choice.values, ["mobile", "tv"]);
    let mobile = &devices.list[0];
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(mobile.headers, [header("user-agent", "a"), header("accept", "b")]);
    assert_eq!((mobile.kbps_max, &mobile.retry), (400.0, &Retry::None));
    assert_eq!(devices.headers(0), mobile.headers);
    assert_eq!((devices.kbps_max(1), devices.kbps_max(2)), (Some(5000.0), None));
    assert_eq!((devices.retry(1), devices.retry(2)), (Some(&Retry::Shaka), None));
    let [home] = &devices.trait_choices()[..] else { panic!("one trait") };
    assert_eq!((home.name.as_str(), &home.of[..]), ("home", &[0.75, 0.25][..]));
    assert_eq!(home.values, ["composed", "legacy"]);
    assert_eq!([devices.trait_of(0, 0), devices.trait_of(1, 0)], [0, 1]);
    let bytes = postcard::to_stdvec(&devices).unwrap();
    assert_eq!(postcard::from_bytes::<Devices>(&bytes).unwrap(), devices);
}

#[test]
fn every_problem_of_a_file_is_shown_at_once() {
    let text = TWO
        .replace("share = 0.25", "share = 0.5")
        .replace("\"legacy\" }", "\"legasy\" }")
        .replace("User-Agent", "\"user agent\"")
        .replace("traits = { home = \"composed\" }", "traits = { hom = \"composed\" }");
    assert_eq!(
        problems(&text),
        [
            "test.toml:8:10: `[traits]` does not know `legasy` (did you mean `legacy`?)",
            "test.toml:9:9: `traits` must say which `home` it has (one of `home = \"composed\"`, \
             `home = \"legacy\"`)",
            "test.toml:12:11: `user agent` is not the name of a header (for example `headers = { \
             user-agent = \"rehearsal\" }`)",
            "test.toml:14:10: `[traits]` does not know `hom` (did you mean `home`?)",
        ]
    );
    let sum = problems(&TWO.replace("share = 0.25", "share = 0.5"));
    assert_eq!(
        sum,
        ["test.toml:4:2: the shares of `device` sum to 1.25: it must be 1 (take away 0.25 in all)"]
    );
    let none = problems("traits = { home = \"legacy\" }");
    assert_eq!(
        none,
        [
            "test.toml:1:1: there is no device (add `[device.mobile]`)",
            "test.toml:1:19: `home` must be a list of its values",
        ]
    );
}

fn shipped() -> [(&'static str, Devices); 2] {
    let texts = [
        ("2019", include_str!("../../devices/2019.toml")),
        ("2025", include_str!("../../devices/2025.toml")),
    ];
    texts.map(|(name, text)| (name, Devices::read(&Source::new(name, text)).expect("valid")))
}

#[test]
fn shipped_devices_have_the_shares_of_their_years() {
    for ((name, devices), shares) in shipped().iter().zip([[0.85, 0.07, 0.08], [0.62, 0.32, 0.06]])
    {
        let choice = devices.choice();
        assert_eq!(choice.values, ["mobile", "tv", "web"], "{name}");
        assert_eq!(choice.of, shares, "{name}");
        let retries: Vec<&Retry> = devices.list.iter().map(|device| &device.retry).collect();
        assert_eq!(retries, [&Retry::ExoPlayer, &Retry::Shaka, &Retry::HlsJs], "{name}");
        assert!(
            devices.list.iter().all(|d| d.headers.iter().any(|(name, _)| name == "user-agent"))
        );
    }
}

/// A journey that asks for the legacy home page can be watched with the devices of either year.
#[test]
fn the_legacy_home_page_is_known_in_both_years() {
    let source = Source::new("test.toml", "when = { home = \"legacy\", device = \"tv\" }");
    let when = read(&source, |root| When::read_optional(root, "when")).unwrap();
    let holds = shipped().map(|(_, devices)| {
        let mut choices = vec![devices.choice()];
        choices.extend(devices.trait_choices());
        let when = when.compile(&choices).expect("known");
        [0, 1, 2].map(|device| when.holds(&[device, devices.trait_of(device, 0)]))
    });
    assert_eq!(holds, [[false, true, false], [false; 3]]);
}
