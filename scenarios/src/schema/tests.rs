//! The schemas and the readers say the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use hulk_scaling::PlatformSpec;
use hulk_settings::{Problems, Source, read};
use hulk_traffic_models::Model;
use serde_json::{Map, Value};

use super::*;
use crate::devices::Devices;
use crate::{Journey, Rehearsal};

/// Files that have every table, and together every key that the shipped ones leave out.
const WHOLE: [(&str, &str); 6] = [
    ("rehearsal", include_str!("whole/rehearsal.toml")),
    ("own-target", include_str!("whole/own-target.toml")),
    ("journey", include_str!("whole/journey.toml")),
    ("devices", include_str!("whole/devices.toml")),
    ("platform", include_str!("whole/platform.toml")),
    ("model", include_str!("whole/model.toml")),
];

/// A rehearsal with an executor.
const RAMP: &str = include_str!("../../../docs/examples/executors/ramping-users.toml");
/// A service of one's own that is observed.
const OBSERVED: &str = "name = \"observed\"\njourneys = [\"front.toml\"]\n[load]\n\
                        constant_users = { users = 1, duration_s = 1 }\n[target.url]\n\
                        base = \"http://127.0.0.1:8080\"\n[observe.web]\nrated_rps = 40\n\
                        json = { url = \"http://127.0.0.1:80/status\", ready = \"/ready\" }\n";
/// An unknown key.
const UNKNOWN: &str = "zzzzzzzzzz";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A settings file of the project.
struct Shipped {
    name: String,
    kind: &'static str,
    folder: PathBuf,
    value: Value,
}

fn kind_of(value: &Value) -> &'static str {
    let kinds = [
        ("audience", "rehearsal"),
        ("load", "rehearsal"),
        ("step", "journey"),
        ("device", "devices"),
        ("media", "platform"),
        ("days", "model"),
    ];
    kinds.iter().find(|(key, _)| value.get(key).is_some()).expect("a known kind").1
}

fn value_of(text: &str) -> Value {
    serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
}

fn shipped() -> Vec<Shipped> {
    let folders = [
        "scenarios",
        "scenarios/journeys",
        "scenarios/devices",
        "scenarios/platforms",
        "scenarios/templates",
        "traffic-models/models",
        "docs/examples",
        "docs/examples/executors",
        "tests/whole-match",
    ];
    let mut files = Vec::new();
    for folder in folders.map(|folder| root().join(folder)) {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            if !name.ends_with(".toml") || name.ends_with("Cargo.toml") {
                continue;
            }
            let value = value_of(&std::fs::read_to_string(&path).unwrap());
            files.push(Shipped { name, kind: kind_of(&value), folder: folder.clone(), value });
        }
    }
    for (name, text) in WHOLE {
        let (name, value) = (format!("whole/{name}.toml"), value_of(text));
        let (kind, folder) = (kind_of(&value), root().join("scenarios"));
        files.push(Shipped { name, kind, folder, value });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(files.len() > 35, "{}", files.len());
    files
}

/// Judges values by the schema of their kind.
struct Judge {
    schemas: Schemas,
    of_kind: Vec<(&'static str, SchemaIndex)>,
}

impl Judge {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let of_kind = SCHEMAS.map(|(kind, text)| {
            let place = format!("hulk-{kind}.json");
            let place = format!("file:///{place}");
            let mut value: Value = serde_json::from_str(text).unwrap();
            // Relative to where an editor keeps it.
            value["$id"] = Value::String(place.clone());
            compiler.add_resource(&place, value).unwrap();
            (kind, compiler.compile(&place, &mut schemas).unwrap())
        });
        Self { schemas, of_kind: of_kind.to_vec() }
    }

    fn judge(&self, kind: &str, value: &Value) -> Result<(), String> {
        let (_, schema) = self.of_kind.iter().find(|(known, _)| *known == kind).unwrap();
        self.schemas.validate(value, *schema).map_err(|error| format!("{error:#}"))
    }
}

#[test]
fn every_file_of_the_project_validates_against_its_schema() {
    let judge = Judge::new();
    for file in shipped() {
        if let Err(wrong) = judge.judge(file.kind, &file.value) {
            panic!("{}: {wrong}", file.name);
        }
    }
}

/// Changes that a schema must refuse: kind, JSON pointer, and what is put there (null to remove).
const REFUSED: &[(&str, &str, &str)] = &[
    ("rehearsal", "/name", "null"),
    ("rehearsal", "/clock/speed", "\"fast\""),
    ("rehearsal", "/audience/scale", "2"),
    ("rehearsal", "/target", "{}"),
    ("rehearsal", "/audience", "null"),
    ("rehearsal", "/clock", "null"),
    ("rehearsal", "/load", "{ \"constant_users\": { \"users\": 1, \"duration_s\": 1 } }"),
    ("ramp", "/load", "{ \"lead_in_ms\": 5 }"),
    ("ramp", "/load/ramping_users", "null"),
    ("ramp", "/load/ramping_users/stages", "[]"),
    ("ramp", "/load/ramping_users/from_users", "0.5"),
    ("ramp", "/load/replay", "{ \"file\": \"a.csv\" }"),
    ("rehearsal", "/journeys", "[]"),
    ("rehearsal", "/callers/embedded", "null"),
    ("rehearsal", "/callers/url", "\"ws://127.0.0.1:1\""),
    ("rehearsal", "/callers/come", "[]"),
    ("rehearsal", "/callers/come/0/moment", "\"six\""),
    ("rehearsal", "/callers/objectives/min_goodput", "95"),
    ("rehearsal", "/objective/0/served_share", "{ \"min\": 99.9 }"),
    ("rehearsal", "/fault/0/at_min", "3"),
    ("rehearsal", "/generator/users_max", "1.5"),
    ("rehearsal", "/generator/local_addresses", "[]"),
    ("observed", "/observe/web/rated_rps", "null"),
    ("observed", "/observe/web/json", "null"),
    (
        "observed",
        "/observe/web/haproxy",
        "{ \"url\": \"http://127.0.0.1:80\", \"backend\": \"a\" }",
    ),
    ("observed", "/observe/web/json/ready", "\"ready\""),
    ("observed", "/observe/web/json/url", "\"https://127.0.0.1:80\""),
    ("journey", "/retry", "{ \"hlsjs\": {} }"),
    ("journey", "/retry", "{ \"none\": {}, \"shaka\": {} }"),
    ("journey", "/step/0/after/put", "\"/b\""),
    ("journey", "/step/0/after/get", "\"no-slash\""),
    ("journey", "/step/0/after/check", "[{ \"body_contains\": \"a\", \"is\": \"b\" }]"),
    ("journey", "/feeder/0/take", "\"any\""),
    ("devices", "/device/phone/share", "1.5"),
    ("devices", "/device/phone/retry", "null"),
    ("platform", "/edge", "{}"),
    ("platform", "/route/0/json", "{ \"text\": \"{}\" }"),
    ("platform", "/service/home/provisioning/evaluate_s", "0"),
    ("platform", "/service/home/provisioning/node_s", "\"90\""),
    ("platform", "/service/home/provisioning/node_s", "{ \"normal\": { \"s\": 9 } }"),
    ("platform", "/service/home/provisioning/quota_instances", "0"),
    ("platform", "/service/home/rated_per_min", "1000"),
    ("platform", "/service/home/rated_rps", "null"),
    ("platform", "/service/home/load_balancers", "[{}]"),
    ("platform", "/zone/a/capacity_instances", "-1"),
    ("platform", "/bandwidth_gbps", "0"),
    ("model", "/days", "[]"),
    ("model", "/view_length/grade", "\"E\""),
    ("model", "/days/0/points/0/viewers", "-1"),
    ("model", "/days/0/moments/0/ball/event", "\"six\""),
    ("model", "/commentary/key_players", "null"),
    ("rehearsal", "/policy/heard/commentary/role", "\"audio\""),
    ("rehearsal", "/policy/heard/commentary/chat/timeout_ms", "0"),
    ("rehearsal", "/commentary/delay_s", "-1"),
];

#[test]
fn what_the_reader_refuses_by_form_the_schema_refuses_too() {
    let judge = Judge::new();
    let problems = load("rehearsal", &value_of(OBSERVED), &root().join("docs/examples/executors"));
    assert!(problems.list.is_empty(), "{problems}");
    for (kind, pointer, change) in REFUSED {
        let (kind, text, folder) = match *kind {
            "ramp" => ("rehearsal", RAMP, "docs/examples/executors"),
            "observed" => ("rehearsal", OBSERVED, "docs/examples/executors"),
            kind => {
                let (_, text) = WHOLE.iter().find(|(known, _)| *known == kind).unwrap();
                (kind, *text, "scenarios")
            }
        };
        let mut value = value_of(text);
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let table = value.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match serde_json::from_str(change).unwrap() {
            Value::Null => drop(table.remove(key).unwrap()),
            new => drop(table.insert(key.to_owned(), new)),
        }
        assert!(judge.judge(kind, &value).is_err(), "{kind} {pointer} {change} is accepted");
        let problems = load(kind, &value, &root().join(folder));
        assert!(!problems.list.is_empty(), "the reader takes {kind} {pointer} {change}");
    }
}

/// What the reader says of a value, as a file in a folder.
fn load(kind: &str, value: &Value, folder: &Path) -> Problems {
    let mut text = String::new();
    for (key, value) in value.as_object().unwrap() {
        text += &format!("{key:?} = {}\n", toml_of(value));
    }
    let source = Source::new("test.toml", text);
    let done = match kind {
        "rehearsal" => Rehearsal::read(&source, folder).map(drop),
        "journey" => Journey::read(&source, folder).map(drop),
        "devices" => Devices::read(&source).map(drop),
        "platform" => read(&source, PlatformSpec::read).map(drop),
        _ => Model::read(&source).map(drop),
    };
    done.err().unwrap_or_default()
}

/// A value as TOML, in one line.
fn toml_of(value: &Value) -> String {
    let all = |items: Vec<String>| items.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", all(items.iter().map(toml_of).collect())),
        Value::Object(table) => {
            let pairs = table.iter().map(|(key, value)| format!("{key:?} = {}", toml_of(value)));
            format!("{{ {} }}", all(pairs.collect()))
        }
        other => other.to_string(),
    }
}

/// The pointers of all tables of a value.
fn tables(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(table) => {
            found.push(at.to_owned());
            table.iter().for_each(|(key, inner)| tables(inner, &format!("{at}/{key}"), found));
        }
        Value::Array(items) => {
            let each = items.iter().enumerate();
            each.for_each(|(place, inner)| tables(inner, &format!("{at}/{place}"), found));
        }
        _ => {}
    }
}

/// A place in a schema: the node, and its own pointer.
type Node<'a> = (&'a Value, String);

/// The node that a node means, references followed, where it is of a table.
fn resolved<'a>(schema: &'a Value, (node, at): Node<'a>, table: bool) -> Node<'a> {
    if let Some(name) = node.get("$ref").and_then(Value::as_str) {
        let at = name.trim_start_matches('#').to_owned();
        return resolved(schema, (schema.pointer(&at).expect(name), at), table);
    }
    if let (true, Some(any)) = (table, node.get("anyOf").and_then(Value::as_array))
        && node.get("type").is_none()
    {
        for (place, one) in any.iter().enumerate() {
            let inner = resolved(schema, (one, format!("{at}/anyOf/{place}")), table);
            if inner.0["type"] == "object" {
                return inner;
            }
        }
    }
    (node, at)
}

/// The schema's node for the table at a pointer of a value.
fn node_at<'a>(schema: &'a Value, pointer: &str) -> Node<'a> {
    let mut node: Node<'a> = (schema, String::new());
    for key in pointer.split('/').skip(1) {
        let (value, at) = resolved(schema, node, true);
        let next = if value["type"] == "array" {
            "items".to_owned()
        } else if value["properties"].get(key).is_some() {
            format!("properties/{key}")
        } else {
            "additionalProperties".to_owned()
        };
        let at = format!("{at}/{next}");
        let found = schema.pointer(&at).unwrap_or_else(|| panic!("{pointer}: no {at}"));
        node = (found, at);
    }
    resolved(schema, node, true)
}

/// Keys of the schema that the reader does not know at each such place, by the node's pointer.
const AHEAD: &[(&str, &[&str])] = &[
    // Known only where it goes with the check's kind: the schema says so by a condition.
    ("/$defs/check", &["is"]),
];

#[test]
fn the_schema_knows_the_keys_of_the_reader_at_each_place_and_no_other() {
    let mut offences: Vec<String> = Vec::new();
    for (kind, text) in SCHEMAS {
        let schema: Value = serde_json::from_str(text).unwrap();
        let mut seen = BTreeSet::new();
        for file in shipped().iter().filter(|file| file.kind == kind) {
            let mut places = Vec::new();
            tables(&file.value, "", &mut places);
            for place in places {
                let (node, at) = node_at(&schema, &place);
                let mut value = file.value.clone();
                let table = value.pointer_mut(&place).unwrap().as_object_mut().unwrap();
                table.insert(UNKNOWN.to_owned(), Value::Bool(true));
                let problems = load(kind, &value, &file.folder);
                let wanted = format!("unknown key `{UNKNOWN}`");
                let found = problems.list.iter().find(|p| p.message.starts_with(&wanted));
                let here = format!("{} at {place:?}, schema {at:?}", file.name);
                seen.insert(at.clone());
                if node["additionalProperties"] != Value::Bool(false) {
                    offences.extend(found.map(|_| format!("{here}: free in the schema only")));
                    continue;
                }
                let Some(problem) = found else {
                    offences.push(format!("{here}: the reader takes any key\n{problems}"));
                    continue;
                };
                let known: BTreeSet<&str> = problem.known.iter().copied().collect();
                let none = Map::new();
                let given = node["properties"].as_object().unwrap_or(&none);
                let mut given: BTreeSet<&str> = given.keys().map(String::as_str).collect();
                for (_, ahead) in AHEAD.iter().filter(|(ahead, _)| *ahead == at) {
                    given.retain(|key| !ahead.contains(key) || known.contains(key));
                }
                if given != known {
                    offences.push(format!("{here}: schema {given:?}, reader {known:?}"));
                }
            }
        }
        let mut all = Vec::new();
        tables_of_schema(&schema, "", &mut all);
        all.retain(|at| !AHEAD.iter().any(|(ahead, _)| at.starts_with(&format!("{ahead}/"))));
        // A journey has one policy; the same table with all of them is in the file of devices.
        all.retain(|at| kind != "journey" || !at.starts_with("/$defs/retry/"));
        let unseen = all.iter().filter(|at| !seen.contains(*at));
        offences.extend(unseen.map(|at| format!("{kind}: no file has a table for {at}")));
    }
    offences.dedup();
    assert!(offences.is_empty(), "{} offences\n{}", offences.len(), offences.join("\n"));
}

/// The pointers of all nodes of a schema that are of tables.
fn tables_of_schema(node: &Value, at: &str, found: &mut Vec<String>) {
    match node {
        Value::Object(table) => {
            if node["type"] == "object" {
                found.push(at.to_owned());
            }
            for (key, inner) in table.iter().filter(|(key, _)| *key != "examples") {
                tables_of_schema(inner, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            let each = items.iter().enumerate();
            each.for_each(|(place, inner)| {
                tables_of_schema(inner, &format!("{at}/{place}"), found)
            });
        }
        _ => {}
    }
}

#[test]
fn every_key_of_a_schema_is_described_and_numbers_say_their_ranges() {
    fn look(node: &Value, at: &str) {
        let Some(table) = node.as_object() else { return };
        for (key, inner) in node["properties"].as_object().unwrap_or(&Map::new()) {
            let at = format!("{at}/{key}");
            assert!(inner.get("description").is_some() || inner.get("$ref").is_some(), "{at}");
            if ["number", "integer"].iter().any(|kind| inner["type"] == *kind) {
                assert!(inner["minimum"].is_number() && inner["maximum"].is_number(), "{at}");
                let text = inner["description"].as_str().unwrap();
                let unit = if key.ends_with("_ms") { "wall" } else { "match" };
                let time = ["_s", "_ms", "_min"].iter().any(|end| key.ends_with(end));
                let timed = time && !key.contains("bytes");
                assert!(!timed || text.contains(unit), "{at}: which time? {text}");
            }
        }
        for (key, inner) in table {
            look(inner, &format!("{at}/{key}"));
        }
    }
    for (kind, text) in SCHEMAS {
        let schema: Value = serde_json::from_str(text).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(schema["title"].is_string() && schema["description"].is_string(), "{kind}");
        look(&schema, kind);
    }
}

#[test]
fn what_two_kinds_share_is_the_same_in_both() {
    let shared = |kind: &str, name: &str| {
        let schema: Value = serde_json::from_str(schema(kind).unwrap()).unwrap();
        schema["$defs"][name].clone()
    };
    assert_eq!(shared("journey", "retry"), shared("devices", "retry"));
    for kind in ["journey", "model", "platform"] {
        assert_eq!(shared(kind, "delay"), shared("rehearsal", "delay"));
    }
}
