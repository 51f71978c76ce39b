//! What is written in a format is read from it, whatever it is; what it cannot hold is refused.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tempfile::TempDir;

use super::*;

fn path(text: &str) -> StorePath {
    StorePath::parse(text).unwrap()
}

fn document(files: &[(&str, &str)]) -> Document {
    let mut document = Document::at(StorePath::root());
    for (name, value) in files {
        let value = value.as_bytes().to_vec();
        document.file(path(name), value).unwrap();
    }
    document
}

fn written(document: &Document, format: Format) -> anyhow::Result<String> {
    let mut writer = TextWriter::of(format).unwrap();
    let mut text = String::new();
    for (path, value) in document.files() {
        let value = value.clone();
        text += &writer.file(path, &Found { rev: 7, value })?;
    }
    Ok(text + &writer.end())
}

fn read(text: &str, format: Format) -> anyhow::Result<Document> {
    let mut document = Document::at(StorePath::root());
    document.read(text.as_bytes(), format)?;
    Ok(document)
}

fn round_trip_through_a_folder(document: &Document) -> Document {
    let home = TempDir::new().unwrap();
    let folder = home.path().join("tree");
    let mut writer = FolderWriter::new(&folder).unwrap();
    for (path, value) in document.files() {
        let value = value.clone();
        writer.file(path, &Found { rev: 7, value }).unwrap();
    }
    writer.end().unwrap();
    let mut read = Document::at(StorePath::root());
    read_folder(&folder, &mut read).unwrap();
    read
}

/// Names that mean something to one of the formats.
const NAMES: [&str; 20] = [
    ".", "..", "...", "-", "--", "---", "0", "1.5", "0x1f", "1e3", "-1", "true", "No", "null", "y",
    "a", "a.b", "a-b", "A", ".5",
];

/// Values that mean something to one of the formats.
const VALUES: [&str; 24] = [
    "",
    "\n",
    "\n\n",
    " ",
    "a\n",
    "a\nb",
    "a\nb\n",
    "a\nb\n\n",
    " a\nb",
    "\na\nb",
    "a\n\nb\n",
    "a \nb",
    "a\n  b\n",
    "a\n\tb\n",
    "a\r\nb\n",
    "\"\"\"\nx\\",
    "null",
    "- a\n- b",
    "# a\n# b",
    "a: b\nc: d",
    "\u{feff}a\nb",
    "\u{2028}\u{85}\u{7f}",
    "🦀\n\u{fffe}",
    "---\n...\n",
];

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(&NAMES[..]).prop_map(str::to_owned),
        4 => "[a-c.-]{1,3}",
        1 => "[a-zA-Z0-9.-]{1,40}",
    ]
}

fn any_value() -> impl Strategy<Value = Vec<u8>> {
    let text = |text: &str| text.as_bytes().to_vec();
    prop_oneof![
        3 => select(&VALUES[..]).prop_map(text),
        2 => any::<String>().prop_map(String::into_bytes),
        2 => "[ a\t\n\"'\\\\:#{}-]{0,12}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..40),
    ]
}

/// Any tree: files that would be directories too are left out.
fn any_document() -> impl Strategy<Value = Document> {
    let file = (vec(any_name(), 1..5), any_value());
    vec(file, 0..12).prop_map(|files| {
        let mut document = Document::at(StorePath::root());
        for (names, value) in files {
            let path = path(&format!("/{}", names.join("/")));
            let mut with = document.clone();
            if with.file(path, value).is_ok() {
                document = with;
            }
        }
        document
    })
}

proptest! {
    #[test]
    fn every_format_gives_back_any_tree(document in any_document()) {
        for format in [Format::JsonLines, Format::Toml, Format::Yaml] {
            let text = written(&document, format).unwrap();
            match read(&text, format) {
                Ok(read) => prop_assert_eq!(&read, &document, "{:?}: {}", format, text),
                Err(error) => prop_assert!(false, "{:?}: {:#}: {}", format, error, text),
            }
        }
        prop_assert_eq!(round_trip_through_a_folder(&document), document);
    }

    /// Whatever is read is a tree that is written and read again.
    #[test]
    fn any_text_is_read_or_refused(text in "[ab0 \t\r\n:=.\\[\\]{}\"'|>!&*?,#~%<@`\\\\-]{0,40}") {
        for format in [Format::JsonLines, Format::Toml, Format::Yaml] {
            if let Ok(document) = read(&text, format) {
                let again = written(&document, format).unwrap();
                let files = read(&again, format).unwrap().files().clone();
                prop_assert_eq!(&files, document.files(), "{:?}: {}", format, again);
            }
        }
    }
}

#[test]
fn long_names_and_deep_directories_are_kept() {
    let long = format!("/{}", "x".repeat(4000));
    let deep = "/a".repeat(1000);
    let wide = document(&[(&long, "1")]);
    for format in [Format::JsonLines, Format::Toml, Format::Yaml] {
        let text = written(&wide, format).unwrap();
        assert_eq!(read(&text, format).unwrap(), wide, "{format:?}");
    }
    let deep = document(&[(&deep, "1")]);
    for format in [Format::JsonLines, Format::Yaml] {
        let text = written(&deep, format).unwrap();
        assert_eq!(read(&text, format).unwrap(), deep, "{format:?}");
    }
    let error = written(&deep, Format::Toml).unwrap_err().to_string();
    assert!(error.contains("too deep for TOML"), "{error}");
    let level = document(&[(&"/a".repeat(79), "1")]);
    let text = written(&level, Format::Toml).unwrap();
    assert_eq!(read(&text, Format::Toml).unwrap(), level);
}

fn check_written(format: Format, files: &[(&str, &[u8])], expected: &str) {
    let mut document = Document::at(StorePath::root());
    for (name, value) in files {
        document.file(path(name), value.to_vec()).unwrap();
    }
    assert_eq!(written(&document, format).unwrap(), expected);
}

const SAMPLE: [(&str, &[u8]); 5] = [
    ("/db/host", b"10.0.0.1"),
    ("/db/on", b"yes"),
    ("/key", b"\0\xff"),
    ("/motd", b"Hello,\n\"world\"\n"),
    ("/v1.2/a", b""),
];

#[test]
fn json_lines_say_what_is_binary() {
    check_written(
        Format::JsonLines,
        &SAMPLE[1..3],
        "{\"path\":\"/db/on\",\"rev\":7,\"value\":\"yes\",\"encoding\":\"utf-8\"}\n\
         {\"path\":\"/key\",\"rev\":7,\"value\":\"AP8=\",\"encoding\":\"base64\"}\n",
    );
}

#[test]
fn toml_is_written_as_people_write_it() {
    check_written(
        Format::Toml,
        &SAMPLE,
        "key = { _base64 = \"AP8=\" }\nmotd = \"\"\"\nHello,\n\\\"world\\\"\n\"\"\"\n\n\
         [db]\nhost = \"10.0.0.1\"\non = \"yes\"\n\n[\"v1.2\"]\na = \"\"\n",
    );
    check_written(Format::Toml, &[], "");
}

#[test]
fn yaml_is_written_as_people_write_it() {
    check_written(
        Format::Yaml,
        &SAMPLE,
        "db:\n  host: \"10.0.0.1\"\n  \"on\": \"yes\"\nkey: !!binary \"AP8=\"\n\
         motd: |\n  Hello,\n  \"world\"\nv1.2:\n  a: \"\"\n",
    );
    check_written(Format::Yaml, &[], "{}\n");
}

#[track_caller]
fn check_read(format: Format, text: &str, files: &[(&str, &str)]) {
    let read = read(text, format).unwrap();
    let found: Vec<(&str, &str)> = read
        .files()
        .iter()
        .map(|(path, value)| (path.as_str(), std::str::from_utf8(value).unwrap()))
        .collect();
    assert_eq!(found, files, "{text}");
}

#[test]
fn values_without_quotes_stand_for_what_is_written() {
    check_read(
        Format::Toml,
        "a = 8046\nb = -1.50\nc = true\n[d.e]\nf = 'x'\n",
        &[
            ("/a", "8046"),
            ("/b", "-1.50"),
            ("/c", "true"),
            ("/d/e/f", "x"),
        ],
    );
    check_read(
        Format::Yaml,
        "a: 8046\nb: 1.50\nc: yes\nd: {e: {f: 'x'}}\n? g\n: !!str null\n2: 0x10\n",
        &[
            ("/2", "0x10"),
            ("/a", "8046"),
            ("/b", "1.50"),
            ("/c", "yes"),
            ("/d/e/f", "x"),
            ("/g", "null"),
        ],
    );
    check_read(
        Format::JsonLines,
        "\n{\"path\":\"/a\",\"value\":\"b\"}\n",
        &[("/a", "b")],
    );
    check_read(Format::Yaml, "", &[]);
    check_read(Format::Yaml, "---\n", &[]);
    check_read(Format::Toml, "", &[]);
}

#[track_caller]
fn check_refused(format: Format, text: &str, expected: &str) {
    let error = read(text, format).unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains(expected), "{text}: {error}");
}

#[test]
fn what_a_tree_cannot_hold_in_toml_is_refused_with_its_line() {
    for (text, expected) in [
        ("a = [1]", "line 1: /a: an array"),
        (
            "\na = 1979-05-27",
            "line 2: /a: 1979-05-27 is no text: put it in quotes",
        ),
        ("a = 0x1f", "0x1f is no text"),
        ("a = 1_000", "1_000 is no text"),
        ("a = +1", "+1 is no text"),
        ("a = inf", "inf is no text"),
        ("a_b = '1'", "line 1: \"a_b\" cannot be a file's name"),
        ("a = {_base64 = 'AP8'}", "/a: wrong base64"),
        (
            "a = {_base64 = '', b = '1'}",
            "nothing else can stand beside",
        ),
        ("a = {_base64 = 1}", "needs a string"),
        ("a = '1'\na = '2'", "duplicate key"),
        ("a =", "line 1"),
    ] {
        check_refused(Format::Toml, text, expected);
    }
    let bytes = b"a = '\xff'";
    let error = Document::at(StorePath::root()).read(bytes, Format::Toml);
    assert!(error.unwrap_err().to_string().contains("not UTF-8"));
}

#[test]
fn what_a_tree_cannot_hold_in_yaml_is_refused_with_its_line() {
    for (text, expected) in [
        ("a: [1]", "line 1: a sequence is no file's value: /a"),
        ("a: &x 1\nb: *x", "line 2: an alias"),
        ("a:\n  b:\nc: 1", "/a/b: nothing is no value"),
        ("a: ~", "nothing is no value"),
        ("a: !foo 1", "the tag !foo is not known"),
        ("a: !!binary A", "wrong base64"),
        ("a: 1\na: 2", "line 2: /a is there twice"),
        ("a: {b: 1}\na: {c: 2}", "line 2: /a is there twice"),
        ("a: {b: 1}\na: 2", "/a is there twice"),
        ("a: 2\na: {b: 1}", "/a is a file and a directory"),
        ("a_b: 1", "\"a_b\" cannot be a file's name"),
        ("a: 1\n---\nb: 1", "a second document"),
        ("{a: 1}: b", "line 1"),
        ("text", "a mapping is wanted"),
        ("a: \"", "line 1"),
    ] {
        check_refused(Format::Yaml, text, expected);
    }
}

#[test]
fn what_a_tree_cannot_hold_in_json_lines_is_refused_with_its_line() {
    for (text, expected) in [
        ("{'path':'/a'}", "line 1: missing field `value`"),
        ("\n{'path':'a','value':''}", "line 2: \"a\" is not a path"),
        ("{'path':'/a','value':'','x':1}", "unknown field `x`"),
        (
            "{'path':'/a','value':'','encoding':'hex'}",
            "encoding \"hex\"",
        ),
        ("{'path':'/','value':''}", "/ is a file and a directory"),
        (
            "{'path':'/a','value':''}\n{'path':'/a/b','value':''}",
            "line 2: /a is a file and a directory",
        ),
        (
            "{'path':'/a','value':''}\n{'path':'/a','value':''}",
            "line 2: /a is there twice",
        ),
    ] {
        check_refused(Format::JsonLines, &text.replace('\'', "\""), expected);
    }
}

#[test]
fn a_base_is_where_the_root_of_a_document_stands() {
    let mut below = Document::at(path("/x/y"));
    below.read(b"a: {b: '1'}\n", Format::Yaml).unwrap();
    below
        .read(b"{\"path\":\"/c\",\"value\":\"2\"}", Format::JsonLines)
        .unwrap();
    let files: Vec<&str> = below.files().keys().map(StorePath::as_str).collect();
    assert_eq!(files, ["/x/y/a/b", "/x/y/c"]);
    let named: Vec<&str> = below.directories().iter().map(StorePath::as_str).collect();
    assert_eq!(named, ["/x/y", "/x/y/a"]);
    let topmost: Vec<&str> = below.topmost().map(StorePath::as_str).collect();
    assert_eq!(topmost, ["/x/y"]);
}

#[test]
fn a_directory_without_files_is_named_all_the_same() {
    let read = read("[a]\nx = '1'\n[b.c]\n", Format::Toml).unwrap();
    let named: Vec<&str> = read.directories().iter().map(StorePath::as_str).collect();
    assert_eq!(named, ["/a", "/b", "/b/c"]);
    let topmost: Vec<&str> = read.topmost().map(StorePath::as_str).collect();
    assert_eq!(topmost, ["/a", "/b"]);
}

#[test]
fn the_server_s_own_files_can_be_taken_out() {
    let mut read = document(&[
        ("/a", "1"),
        ("/ctl/name", "x"),
        ("/ctl/cal/0", "y"),
        ("/ctlx", ""),
    ]);
    assert_eq!(read.take_ctl(), 2);
    assert_eq!(read, document(&[("/a", "1"), ("/ctlx", "")]));
}

#[test]
fn a_folder_is_complete_or_not_there() {
    let home = TempDir::new().unwrap();
    let folder = home.path().join("tree");
    let one = |value: &'static [u8]| Found {
        rev: 1,
        value: value.into(),
    };
    let mut killed = FolderWriter::new(&folder).unwrap();
    killed.file(&path("/stale"), &one(b"0")).unwrap();
    drop(killed);
    assert!(!folder.exists());
    let mut writer = FolderWriter::new(&folder).unwrap();
    writer.file(&path("/a/b"), &one(b"1")).unwrap();
    writer.end().unwrap();
    let mut read = Document::at(StorePath::root());
    read_folder(&folder, &mut read).unwrap();
    assert_eq!(read, document(&[("/a/b", "1")]));
    let error = FolderWriter::new(&folder).unwrap_err().to_string();
    assert!(error.contains("is not empty"), "{error}");
}

#[test]
fn a_folder_with_what_the_store_cannot_hold_is_refused() {
    let home = TempDir::new().unwrap();
    let refused = |expected: &str| {
        let mut read = Document::at(StorePath::root());
        let error = format!("{:#}", read_folder(home.path(), &mut read).unwrap_err());
        assert!(error.contains(expected), "{error}");
    };
    let link = home.path().join("link");
    std::os::unix::fs::symlink(home.path(), &link).unwrap();
    refused("neither a file, nor a folder, nor a link to a file");
    std::fs::remove_file(&link).unwrap();
    std::fs::write(home.path().join("a_b"), "").unwrap();
    refused("\"a_b\" cannot be a file's name");
}

#[test]
fn a_format_is_told_by_a_name() {
    let of = |name: &str| Format::of(Path::new(name));
    assert_eq!(of("a.yml").unwrap(), Format::Yaml);
    assert_eq!(of("a.b/c.toml").unwrap(), Format::Toml);
    assert_eq!(of("a.jsonl").unwrap(), Format::JsonLines);
    assert_eq!(of("new/").unwrap(), Format::Folder);
    let error = crate::failure::reason(&of("a.txt").unwrap_err());
    assert!(error.contains("what a.txt is written in"), "{error}");
}
