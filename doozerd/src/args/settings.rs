//! What each source says of each flag, one source laid over another.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use super::error::UsageError;
use super::table::{self, Default, Flag, Kind};
use super::typed::quoted;
use super::value;

/// Where a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The command line.
    CommandLine,
    /// The variable of this name.
    Environment(&'static str),
    /// Nobody said anything else.
    Default,
}

/// One flag and its value.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) flag: &'static Flag,
    pub(super) source: Source,
    pub(super) value: OsString,
}

/// Settings in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Settings {
    all: Vec<Setting>,
}

impl Settings {
    /// What the environment sets: the default of `-b`.
    pub(super) fn from_environment(env: impl Fn(&str) -> Option<OsString>) -> Self {
        let mut settings = Self::default();
        if let Some(value) = env(table::BOOT_URI.name) {
            settings.push(Setting {
                flag: &table::BOOT,
                source: Source::Environment(table::BOOT_URI.name),
                value,
            });
        }
        settings
    }

    /// Adds a setting behind the others.
    pub(super) fn push(&mut self, setting: Setting) {
        self.all.push(setting);
    }

    /// These, and of `lower` what these say nothing about.
    pub(super) fn over(mut self, lower: Self) -> Self {
        let unsaid: Vec<_> = lower
            .all
            .into_iter()
            .filter(|low| !self.sets(low.flag))
            .collect();
        self.all.extend(unsaid);
        self
    }

    /// Whether anybody said anything of `flag`.
    pub(super) fn sets(&self, flag: &Flag) -> bool {
        self.every(flag).next().is_some()
    }

    /// Every setting of `flag`, in order.
    pub(super) fn every(&self, flag: &Flag) -> impl Iterator<Item = &Setting> {
        self.all
            .iter()
            .filter(move |setting| setting.flag.name == flag.name)
    }

    /// What `flag` was set to last, or its default, if it has one.
    pub(super) fn last(&self, flag: &'static Flag) -> Option<Setting> {
        let said = self.every(flag).last().cloned();
        said.or_else(|| match flag.default {
            Default::Typed(value) => Some(Setting {
                flag,
                source: Source::Default,
                value: value.into(),
            }),
            Default::None | Default::Derived(_) => None,
        })
    }

    /// The number that `flag` stands at, if it stands at one.
    pub(super) fn count(&self, flag: &'static Flag) -> Result<Option<u64>, UsageError> {
        self.parsed(flag, |text| match flag.kind {
            Kind::Count(min, max) => value::integer(text).filter(|n| (min..=max).contains(n)),
            Kind::Bytes(min, max) => value::bytes(text).filter(|n| (min..=max).contains(n)),
            Kind::Switch | Kind::Time(..) | Kind::Text(_) => None,
        })
    }

    /// The time that `flag` stands at, if it stands at one.
    pub(super) fn time(&self, flag: &'static Flag) -> Result<Option<Duration>, UsageError> {
        self.parsed(flag, |text| match flag.kind {
            Kind::Time(min, max) => value::time(text).filter(|time| (min..=max).contains(time)),
            Kind::Switch | Kind::Count(..) | Kind::Bytes(..) | Kind::Text(_) => None,
        })
    }

    /// The file or folder that `flag` stands at, if it stands at one.
    pub(super) fn path(&self, flag: &'static Flag) -> Result<Option<PathBuf>, UsageError> {
        let Some(setting) = self.last(flag) else {
            return Ok(None);
        };
        if setting.value.is_empty() {
            return Err(setting.refused());
        }
        Ok(Some(PathBuf::from(setting.value)))
    }

    /// What `parse` makes of what `flag` stands at, if it stands at anything.
    pub(super) fn parsed<T>(
        &self,
        flag: &'static Flag,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, UsageError> {
        self.last(flag)
            .map(|setting| setting.parsed(parse))
            .transpose()
    }
}

impl Setting {
    /// What `parse` makes of the value; an error if that is nothing, or the value no UTF-8.
    pub(super) fn parsed<T>(&self, parse: impl Fn(&str) -> Option<T>) -> Result<T, UsageError> {
        let text: &OsStr = &self.value;
        text.to_str().and_then(parse).ok_or_else(|| self.refused())
    }

    fn refused(&self) -> UsageError {
        let origin = match self.source {
            Source::Environment(variable) => variable.to_owned(),
            Source::CommandLine | Source::Default => self.flag.typed(),
        };
        UsageError::Value {
            origin,
            value: quoted(&self.value),
            allowed: self.flag.allowed(),
        }
    }
}
