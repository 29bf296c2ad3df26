use super::*;
use hulk_record::shard_slot;
use hulk_settings::read;
use proptest::prelude::*;

fn csv(text: &str) -> Result<(Vec<String>, Cells), Wrong> {
    csv_cells(text, 5)
}

fn json(text: &str) -> Result<(Vec<String>, Cells), Wrong> {
    json_cells(text, 5)
}

fn feeder(rows: usize, take: Take) -> Feeder {
    let mut cells = Cells::default();
    (0..rows).for_each(|row| cells.push(&format!("u{row}")));
    Feeder { name: "users".to_owned(), columns: vec!["user".to_owned()], take, cells }
}

fn place(text: &str, wrong: Wrong) -> String {
    let (line, column) = Source::new("", text).place(wrong.0);
    format!("{line}:{column}: {}", wrong.1)
}

#[test]
fn golden_a_table_keeps_its_cells() {
    let text = "user, name\nu1,\"Ann, \"\"A\"\"\"\n\nu2,\nu3,Ü\r\n";
    let (columns, cells) = csv(text).unwrap();
    let feeder = Feeder { name: "users".to_owned(), columns, take: Take::Unique, cells };
    assert_eq!((feeder.rows(), feeder.column("name"), feeder.column("x")), (3, Some(1), None));
    let shown: Vec<String> =
        (0..3).map(|row| format!("{}|{}", feeder.value(row, 0), feeder.value(row, 1))).collect();
    assert_eq!(shown, ["u1|Ann, \"A\"", "u2|", "u3|Ü"]);
    assert_eq!((feeder.value(3, 0), feeder.value(0, 2)), ("", ""));
}

#[test]
fn golden_json_lines_keep_their_cells() {
    let text =
        "{\"n\":1,\"a\":\"x\"}\n\n{\"a\":[1,{\"b\":null}],\"n\":1.5}\n{\"n\":true,\"a\":null}";
    let (columns, cells) = json(text).unwrap();
    assert_eq!(columns, ["a", "n"]);
    let shown: Vec<&str> = (0..6).filter_map(|cell| cells.get(cell)).collect();
    assert_eq!(shown, ["x", "1", "[1,{\"b\":null}]", "1.5", "null", "true"]);
}

#[test]
fn what_is_wrong_in_a_table_has_its_line_and_column() {
    let cases = [
        ("a,b\n1,2\n\n3\n4,5\n", "4:2: 1 cells, and there are `a`, `b`"),
        ("a,b\n1,2\n\"3,\n\",4,5\n", "4:4: 3 cells, and there are `a`, `b`"),
        ("a,b\n1,\"\"\"x\"\",2,3\"\n1,2,3\n", "3:4: 3 cells, and there are `a`, `b`"),
        ("a,b\n1,2\n3,\"4\n5,6\n", "3:3: a quote that is not closed"),
        ("a,b\n1,2\n3,\"4\"\"\n", "3:6: a quote that is not closed"),
        ("a,b\n", "2:1: no row after the names of the columns"),
        ("", "1:1: each column needs a name"),
        ("a,\n1,2\n", "1:1: each column needs a name"),
        ("a,b,a\n1,2,3\n", "1:1: two columns are named `a`"),
        ("a\n1\n2\n3\n4\n5\n6\n", "7:1: more than 5 rows, the most that is taken"),
    ];
    for (text, wanted) in cases {
        assert_eq!(csv(text).err().map(|wrong| place(text, wrong)).as_deref(), Some(wanted));
    }
    assert!(csv("a\n1\n2\n3\n4\n5\n").is_ok(), "five rows are not too many");
    assert!(csv("a,b\n1,5\" pipe\n").is_ok(), "a quote within a cell is none");
}

#[test]
fn what_is_wrong_in_json_lines_has_its_line_and_column() {
    let cases = [
        ("{\"a\":1}\n{\"a\":}\n", "2:6: not JSON: expected value"),
        ("{\"a\":1}\n[1]\n", "2:1: each line must be a JSON object"),
        ("{\"a\":1}\n{\"b\":1,\"a\":2}\n", "2:1: its keys are `a`, `b`, those above are `a`"),
        ("{\"a\":1}\n{\"b\":1}\n", "2:1: its keys are `b`, those above are `a`"),
        ("{}\n", "1:1: each column needs a name"),
        ("\n \n", "1:1: no row"),
        (&"{\"a\":1}\n".repeat(6), "6:1: more than 5 rows, the most that is taken"),
    ];
    for (text, wanted) in cases {
        assert_eq!(json(text).err().map(|wrong| place(text, wrong)).as_deref(), Some(wanted));
    }
}

/// The feeder, or its problems, of a file with that content.
fn read_file(file: &str, content: &[u8]) -> Result<Vec<Feeder>, String> {
    let folder = std::env::temp_dir().join(format!("hulk-feeder-{}-{file}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(file), content).unwrap();
    let text = format!("[[feeder]]\nname = \"users\"\nfile = \"{file}\"\ntake = \"circular\"\n");
    let source = Source::new("test.toml", text);
    let result =
        read(&source, |root| root.list("feeder", |section| Feeder::read(section, &folder)));
    std::fs::remove_dir_all(&folder).unwrap();
    result.map_err(|problems| problems.to_string().replace(&folder.display().to_string(), "…"))
}

#[test]
fn a_file_is_read_by_its_ending() {
    let users = read_file("users.csv", b"user,password\nann,secret\n").unwrap();
    assert_eq!(users[0].value(0, 1), "secret");
    assert!(!format!("{users:?}").contains("secret"), "{users:?}");
    let bytes = postcard::to_stdvec(&users).unwrap();
    assert_eq!(postcard::from_bytes::<Vec<Feeder>>(&bytes).unwrap(), users);
    let users = read_file("users.jsonl", b"{\"user\":\"bob\"}").unwrap();
    assert_eq!(users[0].value(0, 0), "bob");
}

#[test]
fn a_file_that_will_not_do_is_a_problem_of_its_key() {
    let cases: [(&str, &[u8], &str); 4] = [
        ("a.csv", b"a,b\n1\n", "a.csv:2:2: 1 cells, and there are `a`, `b`"),
        ("b.csv", b"a\nx\xff\n", "…/b.csv:2:2: not UTF-8"),
        ("c.txt", b"a\n", "`c.txt` ends neither in `.csv` nor in `.jsonl`"),
        (
            "d.csv",
            &vec![b'a'; 1 + (16 << 20)],
            "…/d.csv: larger than 16 MiB, the most that is taken",
        ),
    ];
    for (file, content, wanted) in cases {
        let told = read_file(file, content).unwrap_err();
        assert!(told.starts_with(&format!("test.toml:3:8: {wanted} (a `.csv` with")), "{told}");
    }
}

#[test]
fn a_feeder_of_unique_rows_runs_dry() {
    let feeder = feeder(3, Take::Unique);
    let rows: Vec<_> = (0..5).map(|viewer| feeder.row(1, viewer)).collect();
    assert_eq!(rows, [Some(0), Some(1), Some(2), None, None]);
}

#[test]
fn random_rows_reach_all_and_follow_seed_and_name() {
    let users = feeder(10, Take::Random);
    let counts = (0..10_000).fold([0; 10], |mut counts, viewer| {
        counts[users.row(1, viewer).unwrap()] += 1;
        counts
    });
    // A thousand each; the standard deviation is 30.
    assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    let rows = |feeder: &Feeder, seed| (0..50).map(|v| feeder.row(seed, v)).collect::<Vec<_>>();
    assert_ne!(rows(&users, 1), rows(&users, 2));
    assert_ne!(rows(&users, 1), rows(&Feeder { name: "other".to_owned(), ..users.clone() }, 1));
}

proptest! {
    /// The workers own disjoint viewers: together they use each unique row once, and every viewer
    /// has the row that one worker alone would give.
    #[test]
    fn shards_never_overlap(rows in 1_usize..300, viewers in 0_u32..400, workers in 1_u32..9) {
        let unique = feeder(rows, Take::Unique);
        let circular = feeder(rows, Take::Circular);
        let (mut used, mut uses) = (vec![0; rows], vec![0_u32; rows]);
        for worker in 0..workers {
            for viewer in (0..viewers).filter(|v| shard_slot((*v).into()) % workers == worker) {
                if let Some(row) = unique.row(1, viewer) {
                    used[row] += 1;
                }
                uses[circular.row(1, viewer).unwrap()] += 1;
            }
        }
        let wanted = rows.min(viewers as usize);
        prop_assert!(used.iter().all(|count| *count <= 1), "{used:?}");
        prop_assert_eq!(used.iter().sum::<u32>() as usize, wanted);
        // Circular rows are used evenly.
        let (least, most) = (uses.iter().min().unwrap(), uses.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{uses:?}");
    }
}
