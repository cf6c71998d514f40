//! Findings over time, in as many steps as a picture has room for.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rules::foresee::Verdict;

use super::super::tally::ByVerdict;

/// How long a step may be, in seconds, and its name. Each divides the next; those from a week on begin on a Monday.
const STEPS: [(i64, &str); 13] = [
    (60, "minute"),
    (5 * 60, "5 minutes"),
    (15 * 60, "15 minutes"),
    (HOUR, "hour"),
    (3 * HOUR, "3 hours"),
    (6 * HOUR, "6 hours"),
    (12 * HOUR, "12 hours"),
    (DAY, "day"),
    (WEEK, "week"),
    (4 * WEEK, "4 weeks"),
    (52 * WEEK, "52 weeks"),
    (520 * WEEK, "520 weeks"),
    (52_000 * WEEK, "52,000 weeks"),
];
const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// From a Monday to the beginning of Unix time, a Thursday.
const SINCE_MONDAY: i64 = 3 * DAY;

/// How many steps with findings are remembered. With more, they become longer.
const MOST_REMEMBERED: usize = 4_096;

/// How many bars a picture has.
const MOST_BARS: i64 = 80;
const FEWEST_BARS: i64 = 16;

/// How many findings of each verdict there were in each step.
#[derive(Default)]
pub(super) struct Timeline {
    /// Which of the steps.
    step: usize,
    /// By the number of the step.
    numbers: BTreeMap<i64, ByVerdict>,
    /// The time of the first finding, and of the last.
    span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Findings that tell no time.
    without_time: u64,
}

/// What there is to draw.
pub(super) struct Drawn {
    /// What a step is called.
    pub(super) step: &'static str,
    /// Whether a step is a day or longer.
    pub(super) is_in_days: bool,
    /// Where each bar begins, and how many findings there are in it.
    pub(super) bars: Vec<(DateTime<Utc>, ByVerdict)>,
    /// Where the last ends.
    pub(super) end: DateTime<Utc>,
}

impl Timeline {
    pub(super) fn add(&mut self, verdict: Verdict, time: Option<DateTime<Utc>>) {
        let Some(time) = time else {
            self.without_time += 1;
            return;
        };
        self.span = Some(self.span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        let number = (time.timestamp() + SINCE_MONDAY).div_euclid(seconds(self.step));
        *self.numbers.entry(number).or_default().entry(verdict).or_default() += 1;
        if self.numbers.len() > MOST_REMEMBERED {
            (self.step, self.numbers) = longer(self.step, &self.numbers);
        }
    }

    pub(super) fn span(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        self.span
    }

    pub(super) fn without_time(&self) -> u64 {
        self.without_time
    }

    /// `None` if no finding tells its time.
    pub(super) fn drawn(&self) -> Option<Drawn> {
        let (mut step, mut numbers) = (self.step, self.numbers.clone());
        let span =
            |numbers: &BTreeMap<i64, ByVerdict>| Some((*numbers.first_key_value()?.0, *numbers.last_key_value()?.0));
        let (mut first, mut last) = span(&numbers)?;
        while last - first >= MOST_BARS && step + 1 < STEPS.len() {
            (step, numbers) = longer(step, &numbers);
            (first, last) = span(&numbers)?;
        }
        // A few would be a few very broad ones.
        let missing = (FEWEST_BARS - (last - first + 1)).max(0);
        first -= missing / 2;
        last += missing - missing / 2;
        let begin = |number: i64| DateTime::from_timestamp(number * seconds(step) - SINCE_MONDAY, 0);
        let bars = (first..=last).map(|number| Some((begin(number)?, numbers.remove(&number).unwrap_or_default())));
        Some(Drawn {
            step: STEPS.get(step).map_or("", |(_, name)| name),
            is_in_days: seconds(step) >= DAY,
            bars: bars.collect::<Option<_>>()?,
            end: begin(last + 1)?,
        })
    }
}

fn seconds(step: usize) -> i64 {
    STEPS.get(step).map_or(WEEK, |(seconds, _)| *seconds)
}

/// The same in the next longer step, if there is one.
fn longer(step: usize, numbers: &BTreeMap<i64, ByVerdict>) -> (usize, BTreeMap<i64, ByVerdict>) {
    let next = (step + 1).min(STEPS.len() - 1);
    let factor = seconds(next) / seconds(step);
    let mut together = BTreeMap::<i64, ByVerdict>::new();
    for (number, verdicts) in numbers {
        let sums = together.entry(number.div_euclid(factor)).or_default();
        for (verdict, count) in verdicts {
            *sums.entry(*verdict).or_default() += count;
        }
    }
    (next, together)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(times: &[&str]) -> Timeline {
        let mut timeline = Timeline::default();
        for time in times {
            timeline.add(Verdict::Revert, time.parse().ok());
        }
        timeline
    }

    fn bars(drawn: &Drawn) -> Vec<(String, u64)> {
        let bars = drawn.bars.iter().filter(|(_, verdicts)| !verdicts.is_empty());
        bars.map(|(begin, verdicts)| (begin.to_rfc3339(), verdicts.values().sum())).collect()
    }

    #[test]
    fn steps_divide_one_another() {
        assert!(STEPS.windows(2).all(|steps| steps[1].0 % steps[0].0 == 0));
    }

    #[test]
    fn a_step_is_as_long_as_the_time_asks_for() {
        for (times, step, expected) in [
            (&["2026-01-07T03:04:05Z"][..], "minute", vec![("2026-01-07T03:04:00+00:00", 1)]),
            (
                &["2026-01-07T03:59:59Z", "2026-01-07T03:00:00Z", "2026-01-09T00:00:00Z"],
                "hour",
                vec![("2026-01-07T03:00:00+00:00", 2), ("2026-01-09T00:00:00+00:00", 1)],
            ),
            // Weeks begin on Mondays.
            (
                &["2025-01-05T23:59:59Z", "2026-01-07T03:00:00Z"],
                "week",
                vec![("2024-12-30T00:00:00+00:00", 1), ("2026-01-05T00:00:00+00:00", 1)],
            ),
            (
                &["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"],
                "52,000 weeks",
                vec![("-0024-10-18T00:00:00+00:00", 1), ("9942-10-12T00:00:00+00:00", 1)],
            ),
        ] {
            let drawn = timeline(times).drawn().unwrap();
            assert_eq!(drawn.step, step);
            let expected: Vec<(String, u64)> =
                expected.into_iter().map(|(begin, number)| (begin.to_owned(), number)).collect();
            assert_eq!(bars(&drawn), expected);
            assert!((16..=80).contains(&drawn.bars.len()), "{}", drawn.bars.len());
            assert!(drawn.end > drawn.bars.last().unwrap().0);
        }
    }

    #[test]
    fn little_is_remembered_of_many_times() {
        let mut timeline = timeline(&["", "no time"]);
        assert!(timeline.drawn().is_none());
        for number in 0..100_000 {
            timeline.add(Verdict::Alert, DateTime::from_timestamp(number * 60, 0));
        }
        assert!(timeline.numbers.len() <= MOST_REMEMBERED);
        assert_eq!(timeline.without_time(), 2);
        let (first, last) = timeline.span().unwrap();
        assert_eq!((first.timestamp(), last.timestamp()), (0, 99_999 * 60));
        let drawn = timeline.drawn().unwrap();
        assert_eq!(bars(&drawn).iter().map(|(_, number)| number).sum::<u64>(), 100_000);
    }
}
