//! A day in sentences.

use super::digest::Digest;
use crate::history::{Date, Mark};

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `Saturday, 28 November 2026`.
pub(super) fn date(date: Date) -> String {
    let name = |names: &[&'static str], number: i8| {
        usize::try_from(number - 1).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    let weekday = name(&DAYS, date.weekday().to_monday_one_offset());
    format!("{weekday}, {} {} {}", date.day(), name(&MONTHS, date.month()), date.year())
}

/// `6 h 40 min`, `3 min`, `40 s`.
pub(super) fn duration(seconds: u32) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ if seconds % 3600 < 60 => format!("{} h", seconds / 3600),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// What stands above the drawings.
pub(super) fn sentences(digest: &Digest<'_>) -> Vec<String> {
    let mut all = vec![who(digest)];
    all.extend(rest(digest));
    all.push(urgent(digest));
    all.push(record(digest));
    all
}

fn who(digest: &Digest<'_>) -> String {
    let ends = digest.visits.first().zip(digest.visits.last());
    let Some((first, last)) = ends else { return "Nobody was in view.".into() };
    let most = match digest.most_people {
        1 => "one person".to_owned(),
        n => format!("{n} people"),
    };
    let (from, to) = (digest.clock(first.start), digest.clock(last.end.saturating_sub(1)));
    let when = if from == to { format!("at {from}") } else { format!("in all, between {from} and {to}") };
    let long = duration(digest.occupied);
    format!("Somebody was in view for {long} {when}; at most {most} at once.")
}

fn rest(digest: &Digest<'_>) -> Option<String> {
    let rest = digest.longest_rest().filter(|rest| rest.end - rest.start >= 1800)?;
    Some(format!(
        "The longest time with nobody in view was {}, from {} to {}.",
        duration(rest.end - rest.start),
        digest.clock(rest.start),
        digest.clock(rest.end)
    ))
}

fn urgent(digest: &Digest<'_>) -> String {
    let times = |mark: Mark| -> Vec<String> {
        let seconds = digest.urgent.iter().filter(|(_, other)| *other == mark);
        seconds.map(|(second, _)| digest.clock(*second)).collect()
    };
    let mut parts = Vec::new();
    for (mark, one, many) in [
        (Mark::FallConfirmed, "A fall was confirmed at", "falls were confirmed:"),
        (Mark::Fall, "A fall was suspected at", "falls were suspected:"),
        (Mark::Help, "Somebody called for help at", "calls for help:"),
    ] {
        match times(mark).as_slice() {
            [] => {}
            [at] => parts.push(format!("{one} {at}.")),
            all if all.len() <= 4 => parts.push(format!("{} {many} {}.", all.len(), all.join(", "))),
            all => parts.push(format!("{} {many} the first at {}.", all.len(), all[0])),
        }
    }
    if parts.is_empty() { "No fall and no call for help was seen.".into() } else { parts.join(" ") }
}

fn record(digest: &Digest<'_>) -> String {
    let share = f64::from(digest.kept) / f64::from(digest.length.max(1));
    let mut text = if share > 0.995 {
        "The whole day is on record.".to_owned()
    } else {
        format!("On record: {} of the day; grey is the rest.", duration(digest.kept))
    };
    if digest.damaged > 0 {
        text += &format!(" {} seconds were damaged on disk.", digest.damaged);
    }
    text
}

/// `text` in lines of at most `most` characters.
pub(super) fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_dates_are_words() {
        let words: Vec<String> = [7, 180, 3600, 3659, 24_000].map(duration).into();
        assert_eq!(words, ["7 s", "3 min", "1 h", "1 h", "6 h 40 min"]);
        assert_eq!(date(Date::constant(2026, 11, 28)), "Saturday, 28 November 2026");
        assert_eq!(wrapped("a long word here", 6), ["a long", "word", "here"]);
    }
}
