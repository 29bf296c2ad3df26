use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use hulk_settings::{Problems, Source, read};

use super::*;

/// A certificate in form only: what is in it is for those who verify with it.
const PEM: &str = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";

/// A folder with `ca.pem`, `other.pem` and `empty.pem`, written once: tests read it side by side.
fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = std::env::temp_dir().join(format!("hulk-target-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("ca.pem"), PEM).unwrap();
        std::fs::write(folder.join("other.pem"), PEM.replace("MAMCAQE=", "MAMCAQI=")).unwrap();
        std::fs::write(folder.join("empty.pem"), "").unwrap();
        folder
    });
    &FOLDER
}

fn own(text: &str) -> Result<Target, Problems> {
    let source = Source::new("test.toml", text);
    let services = ["shop", "api", "media"].map(str::to_owned);
    let compiled =
        read(&source, |root| Some(UrlSettings::read(root, folder())?.compile(&services)));
    compiled.map(Target::Url)
}

/// Each problem as `line: message (hint)`.
fn problems(text: &str) -> Vec<String> {
    let problems = own(text).expect_err("it has problems");
    let told = problems.list.iter().map(ToString::to_string);
    told.map(|told| told.replace("test.toml:", "").replace(&format!("{}/", folder().display()), ""))
        .collect()
}

#[test]
fn services_with_the_same_settings_share_an_origin() {
    let target = own("base = \"http://shop.test\"\nresolve = \"127.0.0.1:8080\"\n\
         headers = { \"X-Tenant\" = \"t1\" }\n\
         [service.api]\nbase = \"http://127.0.0.1:9000\"\n")
    .unwrap();
    let origins = target.origins(&[]);
    assert_eq!(origins.len(), 2);
    let places: Vec<usize> = (0..3).map(|service| target.destination(7, service)).collect();
    assert_eq!(places, [0, 1, 0]);
    assert_eq!(target.connections_per_viewer(), 2);
    let shop = &origins[0];
    assert_eq!(shop.way.contacts()[0].to_string(), "127.0.0.1:8080");
    assert_eq!((&*shop.host, &*shop.base), ("shop.test", "http://shop.test"));
    // One service's headers are all of its headers; without a key they are those of all.
    for origin in &origins {
        assert_eq!(origin.headers, [("x-tenant".to_owned(), Secret::new("t1"))]);
    }
    assert_eq!(target.name(), "http://shop.test at 127.0.0.1:8080 and http://127.0.0.1:9000");
    assert!(!format!("{target:?}").contains("t1"), "a header's value is not shown: {target:?}");
    let bytes = postcard::to_stdvec(&target).unwrap();
    assert_eq!(postcard::from_bytes::<Target>(&bytes).unwrap(), target);
}

#[test]
fn a_service_changes_what_it_names_and_takes_over_the_rest() {
    let target =
        own("base = \"https://shop.test:8443\"\nresolve = \"127.0.0.1\"\nca = \"ca.pem\"\n\
         [service.api]\nresolve = \"[::1]:9\"\nheaders = {}\n\
         [service.media]\nca = \"other.pem\"\n")
        .unwrap();
    let told: Vec<String> = target
        .origins(&[])
        .into_iter()
        .map(|origin| {
            let tls = origin.tls.unwrap();
            format!("{} {} {} {}", origin.host, origin.way.contacts()[0], tls.name, tls.trust)
        })
        .collect();
    let wanted = [
        "shop.test:8443 127.0.0.1:8443 shop.test 0",
        "shop.test:8443 [::1]:9 shop.test 0",
        "shop.test:8443 127.0.0.1:8443 shop.test 1",
    ];
    assert_eq!(told, wanted);
    assert_eq!(target.trusts().len(), 2);
}

#[test]
fn an_origin_that_nobody_asks_is_none() {
    let target = own("base = \"http://127.0.0.1:1\"\n\
         [service]\nshop = { base = \"http://127.0.0.1:2\" }\n\
         api = { base = \"http://127.0.0.1:2\" }\nmedia = { base = \"http://127.0.0.1:2\" }\n")
    .unwrap();
    assert_eq!(target.name(), "http://127.0.0.1:2");
    // A host that is an address gives its certificate's name without brackets.
    let target = own("base = \"https://[::1]:4\"\nca = \"ca.pem\"").unwrap();
    let origin = target.origins(&[]).remove(0);
    assert_eq!((origin.tls.unwrap().name.as_str(), origin.host.as_str()), ("::1", "[::1]:4"));
}

#[test]
fn headers_come_from_the_file_or_from_the_environment() {
    let target = own("base = \"http://127.0.0.1:8080\"\n\
         headers = { a = \"1\", B = { env = \"CARGO_PKG_NAME\" } }")
    .unwrap();
    let headers = &target.origins(&[])[0].headers;
    let told: Vec<(&str, &str)> = { headers.iter() }.map(|(n, v)| (&**n, v.reveal())).collect();
    assert_eq!(told, [("a", "1"), ("b", env!("CARGO_PKG_NAME"))]);
}

#[test]
fn consent_is_for_where_the_connection_goes() {
    // The name is somebody's, the address is ours.
    for resolve in ["127.0.0.1", "127.1.2.3:9", "::1", "[::1]", "[::1]:9"] {
        let text = format!("base = \"http://example.com\"\nresolve = \"{resolve}\"");
        assert!(own(&text).is_ok(), "{resolve}");
    }
    for resolve in ["10.0.0.1", "0.0.0.0:80", "[2001:db8::1]:80", "::ffff:8.8.8.8"] {
        let told = problems(&format!("base = \"http://localhost\"\nresolve = \"{resolve}\""));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("2:11: no consent: "), "{told:?}");
    }
    for resolve in ["localhost", "127.0.0.1:0", "127.0.0.1:70000", "", "[127.0.0.1]:80"] {
        let told = problems(&format!("base = \"http://localhost\"\nresolve = \"{resolve}\""));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("is neither an address nor an address and a port"), "{told:?}");
    }
    // Where a service has its own base, the whole's `resolve` is not for it.
    let told = problems(
        "base = \"http://shop.test\"\nresolve = \"127.0.0.1\"\n\
         [service.api]\nbase = \"http://api.test\"\n",
    );
    assert_eq!(
        told,
        ["4:8: no consent: `api.test` would have to be looked up, which already sends something: \
          name a loopback address (127.0.0.1, [::1]) or `localhost` (nothing has been sent; aim it \
          at this machine's loopback, for example with `resolve = \"127.0.0.1\"`)"]
    );
}

#[test]
fn golden_every_problem_is_shown_at_once_and_no_secret() {
    let text = r#"
base = "https://hidden:word@shop.test"
resolve = "example.com"
ca = "no.pem"
resolv = "127.0.0.1"

[headers]
host = "secret-1"
"X-Hulk-Request" = "secret-2"
"a b" = "secret-3"
X-A = "secret-4"
x-a = "secret-5"
authorization = { env = "HULK_NOT_SET" }
token = "secret-6é"
number = 7
cookie = "secret-8"
other = { file = "x" }

[service.apii]
base = "http://10.0.0.1"
ca = "empty.pem"

[service.media]
base = "https://localhost"
"#;
    let told = problems(text);
    let wanted = [
        "2:8: this cannot be a target: a name and a password do not belong into it; send them as a \
         header (for example `base = \"http://127.0.0.1:8080\"`)",
        "3:11: `example.com` is neither an address nor an address and a port (for example \
         `resolve = \"127.0.0.1\"` or `resolve = \"127.0.0.1:8443\"`)",
        "4:6: no.pem: No such file or directory (os error 2) (it has the certificate of whoever \
         signed the server's; on Debian `/etc/ssl/certs/ca-certificates.crt` has the public ones)",
        "5:1: unknown key `resolv` in this file (did you mean `resolve`?)",
        "8:8: header `host` may not be set: HULK writes it itself (leave it out)",
        "9:20: header `X-Hulk-Request` may not be set: HULK writes it itself (leave it out)",
        "10:9: header `a b` may not be set: its name is not valid (letters, digits and `-`, for \
         example `x-tenant`)",
        "12:7: header `x-a` may not be set: it is there twice (names differ in more than upper and \
         lower case)",
        "13:17: header `authorization`: the environment has no `HULK_NOT_SET`: set it and start \
         again (for example `HULK_NOT_SET=… hulk rehearse FILE`)",
        "14:9: the value of header `token` cannot be sent: it may only hold visible ASCII letters \
         and spaces (is there a line end in it?)",
        "15:10: header `number` must be a text (`number = \"…\"`, or `number = { env = \"…\" }`)",
        "16:10: header `cookie` may not be set: each viewer keeps the cookies that the answers set \
         (let an answer set it with `set-cookie`)",
        "17:1: `env` is missing in headers.other: a text is expected (add `env = …`)",
        "17:11: unknown key `file` in headers.other (known here: `env`)",
        "20:8: no consent: 10.0.0.1 is not loopback: this HULK touches only 127.0.0.0/8, [::1] and \
         `localhost` (nothing has been sent; aim it at this machine's loopback)",
        "21:6: empty.pem: there is no certificate in it: `-----BEGIN CERTIFICATE-----` is expected \
         (it has the certificate of whoever signed the server's; on Debian \
         `/etc/ssl/certs/ca-certificates.crt` has the public ones)",
    ];
    assert_eq!(told, wanted, "{told:#?}");
    assert!(!told.concat().contains("secret") && !told.concat().contains("hidden"));
}

#[test]
fn golden_what_is_missing_or_too_much() {
    let told = problems("resolve = \"127.0.0.1\"");
    assert_eq!(told, ["1:1: `base` is missing in the file: a text is expected (add `base = …`)"]);
    let told = problems("base = \"https://localhost\"");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("1:8: `https` needs to know who signs: `ca`"), "{told:?}");
    let useless = "nothing is encrypted here, so `ca` proves nothing (leave it out, or begin \
                   `base` with `https://`)";
    let told = problems("base = \"http://localhost\"\nca = \"ca.pem\"");
    assert_eq!(told, [format!("2:6: {useless}")]);
    let told = problems(
        "base = \"https://localhost\"\nca = \"ca.pem\"\n\
         [service.api]\nbase = \"http://localhost\"\nca = \"ca.pem\"",
    );
    assert_eq!(told, [format!("5:6: {useless}")]);
    let told =
        problems("base = \"http://localhost\"\n[service.ap]\nresolve = \"::1\"\n[service.carts]\n");
    assert_eq!(
        told,
        [
            "2:10: no step asks a service `ap` (did you mean `api`?)",
            "4:10: no step asks a service `carts` (the steps ask shop, api, media)",
        ]
    );
}

#[test]
fn a_ca_for_one_service_only_is_no_problem() {
    let text = "base = \"http://localhost\"\nca = \"ca.pem\"\n\
                [service.api]\nbase = \"https://localhost\"";
    let target = own(text).unwrap();
    assert_eq!(target.trusts().len(), 1);
    let encrypted: Vec<bool> = target.origins(&[]).iter().map(|o| o.tls.is_some()).collect();
    assert_eq!(encrypted, [false, true]);
}

#[test]
fn limits_of_phases_are_read_and_taken_over() {
    let target =
        own("base = \"http://127.0.0.1:1\"\ntimeouts = { connect_ms = 300, body_ms = 1.5 }\n\
         [service.api]\nbase = \"http://127.0.0.1:2\"\n\
         [service.media]\ntimeouts = { first_byte_ms = 20 }\n")
        .unwrap();
    let origins = target.origins(&[]);
    let told: Vec<[Option<u32>; 3]> = { origins.iter() }
        .map(|origin| {
            [Phase::Connect, Phase::FirstByte, Phase::Body].map(|p| origin.timeouts.of(p))
        })
        .collect();
    let whole = [Some(300_000), None, Some(1_500)];
    assert_eq!(told, [whole, whole, [None, Some(20_000), None]]);
}

#[test]
fn a_name_server_is_asked_only_where_the_file_names_one() {
    let text = "base = \"http://Shop.test\"\nresolve = { dns = \"127.0.0.1\" }\n\
                [service.api]\nresolve = [\"127.0.0.1\", \"[::1]:9\"]\n";
    let target = own(text).unwrap();
    assert_eq!(
        target.name(),
        "http://shop.test looked up at 127.0.0.1:53 and http://shop.test at 127.0.0.1:80, [::1]:9"
    );
    let ways: Vec<Way> = target.origins(&[]).into_iter().map(|origin| origin.way).collect();
    let (server, name) = ("127.0.0.1:53".parse().unwrap(), "shop.test".to_owned());
    assert_eq!(ways[0], Way::Named(LookUp { server, name, port: 80 }));
    let bytes = postcard::to_stdvec(&target).unwrap();
    assert_eq!(postcard::from_bytes::<Target>(&bytes).unwrap(), target);
    // A service at another base has a look-up of its own, or none.
    let told = problems(
        &text.replace("resolve = [\"127.0.0.1\", \"[::1]:9\"]", "base = \"http://a.test\""),
    );
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("4:8: no consent: `a.test` would have to be looked up"),
        "{told:?}"
    );
}
