//! Where the programs under test are: the only place that reads the environment for them.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The server under test: `DOOZERD_BIN`, else the one built beside this test.
pub fn doozerd() -> PathBuf {
    find("doozerd", "DOOZERD_BIN")
}

/// The command line under test: `DOOZER_BIN`, else the one built beside this test.
pub fn doozer() -> PathBuf {
    find("doozer", "DOOZER_BIN")
}

/// The folder of this package, for the vectors and the foreign clients.
pub fn package_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folders of programs that a user has.
pub fn path() -> OsString {
    env::var_os("PATH").unwrap_or_default()
}

/// True if `name` is an executable in one of the folders of `PATH`.
pub fn on_path(name: &str) -> bool {
    env::split_paths(&path()).any(|folder| folder.join(name).is_file())
}

fn find(name: &str, variable: &str) -> PathBuf {
    if let Some(path) = env::var_os(variable) {
        let path = PathBuf::from(path);
        assert!(
            path.is_file(),
            "{variable} names {}, which is no file",
            path.display()
        );
        return path;
    }
    let test = env::current_exe().expect("the path of the running test");
    let beside = test
        .ancestors()
        .skip(1)
        .take(3)
        .map(|folder| folder.join(name));
    beside
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!(
                "no {name} beside {}: run `cargo build --workspace --bins` in the same profile \
             first, or set {variable}",
                test.display()
            )
        })
}
