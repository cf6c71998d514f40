//! The Python environments that moto and MiniStack run in: folders in the user's cache, made once.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use thiserror::Error;

/// A program in Python, and what it needs.
pub(crate) struct Program {
    /// The package that it is about.
    package: &'static str,
    /// What it is, for those who wait for the download.
    what: &'static str,
    /// About how much is downloaded.
    megabytes: u32,
    /// What pip installs.
    packages: &'static [&'static str],
    /// Exact versions of Python packages.
    constraints: &'static str,
    /// Our own files beside it.
    launcher: &'static [(&'static str, &'static str)],
}

/// The stand-in account.
pub(crate) const MOTO: Program = Program {
    package: "moto",
    what: "a stand-in for AWS",
    megabytes: 30,
    // moto and its web server. The extra `server` would bring much more, for services that are not used here.
    packages: &["moto[s3]", "flask", "flask-cors"],
    constraints: include_str!("../../../constraints.txt"),
    // Python runs the folder that has a `__main__.py`.
    launcher: &[
        ("__main__.py", include_str!("../launcher/__main__.py")),
        ("calls.py", include_str!("../launcher/calls.py")),
        ("cloudtrail.py", include_str!("../launcher/cloudtrail.py")),
        ("common.py", include_str!("../launcher/common.py")),
        ("ec2.py", include_str!("../launcher/ec2.py")),
        ("identity.py", include_str!("../launcher/identity.py")),
        ("s3.py", include_str!("../launcher/s3.py")),
        ("s3_policy.py", include_str!("../launcher/s3_policy.py")),
        ("s3_calls.py", include_str!("../launcher/s3_calls.py")),
    ],
};

/// The stand-in for the deployment.
pub(crate) const MINISTACK: Program = Program {
    package: "ministack",
    what: "a stand-in for AWS that takes deployments",
    megabytes: 40,
    // Its CloudFormation needs the translator for SAM's templates; boto3 makes our calls.
    packages: &["ministack", "aws-sam-translator", "boto3"],
    constraints: include_str!("../../../constraints-ministack.txt"),
    launcher: &[
        ("__main__.py", include_str!("../ministack/__main__.py")),
        ("calls.py", include_str!("../ministack/calls.py")),
        ("patches.py", include_str!("../ministack/patches.py")),
    ],
};

/// What moto 5.2.5 and MiniStack 1.5.33 ask for.
const OLDEST_PYTHON: (u32, u32) = (3, 10);
/// Written last, so that a folder without it is an installation that was cut short.
const MARKER: &str = "complete";
/// How much of the end of a program's output an error quotes, in lines.
const QUOTED_LINES: usize = 10;

/// Why there is no Python environment for the stand-in. Each message finishes the sentence "failed to …".
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VenvError {
    /// No program `python3` or `python` is a Python 3.
    #[error(
        "find Python 3.10 or newer as `python3` or `python`; install it, on Debian and Ubuntu with \
         `apt install python3 python3-venv`"
    )]
    PythonMissing,
    /// There is Python, but too old for them.
    #[error("find Python 3.10 or newer: `{program}` is Python {version}")]
    PythonTooOld {
        /// The program that was asked.
        program: &'static str,
        /// Its version, major and minor.
        version: String,
    },
    /// Some distributions ship Python without its modules `venv` and `ensurepip`.
    #[error(
        "make a virtual environment: `{program}` lacks the module `venv` or `ensurepip`; install it, on Debian and \
         Ubuntu with `apt install python3-venv`"
    )]
    VenvModuleMissing {
        /// The program that was asked.
        program: &'static str,
    },
    /// The platform names no cache folder and `SNAPBACK_CACHE_DIR` is not set.
    #[error("find the user's cache folder; name one in `SNAPBACK_CACHE_DIR`")]
    NoCacheFolder,
    /// A file or folder in the cache could not be read, written or locked.
    #[error("use `{}`", path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// `python -m venv` ended in an error.
    #[error("make a virtual environment in `{}`:\n{output}", path.display())]
    Venv {
        /// The environment's folder.
        path: PathBuf,
        /// The last lines that Python wrote.
        output: String,
    },
    /// pip ended in an error; most often the package registry could not be reached.
    #[error("install {package} from the package registry (is the network there?):\n{output}")]
    Pip {
        /// What was to be installed.
        package: &'static str,
        /// The last lines that pip wrote.
        output: String,
    },
}

/// A whole environment, and the launcher in it.
pub(crate) struct Venv {
    /// Its Python interpreter.
    pub(crate) python: PathBuf,
    /// The folder with our own files.
    pub(crate) launcher: PathBuf,
}

/// Returns the environment, and makes it first if it is not there, which takes a minute and the network.
pub(crate) fn prepare(program: &Program, progress: &mut dyn FnMut(&str)) -> Result<Venv, VenvError> {
    let cache = cache_folder()?;
    fs::create_dir_all(&cache).map_err(at(&cache))?;

    let name = format!("{}-{:016x}", program.package, fnv1a(program.constraints.as_bytes()));
    let folder = cache.join(&name);
    let _lock = lock(&cache.join(format!("{name}.lock")), progress)?;

    let python = interpreter(&folder);
    if !folder.join(MARKER).exists() || !has_package(&python, program.package) {
        make(program, &folder, &python, progress)?;
    }
    let launcher = write_launcher(program.launcher, &folder)?;
    Ok(Venv { python, launcher })
}

/// Writes what is not there yet. A launcher with other contents has another folder.
fn write_launcher(files: &[(&str, &str)], venv: &Path) -> Result<PathBuf, VenvError> {
    let all: String = files.iter().flat_map(|(name, text)| [*name, "\0", *text, "\0"]).collect();
    let folder = venv.join(format!("launcher-{:016x}", fnv1a(all.as_bytes())));
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    for (name, text) in files {
        let file = folder.join(name);
        if fs::read(&file).ok().as_deref() != Some(text.as_bytes()) {
            fs::write(&file, text).map_err(at(&file))?;
        }
    }
    Ok(folder)
}

/// Whether the interpreter finds the package. It is a link to the system's Python: when that is replaced, it breaks, or leads to a newer
/// version, which looks for packages in another folder.
fn has_package(python: &Path, package: &str) -> bool {
    let find = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)";
    Command::new(python)
        .args(["-I", "-c", find, package])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn make(program: &Program, folder: &Path, python: &Path, progress: &mut dyn FnMut(&str)) -> Result<(), VenvError> {
    let system_python = find_python()?;
    if folder.exists() {
        progress(&format!("removing an unusable installation in `{}`", folder.display()));
        fs::remove_dir_all(folder).map_err(at(folder))?;
    }
    progress(&format!(
        "downloading {} {}, {}, into `{}`: once, about {} MB",
        program.package,
        version(program),
        program.what,
        folder.display(),
        program.megabytes
    ));

    let made = Command::new(system_python).args(["-I", "-m", "venv"]).arg(folder).output().map_err(at(folder))?;
    if !made.status.success() {
        return Err(VenvError::Venv { path: folder.to_owned(), output: last_lines(&made) });
    }

    let constraints = folder.join("constraints.txt");
    fs::write(&constraints, program.constraints).map_err(at(&constraints))?;
    let installed = Command::new(python)
        .args(["-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--retries", "2", "-c"])
        .arg(&constraints)
        .args(program.packages)
        .output()
        .map_err(at(python))?;
    if !installed.status.success() {
        return Err(VenvError::Pip { package: program.package, output: last_lines(&installed) });
    }

    let marker = folder.join(MARKER);
    fs::write(&marker, "").map_err(at(&marker))?;
    progress(&format!("{} is installed", program.package));
    Ok(())
}

fn cache_folder() -> Result<PathBuf, VenvError> {
    match std::env::var_os("SNAPBACK_CACHE_DIR") {
        Some(folder) if !folder.is_empty() => std::path::absolute(&folder).map_err(at(Path::new(&folder))),
        _ => dirs::cache_dir().map(|folder| folder.join("snapback")).ok_or(VenvError::NoCacheFolder),
    }
}

/// Waits for other processes that prepare the same environment. Dropping the file unlocks it.
fn lock(path: &Path, progress: &mut dyn FnMut(&str)) -> Result<File, VenvError> {
    let file = File::create(path).map_err(at(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress("waiting for another process that is preparing the stand-in account");
            file.lock().map_err(at(path))?;
        }
        Err(TryLockError::Error(error)) => return Err(at(path)(error)),
    }
    Ok(file)
}

/// The program to make the environment with: it has the version that is asked for, and the modules.
fn find_python() -> Result<&'static str, VenvError> {
    let mut best = VenvError::PythonMissing;
    for program in ["python3", "python"] {
        let script = "import sys; print('%d.%d' % sys.version_info[:2], flush=True); import venv, ensurepip";
        let Ok(output) = Command::new(program).args(["-I", "-c", script]).output() else {
            continue;
        };
        let printed = String::from_utf8_lossy(&output.stdout);
        let Some(version) = parse_version(&printed) else {
            continue;
        };
        if version < OLDEST_PYTHON {
            best = VenvError::PythonTooOld { program, version: printed.trim().to_owned() };
        } else if output.status.success() {
            return Ok(program);
        } else {
            best = VenvError::VenvModuleMissing { program };
        }
    }
    Err(best)
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn interpreter(folder: &Path) -> PathBuf {
    if cfg!(windows) { folder.join("Scripts").join("python.exe") } else { folder.join("bin").join("python") }
}

fn version(program: &Program) -> &'static str {
    let pinned = |line: &'static str| line.split_once("==").filter(|(name, _)| *name == program.package);
    program.constraints.lines().find_map(pinned).map_or("", |(_, version)| version.trim())
}

fn last_lines(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(QUOTED_LINES)).copied().collect::<Vec<_>>().join("\n")
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> VenvError {
    let path = path.to_owned();
    move |source| VenvError::Cache { path, source }
}

/// The 64-bit FNV-1a hash. The standard library's hasher may change with the compiler, and folders are named by this.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_gives_the_published_values() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(parse_version("3.9\n"), Some((3, 9)));
        assert!(parse_version("3.9") < Some(OLDEST_PYTHON));
        assert_eq!(parse_version("Python was not found"), None);
    }

    #[test]
    fn the_constraints_pin_the_programs() {
        assert!([MOTO, MINISTACK].iter().all(|program| !version(program).is_empty()));
    }
}
