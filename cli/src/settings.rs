//! Settings from a file, the environment and flags: flags beat variables, variables beat the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use rules::Settings;
use rules::settings::{Given, definitions};

/// Settings that do not make sense for the command: it brings a topic of its own.
const NOT_HERE: &[&str] = &["AlertTopicArn", "ChatTopicArn"];

/// One flag for each setting, and one for the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingFlags {
    /// The file given.
    file: Option<PathBuf>,
    /// Values by parameter.
    given: BTreeMap<&'static str, Given>,
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("settings")
            .long("settings")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("TOML file with settings by the names of template.yaml's parameters [default: settings.toml beside the events]");
        definitions().filter(|definition| !NOT_HERE.contains(&definition.parameter)).fold(
            command.arg(file),
            |command, definition| {
                let default = if definition.default.is_empty() { "none" } else { definition.default };
                let help = format!("{} [default: {default}] [variable: {}]", definition.takes, definition.variable());
                command.arg(
                    Arg::new(definition.parameter)
                        .long(definition.flag())
                        .value_name("VALUE")
                        .help(help)
                        .help_heading("Settings"),
                )
            },
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.file = matches.get_one::<PathBuf>("settings").cloned();
        for definition in definitions().filter(|definition| !NOT_HERE.contains(&definition.parameter)) {
            if let Some(value) = matches.get_one::<String>(definition.parameter) {
                let name = format!("--{}", definition.flag());
                self.given.insert(definition.parameter, Given { name, value: value.clone() });
            }
        }
        Ok(())
    }
}

impl SettingFlags {
    /// Whether a file was given.
    pub(crate) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// The settings for events in `folder`, and the file that was used: the one given, else a `settings.toml` in the folder.
    pub(crate) fn load(&self, folder: &Path) -> Result<(Settings, Option<PathBuf>)> {
        let (given, file) = self.given(folder)?;
        Ok((Settings::from_given(&given)?, file))
    }

    /// The values by parameter for events in `folder`, as far as they are given anywhere, and the file that was used.
    pub(crate) fn given(&self, folder: &Path) -> Result<(BTreeMap<&'static str, Given>, Option<PathBuf>)> {
        let beside = folder.join("settings.toml");
        let file = self.file.clone().or_else(|| beside.is_file().then_some(beside));
        let mut given = match &file {
            Some(file) => {
                from_file(file).with_context(|| format!("failed to read the settings in `{}`", file.display()))?
            }
            None => BTreeMap::new(),
        };
        for definition in definitions().filter(|definition| !NOT_HERE.contains(&definition.parameter)) {
            if let Ok(value) = std::env::var(definition.variable()) {
                given.insert(definition.parameter, Given { name: definition.variable(), value });
            }
        }
        given.extend(self.given.iter().map(|(parameter, value)| (*parameter, value.clone())));
        Ok((given, file))
    }
}

fn from_file(file: &Path) -> Result<BTreeMap<&'static str, Given>> {
    let table: toml::Table = std::fs::read_to_string(file)?.parse()?;
    let mut given = BTreeMap::new();
    for (name, value) in table {
        let Some(definition) = definitions().find(|definition| definition.parameter == name) else {
            let known: Vec<&str> = definitions().map(|definition| definition.parameter).collect();
            bail!("`{name}` is not a setting; there are {}", known.join(", "));
        };
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Array(list) if list.iter().all(toml::Value::is_str) => {
                list.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
            }
            other => bail!("`{name}` is {}; it takes {}", other.type_str(), definition.takes),
        };
        given.insert(definition.parameter, Given { name, value });
    }
    Ok(given)
}
