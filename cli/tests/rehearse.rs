//! `snapback rehearse` where it ends before anything is started. The rehearsal itself is a step of `.ci/run`.

use std::process::Command;

#[expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]
fn rehearse(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_snapback"))
        .arg("rehearse")
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_folder_without_a_built_template_is_named() {
    let (code, said) = rehearse(&["--built", "docs"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("`docs` holds no template.yaml: give the folder that `sam build` has written"), "{said}");
}

#[test]
fn a_missing_executable_is_named() {
    let (code, said) = rehearse(&["--binaries", "docs"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("is missing: build it with `cargo build --workspace`"), "{said}");
}
