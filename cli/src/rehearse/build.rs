//! The built template: what `sam build` makes, or the same put together from executables that are there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// What is deployed.
pub(super) struct Built {
    /// The template; the code of each function is where it says, relative to itself.
    pub(super) template: PathBuf,
    /// What the parameter `Architecture` has to be.
    pub(super) architecture: &'static str,
}

/// The parameter's value for functions that run on this machine.
fn architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("x86_64"),
        "aarch64" => Ok("arm64"),
        other => bail!("Lambda has no functions for this machine's processor, `{other}`"),
    }
}

/// Builds everything as it would be deployed.
pub(super) fn release(root: &Path) -> Result<Built> {
    let architecture = architecture()?;
    anstream::eprintln!("building the functions for {architecture}, which may take twenty minutes the first time");
    let built = Command::new(root.join("scripts/build-lambda"))
        .arg(architecture)
        .current_dir(root)
        .stdin(Stdio::null())
        // Our own standard output is for results.
        .stdout(std::io::stderr())
        .status();
    if !built.context("failed to run scripts/build-lambda")?.success() {
        bail!("scripts/build-lambda ended in an error");
    }
    folder(&root.join(".aws-sam/build"))
}

/// What `sam build` has left in a folder.
pub(super) fn folder(folder: &Path) -> Result<Built> {
    let template = folder.join("template.yaml");
    if !template.is_file() {
        bail!("`{}` holds no template.yaml: give the folder that `sam build` has written", folder.display());
    }
    Ok(Built { template, architecture: architecture()? })
}

/// Puts executables where the template of the sources says that the code is: `functions/NAME/bootstrap`.
pub(super) fn from_binaries(root: &Path, binaries: &Path, to: &Path) -> Result<Built> {
    let functions = root.join("functions");
    let listed = fs::read_dir(&functions).with_context(|| format!("failed to list `{}`", functions.display()))?;
    for function in listed {
        let name = function.with_context(|| format!("failed to list `{}`", functions.display()))?.file_name();
        let folder = to.join("functions").join(&name);
        fs::create_dir_all(&folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
        let (from, bootstrap) = (binaries.join(&name), folder.join("bootstrap"));
        if !from.is_file() {
            bail!("`{}` is missing: build it with `cargo build --workspace`", from.display());
        }
        // Without what debuggers need, a tenth is left to be packed; where there is no `strip`, it takes longer.
        let stripped = Command::new("strip").arg("-o").arg(&bootstrap).arg(&from).stderr(Stdio::null()).status();
        if !stripped.is_ok_and(|status| status.success()) {
            fs::copy(&from, &bootstrap).with_context(|| format!("failed to copy `{}`", from.display()))?;
        }
    }
    let template = to.join("template.yaml");
    fs::copy(root.join("template.yaml"), &template).context("failed to copy template.yaml")?;
    Ok(Built { template, architecture: architecture()? })
}
