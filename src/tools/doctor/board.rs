//! The board, its memory, and which kernels run on its processor.

use super::diagnosis::{Diagnosis, Level};
use super::machine::Machine;
use crate::config::Config;
use crate::kernels::Isa;

/// Extensions that our kernels use, as /proc/cpuinfo names them on x86 and on ARM.
const FEATURES: [&str; 13] = [
    "sse4_1",
    "avx2",
    "fma",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "neon",
    "asimd",
    "asimddp",
    "i8mm",
    "sve",
    "vfpv4",
    "crc32",
];
/// With less, a camera's decoder and a model leave nothing for other programs.
const LITTLE_MEMORY_MB: u64 = 150;

pub(super) fn examine(machine: &Machine, config: Option<&Config>, report: &mut Diagnosis) {
    report.ok("board", board(machine));
    cpu(machine, config, report);
    memory(machine, report);
}

fn board(machine: &Machine) -> String {
    let model = machine
        .read("/proc/device-tree/model")
        .or_else(|| machine.read("/sys/class/dmi/id/product_name"))
        .filter(|model| !model.is_empty())
        .unwrap_or_else(|| "unknown board".into());
    let os = machine.read("/etc/os-release").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(line.trim_matches('"').to_owned())
    });
    // "# R36 (release), REVISION: 3.0, GCID: ..."
    let l4t = machine.read("/etc/nv_tegra_release").and_then(|text| {
        let mut parts = text.trim_start_matches('#').split(',');
        let release = parts.next()?.split_whitespace().next()?.to_owned();
        let revision = parts.next()?.trim().strip_prefix("REVISION: ")?.to_owned();
        Some(format!("Jetson Linux {release}.{revision}"))
    });
    let kernel = machine.read("/proc/sys/kernel/osrelease").map(|release| format!("Linux {release}"));
    let parts = [Some(model), Some(std::env::consts::ARCH.to_owned()), l4t, os, kernel];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn cpu(machine: &Machine, config: Option<&Config>, report: &mut Diagnosis) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let features = features(&machine.read("/proc/cpuinfo").unwrap_or_default()).join(" ");
    let features =
        if features.is_empty() { "no vector extension that posed uses".to_owned() } else { features };
    let have: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
    let configured = config.and_then(|config| config.inference.kernels.clone());
    let chosen = configured.clone().unwrap_or_else(|| Isa::best().name().to_owned());
    let found = format!("{cores} cores, {features}; kernels: {chosen} (of {})", have.join(", "));
    if Isa::named(&chosen).is_none() {
        report.add(
            Level::Fault,
            "cpu",
            format!("the configuration names kernels {chosen:?}, which do not run here; {found}"),
            "set kernels = \"auto\" in [inference]",
        );
    } else if configured.is_some_and(|name| name != Isa::best().name()) {
        report.add(
            Level::Warning,
            "cpu",
            found,
            "set kernels = \"auto\" in [inference] to use the fastest ones",
        );
    } else if chosen == "generic" {
        report.add(
            Level::Note,
            "cpu",
            found,
            "posed has no kernels for this processor: expect a low frame rate; use the smaller model \
             (lpn50-128x96) and max_fps",
        );
    } else {
        report.ok("cpu", found);
    }
}

/// Those of [`FEATURES`] that the first processor has.
fn features(cpuinfo: &str) -> Vec<&'static str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("flags") || line.starts_with("Features"));
    let has: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    FEATURES.into_iter().filter(|feature| has.contains(feature)).collect()
}

fn memory(machine: &Machine, report: &mut Diagnosis) {
    let text = machine.read("/proc/meminfo").unwrap_or_default();
    let mb = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
    };
    let (Some(total), Some(free)) = (mb("MemTotal"), mb("MemAvailable")) else { return };
    let found = format!("{free} of {total} MB free");
    if free < LITTLE_MEMORY_MB {
        report.add(
            Level::Warning,
            "memory",
            found,
            "stop other programs, or use the smaller model and fewer cameras; swapping stops frames for seconds",
        );
    } else {
        report.ok("memory", found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raspberry_pi_and_a_jetson_say_what_they_are() {
        let (_dir, pi) = Machine::with(&[
            ("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0"),
            ("etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
        ]);
        let said = board(&pi);
        assert!(said.starts_with("Raspberry Pi 4 Model B Rev 1.4, "), "{said}");
        assert!(said.contains("Debian GNU/Linux 12 (bookworm)"), "{said}");
        let (_dir, jetson) = Machine::with(&[(
            "etc/nv_tegra_release",
            "# R36 (release), REVISION: 3.0, GCID: 36923193, BOARD: generic, EABI: aarch64\n",
        )]);
        assert!(board(&jetson).contains("Jetson Linux R36.3.0"), "{}", board(&jetson));
    }

    #[test]
    fn flags_are_whole_words() {
        assert_eq!(features("processor : 0\nFeatures\t: fp asimd evtstrm crc32\n"), ["asimd", "crc32"]);
        assert_eq!(features("flags : fma avx2x avx512_vnni"), ["fma", "avx512_vnni"]);
    }

    #[test]
    fn little_memory_is_a_warning() {
        let (_dir, small) =
            Machine::with(&[("proc/meminfo", "MemTotal: 440000 kB\nMemAvailable: 90000 kB\n")]);
        let mut report = Diagnosis::default();
        memory(&small, &mut report);
        assert_eq!(report.worst(), Level::Warning, "{report:?}");
    }
}
