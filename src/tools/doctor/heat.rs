//! Temperature, power, and whether they slow the processor down or have done so.

use super::diagnosis::{Diagnosis, Level};
use super::machine::Machine;

/// Raspberry Pi: each bit of `get_throttled`, its meaning, and the remedy. The bit 16 places higher
/// says the same of any time since boot.
const THROTTLED: [(u32, &str, &str); 4] = [
    (
        0,
        "under-voltage",
        "use the official power supply and a short cable; USB devices may need a powered hub",
    ),
    (1, "the clock is capped", "cool the board: heat sink or fan, and room around it"),
    (2, "throttled", "cool the board, and check its power supply"),
    (3, "soft temperature limit", "cool the board: heat sink or fan, and room around it"),
];
const THROTTLED_FILE: &str = "/sys/devices/platform/soc/soc:firmware/get_throttled";
/// Limit in °C for a zone without trip points.
const HOT: f32 = 80.0;
/// A zone this many °C below its lowest passive, hot or critical trip point is too warm.
const CLOSE: f32 = 5.0;
const COOL: &str = "cool the board, or lower max_fps: a hot processor runs slower";

pub(super) fn examine(machine: &Machine, report: &mut Diagnosis) {
    zones(machine, report);
    raspberry(machine, report);
    intel(machine, report);
    clock(machine, report);
}

fn zones(machine: &Machine, report: &mut Diagnosis) {
    let folder = "/sys/class/thermal";
    let number = |path: String| Some(machine.read(&path)?.parse::<f32>().ok()? / 1000.0);
    let mut hottest: Option<(f32, f32, String)> = None;
    for zone in machine.list(folder, "thermal_zone") {
        let zone = format!("{folder}/{zone}");
        let Some(now) = number(format!("{zone}/temp")).filter(|t| (-40.0..200.0).contains(t)) else {
            continue;
        };
        let limit = machine
            .list(&zone, "trip_point_")
            .iter()
            .filter_map(|name| name.strip_suffix("_type"))
            .filter(|trip| {
                let kind = machine.read(&format!("{zone}/{trip}_type"));
                matches!(kind.as_deref(), Some("passive" | "hot" | "critical"))
            })
            .filter_map(|trip| number(format!("{zone}/{trip}_temp")))
            .filter(|limit| *limit > 30.0)
            .reduce(f32::min)
            .unwrap_or(HOT + CLOSE);
        let name = machine.read(&format!("{zone}/type")).unwrap_or_default();
        // Diagnosis the zone that is nearest to its limit.
        if hottest.as_ref().is_none_or(|(t, l, _)| now - limit > t - l) {
            hottest = Some((now, limit, name));
        }
    }
    match hottest {
        None => report.add(
            Level::Note,
            "heat",
            "this machine reports no temperature",
            "nothing, in a virtual machine",
        ),
        Some((now, limit, name)) if now > limit - CLOSE => {
            report.add(Level::Warning, "heat", format!("{now:.0} °C ({name}), limit {limit:.0} °C"), COOL);
        }
        Some((now, limit, name)) => report.ok("heat", format!("{now:.0} °C ({name}), limit {limit:.0} °C")),
    }
}

fn raspberry(machine: &Machine, report: &mut Diagnosis) {
    let Some(text) = machine.read(THROTTLED_FILE) else { return };
    let Ok(bits) = u32::from_str_radix(text.trim_start_matches("0x"), 16) else { return };
    let mut fine = true;
    for (bit, what, remedy) in THROTTLED {
        let (now, before) = (bits >> bit & 1 == 1, bits >> (bit + 16) & 1 == 1);
        if now || before {
            let when = if now { "now" } else { "since boot" };
            report.add(Level::Warning, "power", format!("{what} {when}"), remedy);
            fine = false;
        }
    }
    if fine {
        report.ok("power", "never throttled since boot");
    }
}

fn intel(machine: &Machine, report: &mut Diagnosis) {
    let count = |cpu: &String| {
        let path = format!("/sys/devices/system/cpu/{cpu}/thermal_throttle/core_throttle_count");
        machine.read(&path)?.parse::<u64>().ok()
    };
    let counts: Vec<u64> = machine.list("/sys/devices/system/cpu", "cpu").iter().filter_map(count).collect();
    let total: u64 = counts.iter().sum();
    if total > 0 {
        report.add(Level::Warning, "heat", format!("throttled {total} times by heat since boot"), COOL);
    }
}

/// Whether the processor's clock is limited: by hand, by a power mode, or by the kernel for heat.
fn clock(machine: &Machine, report: &mut Diagnosis) {
    let folder = "/sys/devices/system/cpu/cpufreq";
    for policy in machine.list(folder, "policy") {
        let read = |file: &str| machine.read(&format!("{folder}/{policy}/{file}"));
        let mhz = |file: &str| Some(read(file)?.parse::<u64>().ok()? / 1000);
        // The pstate drivers' `powersave` follows the load, unlike the other drivers'.
        let follows_load = read("scaling_driver").is_some_and(|driver| driver.contains("pstate"));
        if read("scaling_governor").as_deref() == Some("powersave") && !follows_load {
            let found = format!("{policy} runs at its lowest clock (governor powersave)");
            let remedy = format!("echo schedutil | sudo tee {folder}/policy*/scaling_governor");
            report.add(Level::Warning, "cpu", found, remedy);
        }
        if let (Some(allowed), Some(most)) = (mhz("scaling_max_freq"), mhz("cpuinfo_max_freq"))
            && allowed < most
        {
            report.add(
                Level::Warning,
                "cpu",
                format!("{policy}'s clock is capped at {allowed} of {most} MHz"),
                "cool the board if it is hot; otherwise select its full power mode (Jetson: `sudo nvpmodel -m 0`), or \
                 raise scaling_max_freq",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examined(files: &[(&str, &str)]) -> Diagnosis {
        let (_dir, machine) = Machine::with(files);
        let mut report = Diagnosis::default();
        examine(&machine, &mut report);
        report
    }

    #[test]
    fn reports_the_zone_nearest_to_its_limit() {
        let zone = |n, file| format!("sys/class/thermal/thermal_zone{n}/{file}");
        let mut files = vec![
            (zone(0, "temp"), "41000"),
            (zone(0, "type"), "gpu"),
            (zone(1, "temp"), "82500"),
            (zone(1, "type"), "cpu-thermal"),
            (zone(1, "trip_point_0_type"), "critical"),
            (zone(1, "trip_point_0_temp"), "110000"),
            (zone(1, "trip_point_1_type"), "passive"),
            (zone(1, "trip_point_1_temp"), "85000"),
            (zone(1, "trip_point_2_type"), "active"),
            (zone(1, "trip_point_2_temp"), "50000"),
        ];
        let report = |files: &[(String, &str)]| {
            examined(&files.iter().map(|(path, text)| (path.as_str(), *text)).collect::<Vec<_>>())
        };
        let hot = report(&files);
        assert_eq!(hot.findings[0].found, "82 °C (cpu-thermal), limit 85 °C");
        assert_eq!(hot.worst(), Level::Warning);
        files[2].1 = "60000";
        assert_eq!(report(&files).worst(), Level::Ok);
    }

    #[test]
    fn reports_a_limited_clock() {
        let policy = |file| format!("sys/devices/system/cpu/cpufreq/policy0/{file}");
        let cpu = |governor, driver, allowed| {
            let report = examined(&[
                (&policy("scaling_governor"), governor),
                (&policy("scaling_driver"), driver),
                (&policy("scaling_max_freq"), allowed),
                (&policy("cpuinfo_max_freq"), "1500000"),
            ]);
            let found = report.findings.into_iter().filter(|f| f.area == "cpu");
            found.map(|f| f.found).collect::<Vec<_>>()
        };
        assert_eq!(
            cpu("powersave", "cpufreq-dt", "1500000"),
            ["policy0 runs at its lowest clock (governor powersave)"]
        );
        assert_eq!(
            cpu("ondemand", "cpufreq-dt", "1000000"),
            ["policy0's clock is capped at 1000 of 1500 MHz"]
        );
        assert!(cpu("powersave", "intel_pstate", "1500000").is_empty());
    }

    #[test]
    fn reports_the_power_of_a_raspberry_pi() {
        let file = THROTTLED_FILE.trim_start_matches('/');
        let report = examined(&[(file, "50005\n")]);
        let power: Vec<&str> =
            report.findings.iter().filter(|f| f.area == "power").map(|f| f.found.as_str()).collect();
        assert_eq!(power, ["under-voltage now", "throttled now"]);
        let report = examined(&[(file, "10000\n")]);
        assert!(report.findings.iter().any(|f| f.found == "under-voltage since boot"));
        let report = examined(&[(file, "0\n")]);
        assert!(report.findings.iter().any(|f| f.area == "power" && f.level == Level::Ok));
    }
}
