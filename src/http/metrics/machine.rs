//! The process and the board, from /proc and /sys. What they do not tell is left out.

use super::Written;
use super::out::Out;
use std::path::Path;

/// Unit of times in /proc: 1/100 s on every Linux for x86 and ARM (USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;
/// Most temperature sensors that are read.
const SENSORS: usize = 16;

/// The process and the board at one moment.
#[derive(Debug)]
pub(super) struct Machine {
    resident_bytes: Option<f64>,
    threads: Option<f64>,
    cpu_s: Option<f64>,
    /// Name and degrees Celsius of each sensor.
    temperatures: Vec<(String, f64)>,
}

impl Machine {
    pub(super) fn here() -> Machine {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Machine {
            resident_bytes: field(&status, "VmRSS:").map(|kib| kib * 1024.0),
            threads: field(&status, "Threads:"),
            cpu_s: processor_time(&stat),
            temperatures: temperatures(Path::new("/sys/class/thermal")),
        }
    }

    pub(super) fn write(&self, out: &mut Out<'_>) -> Written {
        if let Some(bytes) = self.resident_bytes {
            out.gauge("process_resident_memory_bytes", "Resident memory", bytes)?;
        }
        if let Some(threads) = self.threads {
            out.gauge("process_threads", "Threads of the process", threads)?;
        }
        if let Some(seconds) = self.cpu_s {
            out.counter("process_cpu_seconds", "Processor time of the process", seconds)?;
        }
        let temperatures =
            self.temperatures.iter().map(|(sensor, degrees)| ([("sensor", sensor.as_str())], *degrees));
        out.gauges("posed_temperature_celsius", "Temperatures of the board", temperatures)
    }
}

/// The number after `key` in /proc/self/status.
fn field(status: &str, key: &str) -> Option<f64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Seconds in user and system mode of /proc/self/stat: fields 14 and 15. The name in field 2 is in
/// brackets and may hold spaces.
fn processor_time(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

/// Two sensors of one type differ by the number of their zone.
fn temperatures(zones: &Path) -> Vec<(String, f64)> {
    let Ok(entries) = std::fs::read_dir(zones) else { return Vec::new() };
    let mut found: Vec<(String, f64)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix("thermal_zone")?;
            let read = |file: &str| std::fs::read_to_string(entry.path().join(file)).ok();
            let kind = read("type")?;
            let millidegrees: f64 = read("temp")?.trim().parse().ok()?;
            Some((format!("{}-{number}", kind.trim()), millidegrees / 1e3))
        })
        .take(SENSORS)
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_threads_and_time() {
        let machine = Machine::here();
        assert!(machine.resident_bytes.unwrap() > 1e6 && machine.threads.unwrap() >= 1.0);
        assert!(machine.cpu_s.is_some());
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 2 0 0 0 150 25 0 0 20 0 9 0 3 4";
        assert_eq!((processor_time(stat), processor_time("")), (Some(1.75), None));
    }

    #[test]
    fn sensors_that_cannot_be_read_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        for (zone, kind, temp) in [("thermal_zone0", "cpu\n", "48312\n"), ("thermal_zone1", "off\n", "")] {
            std::fs::create_dir(dir.path().join(zone)).unwrap();
            std::fs::write(dir.path().join(zone).join("type"), kind).unwrap();
            std::fs::write(dir.path().join(zone).join("temp"), temp).unwrap();
        }
        std::fs::create_dir(dir.path().join("cooling_device0")).unwrap();
        assert_eq!(temperatures(dir.path()), [("cpu-0".to_owned(), 48.312)]);
        assert!(temperatures(Path::new("/nonexistent")).is_empty());
    }
}
